package main

import (
	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
)

func (a *app) rowCommand() *cobra.Command {
	var o zoo.RowOptions
	var classes string
	c := &cobra.Command{
		Use:   "row FILE --like NAME",
		Short: "Write a row of zoo.toml for a checkpoint of one's own",
		Long: `Print a row for zoo.toml that makes a checkpoint a model with a name: like another row, whose
network the checkpoint must fit, with the number and the names of its classes, its path as given,
its digest and its size. Class names come from the checkpoint, or from --classes. Formats:
human, json.`,
		Example: `  zoo row runs/best.pth --like resnet50_8xb32_in1k --name flowers >> zoo.toml
  zoo predict flowers rose.jpg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if o.Like == "" {
				return usage("--like: name the row that this one is like")
			}
			if classes != "" {
				var err error
				if o.Classes, err = converter.ReadClasses(classes); err != nil {
					return &usageError{err}
				}
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			if o.Like, err = a.resolve(z, o.Like); err != nil {
				return err
			}
			path, err := zoo.ExpandHome(args[0])
			if err == nil {
				err = inputFile(path)
			}
			if err != nil {
				return &usageError{err}
			}
			text, err := z.Row(cmd.Context(), path, o)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Row string `json:"row"` // text for a zoo.toml
				}{text})
			}
			_, err = a.stdout.Write([]byte(text))
			return err
		},
	}
	c.Flags().StringVar(&o.Like, "like", "", "registry name whose network and preprocessing the row takes")
	c.Flags().StringVar(&o.Name, "name", "", "name of the row (default: made of the file's name)")
	c.Flags().StringVar(&classes, "classes", "", "file of class names in label order, one a line or a JSON list")
	archFlag(c, &o.Network)
	c.RegisterFlagCompletionFunc("like", a.completeNames)
	return c
}
