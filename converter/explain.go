package converter

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Fate is what became of a name.
type Fate string

// The fates. A checkpoint fits when every name is matched, renamed or dropped; a
// conversion to the deploy form fuses names besides.
const (
	Matched    Fate = "matched"    // wanted under its own name
	Renamed    Fate = "renamed"    // wanted under another name, by a rule
	Dropped    Fate = "dropped"    // left out, by a rule, or as a counter of what is fused
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

// explain says what became of each name of sd, in its order, and then what the
// graph wants besides, in the graph's.
func explain(sd *tensor.StateDict, changes []recipe.Change, g *nn.Graph) []Explained {
	wanted := make(map[string]nn.Param, len(g.Params))
	for _, p := range g.Params {
		wanted[p.Name] = p
	}
	there := make(map[string]bool, len(changes))
	out := make([]Explained, 0, len(changes))
	for _, c := range changes {
		t, _ := sd.Lookup(c.From)
		line := Explained{Name: c.From, To: c.To, Found: kindOf(t.DType(), t.Shape())}
		if c.Rule != nil {
			line.Rule = c.Rule.String()
		}
		p, want := wanted[c.To]
		if want {
			line.Want = kindOf(p.DType, p.Shape)
			there[c.To] = true
		}
		switch {
		case c.To == "":
			line.Fate = Dropped
		case !want:
			line.Fate = Unexpected
		case !p.Accepts(t):
			line.Fate = Misshapen
		case c.From == c.To:
			line.Fate = Matched
		default:
			line.Fate = Renamed
		}
		out = append(out, line)
	}
	for _, p := range g.Params {
		if !there[p.Name] && !p.Optional {
			out = append(out, Explained{Fate: Missing, To: p.Name, Want: kindOf(p.DType, p.Shape)})
		}
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

// Kept says of each tensor of sd that it keeps its name: what a conversion without
// a network does.
func Kept(sd *tensor.StateDict) []Explained {
	out := make([]Explained, 0, sd.Len())
	for name, t := range sd.All() {
		out = append(out, Explained{Fate: Matched, Name: name, To: name, Found: kindOf(t.DType(), t.Shape())})
	}
	return out
}

func kindOf(d tensor.DType, s tensor.Shape) string { return fmt.Sprintf("%v %v", d, s) }
