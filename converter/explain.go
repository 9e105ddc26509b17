package converter

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Fate is what became of a name.
type Fate string

// The fates. A checkpoint fits when no name is missing, unexpected or misshapen; a
// conversion to the deploy form fuses names besides.
const (
	Matched    Fate = "matched"    // wanted under its own name
	Renamed    Fate = "renamed"    // wanted under another name, by a rule, or without a prefix
	Joined     Fate = "joined"     // one of several that are joined to the one that is wanted
	Cut        Fate = "cut"        // a piece of it is wanted; others, if none is for them, are left out
	Multiplied Fate = "multiplied" // a weight or its mask, whose product is wanted
	Regridded  Fate = "resized"    // positions of another grid than the network's, resized to that
	Zeroed     Fate = "zeroed"     // not in the file, and zeros: the bias of a classifier without one
	Dropped    Fate = "dropped"    // left out, by a rule, or as a counter of what is fused
	LeftOut    Fate = "left out"   // not the network's: beside it in the file, or of training alone
	Fused      Fate = "fused"      // part of a convolution that stands for a sum of branches
	Missing    Fate = "missing"    // wanted, and not in the file
	Unexpected Fate = "unexpected" // in the file, and not wanted
	Misshapen  Fate = "misshapen"  // of another shape, or kind of number, than wanted
)

// An Explained name is one line of what a conversion did.
type Explained struct {
	Fate  Fate
	Name  string // in the file; empty for what is missing
	To    string // in the network; the convolution's path for what is fused; empty for what is dropped
	Rule  string // the recipe's rule that decided; empty for none
	Found string // dtype and shape in the file, as "F32 (64,3,7,7)"
	Want  string // those that the network wants, as far as it wants the name
}

// explain says what became of each name of the file, in its order, and then what the graph
// wants besides, in the graph's.
func (a *attempt) explain() []Explained {
	wanted := make(map[string]nn.Param, len(a.graph.Params))
	for _, p := range a.graph.Params {
		wanted[p.Name] = p
	}
	there := make(map[string]bool, len(a.changes))
	out := make([]Explained, 0, len(a.changes))
	for _, c := range a.changes {
		t, _ := a.draft.sd.Lookup(c.From)
		line := Explained{To: c.To, Found: kindOf(t.DType(), t.Shape())}
		if c.Rule != nil {
			line.Rule = c.Rule.String()
		}
		p, want := wanted[c.To]
		if want {
			line.Want = kindOf(p.DType, p.Shape)
			_, there[c.To] = a.renamed.Lookup(c.To)
		}
		is, whole := a.renamed.Lookup(c.To) // false where it is joined, and the other parts are missing
		m, misfits := p.Misfit(is)
		files := a.draft.origin(c.From)
		switch {
		case c.To == "":
			line.Fate = Dropped
		case !want:
			line.Fate = Unexpected
		case !whole:
			line.Fate = Misshapen
		case misfits:
			line.Fate, line.Want, line.Found = Misshapen, m.Want, m.Found
		case slices.ContainsFunc(a.draft.Resized, func(r Resized) bool { return r.Name == files[0] }):
			line.Fate = Regridded
		case c.Rule != nil && c.Rule.Parts > 0:
			line.Fate = Joined
		case c.Rule != nil && c.Rule.Pieces > 0:
			line.Fate = Cut
		case len(files) > 1:
			line.Fate = Multiplied
		case files[0] == c.To:
			line.Fate = Matched
		default:
			line.Fate = Renamed
		}
		for _, file := range files {
			line.Name = file
			out = append(out, line)
		}
	}
	for _, l := range a.draft.left {
		out = append(out, l.explain()...)
	}
	for _, p := range a.graph.Params {
		if there[p.Name] || p.Optional {
			continue
		}
		fate := Missing
		if _, ok := a.renamed.Lookup(p.Name); ok {
			fate = Zeroed
		}
		out = append(out, Explained{Fate: fate, To: p.Name, Want: kindOf(p.DType, p.Shape)})
	}
	return out
}

func (l leftOut) explain() []Explained {
	var out []Explained
	for _, file := range l.file {
		out = append(out, Explained{Fate: LeftOut, Name: file, Found: kindOf(l.t.DType(), l.t.Shape())})
	}
	return out
}

// explainFused says what became of the names of a checkpoint whose branches were fused
// to the deploy form. It is given what they were before, and the path of the
// convolution that each fused name went into.
func explainFused(names []Explained, into map[string]string, deploy *nn.Graph) []Explained {
	wanted := make(map[string]bool, len(deploy.Params))
	for _, p := range deploy.Params {
		wanted[p.Name] = true
	}
	out := slices.Clone(names)
	for i := range out {
		line := &out[i]
		if path, fused := into[line.To]; fused {
			line.Fate, line.To, line.Want = Fused, path, ""
		} else if !wanted[line.To] {
			line.Fate, line.To, line.Want = Dropped, "", ""
		}
	}
	return out
}

// kept says what became of each name without a network: it is kept, or loses its wrappers.
func (d *draft) kept() []Explained {
	out := make([]Explained, 0, d.sd.Len())
	for name, t := range d.sd.All() {
		line := Explained{Fate: Matched, Name: d.origin(name)[0], To: name, Found: kindOf(t.DType(), t.Shape())}
		if line.Name != name {
			line.Fate = Renamed
		}
		out = append(out, line)
	}
	for _, l := range d.left {
		out = append(out, l.explain()...)
	}
	return out
}

// Kept says of each tensor of sd that it keeps its name: what a conversion without
// a network does.
func Kept(sd *tensor.StateDict) []Explained { return newDraft(sd, Selection{}).kept() }

func kindOf(d tensor.DType, s tensor.Shape) string { return fmt.Sprintf("%v %v", d, s) }
