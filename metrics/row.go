package metrics

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Published holds the figures that a model was published with, as texts so that
// their precision is known. An empty text was not published.
type Published struct {
	Params string // in millions, such as "27.64"
	FLOPs  string // in units of 10^9, such as "5.04"
	// Convention and Input, (1,C,H,W), are how FLOPs was counted. They must be
	// given even where FLOPs is empty.
	Convention Convention
	Input      tensor.Shape
	// Form is which form of the network was counted. The graph must be of that form.
	Form       nn.Form
	Labels     string // name of the classes, such as "imagenet-1k"; empty if not known
	Top1, Top5 string // percent, such as "80.05"
	Images     int    // on which Top1 and Top5 were measured; 0 if not known
	Note       string // why a figure cannot be reproduced; may be empty
}

// An Evaluation says how accuracies were measured.
type Evaluation struct {
	Accuracy      Accuracy
	Height, Width int    // of the network input
	Interpolation string // and whose, such as "bicubic (pillow)"
	Decoder       string // what made pixels of the files
	Precision     tensor.Precision
	Images        digest.Digest // of the image list; none if there is none
	Unreadable    int           // images that could not be evaluated, and are in no count
	LeftOut       int           // images of the set that have no label, and are in no count
}

// Apart says which images are in no figure; empty where there is nothing to say.
func (e *Evaluation) Apart() string {
	n := e.Unreadable + e.LeftOut
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d images are in no figure: %d could not be read, %d have no label", n, n+e.Accuracy.N, e.Unreadable, e.LeftOut)
}

// Digests are the links of the chain from the published file to the figures.
// Each is none where it is not known.
type Digests struct {
	Source    digest.Digest // the published checkpoint
	Converted digest.Digest // the file made of it
	Golden    digest.Digest // the reference logits it was verified against
}

// A Total is what a network costs by one convention.
type Total struct {
	Convention Convention `json:"convention"`
	Scope      Scope      `json:"scope"`
	FLOPs      int64      `json:"flops"`
}

// A Row is one line of the reproduction table: published figures and the same
// figures found here.
type Row struct {
	Name   string // registry name
	Params Figure
	FLOPs  Figure
	// Convention, Scope and Input say how FLOPs was counted.
	Convention Convention
	Scope      Scope
	Input      tensor.Shape
	Form       nn.Form // of the network that was counted
	HeadFLOPs  int64   // of the classifier alone
	Totals     []Total // by every convention at Input, in the order of Conventions
	Labels     string  // name of the classes; accuracies on others cannot be compared
	Top1, Top5 Rate
	Images     int         // of the set that Top1 and Top5 were published for; 0 if not known
	Evaluation *Evaluation // nil: not measured
	Digests    Digests
	Note       string // why a published figure cannot be reproduced; may be empty
}

// NewRow counts a network and compares it with what was published. Accuracies are
// not measured until Measure.
func NewRow(name string, p Published, g *nn.Graph) (Row, error) {
	r := Row{Name: name, Convention: p.Convention, Input: p.Input, Form: p.Form, Labels: p.Labels, Images: p.Images, Note: p.Note}
	if err := p.Convention.check(); err != nil {
		return Row{}, fmt.Errorf("%w (of %q)", err, name)
	}
	var exact int64
	for _, c := range Conventions() {
		cost, err := Count(g, p.Input, c)
		if err != nil {
			return Row{}, fmt.Errorf("%w (of %q)", err, name)
		}
		if c == p.Convention {
			exact, r.Scope, r.HeadFLOPs = cost.FLOPs, cost.Scope, cost.HeadFLOPs
		}
		r.Totals = append(r.Totals, Total{c, cost.Scope, cost.FLOPs})
	}
	var err error
	if r.Params, err = NewFigure(p.Params, Million, g.NumParams()); err != nil {
		return Row{}, fmt.Errorf("%w (params of %q)", err, name)
	}
	if r.FLOPs, err = NewFigure(p.FLOPs, Billion, exact); err != nil {
		return Row{}, fmt.Errorf("%w (FLOPs of %q)", err, name)
	}
	if r.Top1, err = NewRate(p.Top1, 0, 0, p.Images); err != nil {
		return Row{}, fmt.Errorf("%w (Top-1 of %q)", err, name)
	}
	if r.Top5, err = NewRate(p.Top5, 0, 0, p.Images); err != nil {
		return Row{}, fmt.Errorf("%w (Top-5 of %q)", err, name)
	}
	return r, nil
}

// Measure enters accuracies. It is an error when no image was looked at, or more
// than the published set has.
func (r *Row) Measure(e Evaluation) error {
	a := e.Accuracy
	if a.N < 1 || (r.Images > 0 && a.N > r.Images) {
		return fmt.Errorf("metrics: %q: evaluated on %d images: expected 1 to %d", r.Name, a.N, r.Images)
	}
	top1, err := NewRate(r.Top1.Published, a.Top1, a.N, r.Images)
	if err != nil {
		return fmt.Errorf("%w (Top-1 of %q)", err, r.Name)
	}
	top5, err := NewRate(r.Top5.Published, a.Top5, a.N, r.Images)
	if err != nil {
		return fmt.Errorf("%w (Top-5 of %q)", err, r.Name)
	}
	r.Top1, r.Top5, r.Evaluation = top1, top5, &e
	return nil
}

// Counts returns the verdict on parameters and FLOPs together: of the two, the one that
// wants more attention.
func (r Row) Counts() Verdict { return worst(r.Params.Verdict, r.FLOPs.Verdict) }

// Accuracy returns the verdict on Top-1 and Top-5 together: of the two, the one that
// wants more attention.
func (r Row) Accuracy() Verdict { return worst(r.Top1.Verdict, r.Top5.Verdict) }

// Reason returns what is known of why the row differs from what was published: for each figure that
// differs how far it is off, for FLOPs the convention that gives the published figure where one
// does, and the note. It is empty where nothing differs.
func (r Row) Reason() string {
	var parts []string
	if r.Params.Verdict == Differs {
		parts = append(parts, "parameters "+r.Params.off())
	}
	if r.FLOPs.Verdict == Differs {
		parts = append(parts, "FLOPs "+r.FLOPs.off())
		told := make(map[int64]bool) // counters that count the same are told of once
		for _, t := range r.Totals {
			if told[t.FLOPs] {
				continue
			}
			if f, err := NewFigure(r.FLOPs.Published, r.FLOPs.Unit, t.FLOPs); err == nil && f.Verdict != Differs {
				parts = append(parts, fmt.Sprintf("the published FLOPs are what %s counts", t.Convention))
				told[t.FLOPs] = true
			}
		}
	}
	for _, a := range []struct {
		name string
		rate Rate
	}{{"Top-1", r.Top1}, {"Top-5", r.Top5}} {
		if delta, ok := a.rate.Delta(); ok && a.rate.Verdict == Differs {
			low, high := Wilson(a.rate.Correct, a.rate.N)
			parts = append(parts, fmt.Sprintf("%s off by %+.2f on %d images, 95 %% interval %.1f to %.1f", a.name, delta, a.rate.N, low, high))
		}
	}
	if len(parts) > 0 && r.Note != "" {
		parts = append(parts, r.Note)
	}
	return strings.Join(parts, "; ")
}
