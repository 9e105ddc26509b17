package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

func (a *app) infoCommand() *cobra.Command {
	var layers, deploy bool
	var size, convention string
	c := &cobra.Command{
		Use:   "info NAME",
		Short: "Print one model: source, licence, preprocessing, parameters, FLOPs",
		Long: `Print what is known of one model, how its file in the cache came, and its parameters and FLOPs as counted from the network;
with --layers for every layer. Of a network that has two forms both are counted; json and
--layers print that of the checkpoint, and with --deploy the one that it can be fused to.
Formats: human, json; with --layers also csv and md.

` + dropped(layersDrop),
		Example: "  zoo info cspresnet50_3rdparty_8xb32_in1k --layers --convention mmengine --size 256",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON, formatCSV, formatMarkdown)
			if err != nil {
				return err
			}
			entry, err := z.Lookup(args[0])
			if err != nil {
				return err
			}
			if convention == "" {
				convention = entry.Published.FLOPsConvention
			}
			conv, err := metrics.ParseConvention(convention)
			if err != nil {
				return &usageError{err}
			}
			h, w := entry.Published.FLOPsSize, entry.Published.FLOPsSize
			if size != "" {
				if h, w, err = parseSize(size); err != nil {
					return err
				}
			}
			forms, err := countForms(z, entry.Name, conv, h, w)
			if err != nil {
				return err
			}
			if deploy {
				if forms = forms[1:]; len(forms) == 0 {
					return usage("--deploy: %s has no deploy form", entry.Name)
				}
			}
			here, err := cachedAs(z, entry.Name)
			if err != nil {
				return err
			}
			var rowOrigin string // of a row that no file states
			if origin, ok := z.RowOrigin(entry.Name); ok {
				rowOrigin = origin.String()
			}
			if format == formatJSON {
				return a.printInfoJSON(entry, forms[0], layers, here, z.StandIn(entry.Name), z.Registry().Overrides(entry.Name), rowOrigin)
			}
			if layers {
				return a.printLayers(forms[0].Cost, format)
			}
			if format != formatHuman {
				return usage("--format %s goes with --layers", format)
			}
			a.printInfo(entry, forms, here, z.StandIn(entry.Name), z.Registry().Overrides(entry.Name), rowOrigin)
			return nil
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.BoolVar(&layers, "layers", false, "print every layer with its shapes, parameters and FLOPs")
	f.BoolVar(&deploy, "deploy", false, "count the deploy form, of a network that has one")
	f.StringVar(&convention, "convention", "", "FLOPs convention: "+joined(metrics.Conventions())+" (default: the published one)")
	f.StringVar(&size, "size", "", "input size to count at, such as 256 or 256x320 (default: the published one)")
	return c
}

// cachedAs returns the file in the cache that stands for a name; nil for none.
func cachedAs(z *zoo.Zoo, name string) (*zoo.Source, error) {
	sources, err := z.Cached()
	if i := slices.IndexFunc(sources, func(s *zoo.Source) bool { return s.Model == name }); i >= 0 {
		return sources[i], nil
	}
	return nil, err
}

// formTraining names the form that the checkpoint of a network of two forms holds.
const formTraining = "training"

// A countedForm is what was counted of one form of a network.
type countedForm struct {
	metrics.Cost
	name string // formTraining or that of nn.Deploy; empty for a network of one form
}

// countForms counts a network for an input of h x w, in each of its forms: that of the
// checkpoint, and the deploy form where there is one.
func countForms(z *zoo.Zoo, name string, c metrics.Convention, h, w int) ([]countedForm, error) {
	var forms []countedForm
	for _, form := range []nn.Form{nn.AsTrained, nn.Deploy} {
		g, err := z.Graph(name, form)
		if errors.Is(err, backbone.ErrNoDeploy) {
			return forms, nil
		}
		if err != nil {
			return nil, err
		}
		cost, err := metrics.Count(g, tensor.Shape{1, g.Channels, h, w}, c)
		if err != nil {
			return nil, err
		}
		forms = append(forms, countedForm{Cost: cost})
	}
	forms[0].name, forms[1].name = formTraining, string(nn.Deploy)
	return forms, nil
}

// maxSide bounds the sides of an input, in pixels, as the registry does.
const maxSide = 1 << 14

// parseSize parses "256" or "HxW".
func parseSize(s string) (h, w int, err error) {
	hs, ws, two := strings.Cut(s, "x")
	if !two {
		ws = hs
	}
	h, err1 := strconv.Atoi(hs)
	w, err2 := strconv.Atoi(ws)
	if err1 != nil || err2 != nil || h < 1 || w < 1 || h > maxSide || w > maxSide {
		return 0, 0, usage("--size %s: expected a size such as 256 or 256x320 (height x width), each side up to %d", s, maxSide)
	}
	return h, w, nil
}

func (a *app) printInfo(
	e *registry.Entry, forms []countedForm, here *zoo.Source, standIn *zoo.StandIn, overrides []registry.Override, rowOrigin string,
) {
	line := func(key, value string) {
		if value != "" {
			a.field(15, key, value)
		}
	}
	line("name", e.Name)
	line("family", e.Family+", "+e.Arch)
	line("like", e.Base)
	line("classes", strings.TrimSpace(fmt.Sprintf("%d %s", e.Classes, cmp.Or(string(e.Labels), strings.Join(e.ClassNames, ", ")))))
	line("source", cmp.Or(printable.Shown(e.Weights.URL), "none is known: zoo import brings a file of the weights"))
	line("digest", cmp.Or(a.hex(e.Weights.Digest.Text()), undigested(e)))
	for _, o := range overrides {
		line("overridden", fmt.Sprintf("%s, by %s", strings.Join(o.Keys, ", "), o.File))
	}
	if here != nil {
		line("cached", fmt.Sprintf("%s, checked by %s, from %s", a.hex("sha256:"+here.Digest.String()), here.CheckedBy, here.Origin))
	}
	if standIn != nil {
		use := "used as long as the published file is not here"
		if here != nil {
			use = "not used, since the published file is here"
		}
		line("embedded", fmt.Sprintf("%s, %s of that file, %s", a.hex(standIn.Digest.Text()), standIn.Kind, use))
	}
	line("row", rowOrigin)
	line("container", e.Weights.Container)
	line("converted from", printable.Shown(e.Weights.ConvertedFrom))
	line("licence", orDash(e.Weights.Licence))
	line("preprocessing", e.Input.String())
	p := e.Published
	line("published", fmt.Sprintf("Params %s M, Flops %s G, Top-1 %s, Top-5 %s (%s)", orDash(p.ParamsM.String()), orDash(p.FLOPsG.String()), orDash(p.Top1.String()), orDash(p.Top5.String()), orDash(p.Source)))
	for _, f := range forms {
		if f.name == cmp.Or(string(p.Form), formTraining) {
			line("form", f.name+", that of the published figures")
		} else {
			line("form", f.name)
		}
		line("params", fmt.Sprint(f.Params))
		line("flops", fmt.Sprintf("%d (%s, %s, input %v)", f.FLOPs, f.Convention, f.Scope, f.Input))
		line("classifier", fmt.Sprintf("%d FLOPs", f.HeadFLOPs))
		for _, op := range f.ByOperator {
			a.field(23, "  "+op.Kind, fmt.Sprint(op.FLOPs))
		}
	}
}

// printLayers prints one line per operator that wants parameters or counts FLOPs.
func (a *app) printLayers(cost metrics.Cost, format string) error {
	t := table.Table{
		Header: []string{"Module", "Operator", "Output", "Params", "MACs", "FLOPs"},
		Right:  []bool{false, false, false, true, true, true},
		Drop:   layersDrop,
	}
	for _, l := range cost.Layers {
		t.Rows = append(t.Rows, []string{
			l.Path, l.Kind, l.Out.String(), strconv.FormatInt(l.Params, 10), strconv.FormatInt(l.MACs, 10), strconv.FormatInt(l.FLOPs, 10),
		})
	}
	switch format {
	case formatCSV:
		return t.CSV(a.stdout)
	case formatMarkdown:
		return t.Markdown(a.stdout)
	}
	return a.printTable(t)
}

// layersDrop is the order in which a narrow terminal goes without columns.
var layersDrop = []string{"MACs", "Output", "Operator", "Params"}

func (a *app) printInfoJSON(
	e *registry.Entry, cost countedForm, layers bool, here *zoo.Source, standIn *zoo.StandIn, overrides []registry.Override, rowOrigin string,
) error {
	type override struct {
		File string   `json:"file"`
		Keys []string `json:"keys"`
	}
	type operator struct {
		Kind  string `json:"kind"`
		FLOPs int64  `json:"flops"`
	}
	type layer struct {
		Path   string       `json:"path"`
		Kind   string       `json:"kind"`
		Out    tensor.Shape `json:"output"`
		Params int64        `json:"params"`
		MACs   int64        `json:"macs"`
		FLOPs  int64        `json:"flops"`
		Head   bool         `json:"classifier"`
	}
	out := struct {
		Name          string             `json:"name"`
		Family        string             `json:"family"`
		Arch          string             `json:"arch"`
		Base          string             `json:"base,omitempty"`
		Classes       int                `json:"classes"`
		Labels        string             `json:"labels,omitempty"` // list that numbers the classes
		ClassNames    []string           `json:"class_names,omitempty"`
		URL           string             `json:"url,omitempty"`
		Digest        string             `json:"digest,omitempty"`
		Overrides     []override         `json:"overrides,omitempty"` // of a built-in row
		Row           string             `json:"row,omitempty"`       // the bundle that brought the row
		Cached        *zoo.Source        `json:"cached,omitempty"`
		StandIn       *standInJSON       `json:"stand_in,omitempty"` // part of the program; used where nothing is cached
		Container     string             `json:"container,omitempty"`
		ConvertedFrom string             `json:"converted_from,omitempty"`
		Licence       string             `json:"licence,omitempty"`
		Preprocessing string             `json:"preprocessing"`
		Pipeline      vision.Pipeline    `json:"pipeline"` // the same, in numbers
		Published     registry.Published `json:"published"`
		Form          string             `json:"form,omitempty"`
		Params        int64              `json:"params"`
		FLOPs         int64              `json:"flops"`
		HeadFLOPs     int64              `json:"classifier_flops"`
		Convention    string             `json:"convention"`
		Scope         string             `json:"scope"`
		Input         tensor.Shape       `json:"input"`
		ByOperator    []operator         `json:"by_operator"`
		Layers        []layer            `json:"layers,omitempty"`
	}{
		e.Name, e.Family, e.Arch, e.Base, e.Classes, string(e.Labels), e.ClassNames, printable.Shown(e.Weights.URL),
		e.Weights.Digest.Text(), nil, rowOrigin, here, toStandInJSON(standIn), e.Weights.Container,
		printable.Shown(e.Weights.ConvertedFrom), e.Weights.Licence, e.Input.String(), e.Input, e.Published,
		cost.name, cost.Params, cost.FLOPs, cost.HeadFLOPs,
		string(cost.Convention), string(cost.Scope), cost.Input, nil, nil,
	}
	for _, o := range overrides {
		out.Overrides = append(out.Overrides, override{o.File, o.Keys})
	}
	for _, op := range cost.ByOperator {
		out.ByOperator = append(out.ByOperator, operator{op.Kind, op.FLOPs})
	}
	if layers {
		for _, l := range cost.Layers {
			out.Layers = append(out.Layers, layer{l.Path, l.Kind, l.Out, l.Params, l.MACs, l.FLOPs, l.Head})
		}
	}
	return a.printJSON(out)
}

// undigested says what the file of a row without a digest is checked by.
func undigested(e *registry.Entry) string {
	if strings.HasPrefix(e.Weights.URL, registry.HubScheme) {
		return "the one that the hub states when the file is fetched"
	}
	return "none is stated: the file is checked by nothing"
}
