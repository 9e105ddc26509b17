package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

func (a *app) pushCommand() *cobra.Command {
	var o zoo.PushOptions
	c := &cobra.Command{
		Use:   "push NAME oci://HOST/REPOSITORY:TAG",
		Short: "Push a model's file and its row to an OCI registry",
		Long: `Fetch a model's file where need be and push it to an OCI registry, with its row of zoo.toml, as
an artifact of one layer; with --converted, the file that zoo convert makes of it. Prints the
address that names it by digest. That address is a NAME for every command that uses a model, on
a machine that has neither file nor row, and may stand as url in a zoo.toml. Logins are docker's.
Formats: human, json, which says what was sent and what the registry had.`,
		Example: "  zoo push cspresnet-nano_digits oci://localhost:5000/models/nano:v1\n" +
			"  zoo push flowers oci://localhost:5000/models/flowers:v1 --converted --format json",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			name, err := a.resolve(z, args[0])
			if err != nil {
				return err
			}
			pushed, err := z.Push(cmd.Context(), name, args[1], o)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Model string `json:"model"`
					*store.Pushed
				}{name, pushed})
			}
			a.line("%s", pushed.Reference)
			a.hint("row: %s, %d bytes%s", pushed.Config.Digest, pushed.Config.Size, there(pushed.Config))
			for _, l := range pushed.Layers {
				a.hint("%s: %s, %d bytes%s", l.Title, l.Digest, l.Size, there(l))
			}
			return nil
		},
		ValidArgsFunction: a.completeFirstName,
	}
	c.Flags().BoolVar(&o.Converted, "converted", false, "push the converted file, as safetensors, in place of the published one")
	return c
}

// there says of a part of an artifact that it was not sent.
func there(b store.PushedBlob) string {
	if b.There {
		return ", which the registry had"
	}
	return ""
}

// nameFlags are the flags whose value may be the name of a model.
var nameFlags = []string{"for", "model"}

// takeAddresses lets a command take addresses of artifacts wherever it takes names of models that have
// weights, and its commands, too.
func (a *app) takeAddresses(c *cobra.Command) {
	switch c.CommandPath() {
	case "zoo push":
		a.addressed(c, 1, zoo.PullOptions{})
	case "zoo lock":
		a.addressed(c, -1, zoo.PullOptions{ToPin: true})
	case "zoo info", "zoo download", "zoo convert", "zoo verify", "zoo predict", "zoo embed", "zoo eval", "zoo report", "zoo bench",
		"zoo pixels", "zoo bundle create":
		a.addressed(c, -1, zoo.PullOptions{})
	}
	for _, sub := range c.Commands() {
		a.takeAddresses(sub)
	}
}

// addressed lets a command take the address of an artifact where it takes the name of a model: in its
// first n arguments, all where n is below 0, and in some flags. The row that the artifact carries becomes
// one of those that open knows, and its name takes the place of the address.
func (a *app) addressed(c *cobra.Command, n int, o zoo.PullOptions) {
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var pulled []*registry.Entry
		pull := func(text string) (string, error) {
			bring := (*zoo.Zoo).Pull
			if _, isRepository := registry.ParseRepository(text); isRepository {
				bring = (*zoo.Zoo).HubModel
			} else if !strings.HasPrefix(text, registry.OCIScheme) {
				return text, nil
			}
			warned := a.warned
			a.warned = true // what is said once is said when the command itself begins
			z, err := a.open()
			a.warned = warned
			if err != nil {
				return "", err
			}
			e, err := bring(z, cmd.Context(), text, o)
			if err != nil {
				return "", err
			}
			for _, other := range pulled {
				if other.Name == e.Name && other.Weights.URL != e.Weights.URL {
					return "", usage("%s and %s are both called %s: name one at a time", other.Weights.URL, e.Weights.URL, e.Name)
				}
			}
			pulled = append(pulled, e)
			return e.Name, nil
		}
		named := append([]string(nil), args...)
		for i := range named {
			if n >= 0 && i >= n {
				break
			}
			var err error
			if named[i], err = pull(named[i]); err != nil {
				return err
			}
		}
		for _, name := range nameFlags {
			f := cmd.Flags().Lookup(name)
			if f == nil || !f.Changed {
				continue
			}
			value, err := pull(f.Value.String())
			if err == nil {
				err = f.Value.Set(value)
			}
			if err != nil {
				return fmt.Errorf("--%s: %w", name, err)
			}
		}
		a.pulled = pulled
		return run(cmd, named)
	}
}
