package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/nn"
)

// A Convention names a way of counting FLOPs. In all of them one FLOP is one
// multiply-accumulate; they differ in which operators count besides convolutions,
// and in whether the classifier does.
type Convention string

// The conventions that published figures follow.
const (
	// MMCVLegacy is mmcv's get_model_complexity_info, by which OpenMMLab counted
	// until 2022: convolutions with their biases, batch norm, activations and
	// pooling; the classifier is not executed.
	MMCVLegacy Convention = "mmcv-legacy"
	// MMEngine is the counter of OpenMMLab's get_flops.py since then: convolutions,
	// batch norm and global average pooling; the classifier is not executed.
	MMEngine Convention = "mmengine"
	// MMEngineTrain is MMEngine on a network in training mode, where batch norm counts
	// five operations an element in place of two. Figures of 2022 and 2023 follow it.
	MMEngineTrain Convention = "mmengine-train"
	// FVCore counts the same operators as MMEngine over the whole forward pass,
	// classifier included.
	FVCore Convention = "fvcore"
	// Timm is FVCore on timm's code, whose gates of channels take a mean in place of a pooling, which is not counted.
	Timm Convention = "timm"
	// Torchvision counts products alone, over the whole forward pass: convolutions, linear layers and attention.
	Torchvision Convention = "torchvision"
)

// Conventions returns all conventions, sorted.
func Conventions() []Convention {
	return []Convention{FVCore, MMCVLegacy, MMEngine, MMEngineTrain, Timm, Torchvision}
}

// ParseConvention returns the convention of that name.
func ParseConvention(s string) (Convention, error) {
	c := Convention(s)
	if err := c.check(); err != nil {
		return "", err
	}
	return c, nil
}

func (c Convention) check() error {
	if slices.Contains(Conventions(), c) {
		return nil
	}
	var known []string
	for _, k := range Conventions() {
		known = append(known, string(k))
	}
	return fmt.Errorf("metrics: unknown FLOPs convention %q: known are %s", string(c), strings.Join(known, ", "))
}

// A Scope says how much of a network a convention counts.
type Scope string

// The scopes.
const (
	WithoutClassifier Scope = "without classifier" // up to Graph.Features
	WholeForward      Scope = "whole forward"
)

// Scope returns how much of a network the convention counts. Where the reference has
// the classifier in the backbone, there is no counter that does not execute it.
func (c Convention) Scope(g *nn.Graph) Scope {
	if c == FVCore || c == Timm || c == Torchvision || g.ClassifierInBackbone {
		return WholeForward
	}
	return WithoutClassifier
}

// flops returns what one node counts, given its layer's shapes. An operator that no rule
// speaks of is an error, never a silent zero.
//
// mmcv's counter watches modules: what the reference calls as a function, a node
// without a path, it does not see. It goes by exact class, too, and so counts 0 for
// a convolution with TensorFlow's SAME border, which is a subclass unless the border is added before.
//
// The products of attention are two matrix products in the reference that figures were
// published with. Its counter does not see them where it calls PyTorch's fused attention since.
func (c Convention) flops(node nn.Node, l *LayerCost, sizes []nn.Size) (int64, error) {
	if _, attention := node.Op.(nn.Attention); c == Torchvision && !attention { // whose biases may be computed by layers
		return l.MACs, nil
	}
	in, out := numel(l.In[0]), numel(l.Out)
	legacy := c == MMCVLegacy
	if legacy && node.Path == "" {
		in, out = 0, 0
	}
	switch op := node.Op.(type) {
	case nn.Conv:
		if legacy && op.Pad.Same && !op.Pad.Before {
			return 0, nil
		}
		n, err := convMACs(op, out)
		if err == nil && op.Bias && legacy {
			return sum(n, out)
		}
		return n, err
	case nn.Linear:
		if legacy && (op.QVBias || op.Function) { // which the reference calls as a function
			return 0, nil
		}
		return product(in, int64(op.Out)) // bias counts nowhere
	case nn.ChannelAttention, nn.MaxRelative:
		if legacy {
			return 0, nil
		}
		return l.MACs, nil
	case nn.BatchNorm:
		each := int64(2)
		if c == MMEngineTrain {
			each = 5
		}
		if op.Plain {
			each--
		}
		return product(each, in)
	case nn.LayerNorm:
		switch {
		case legacy && op.TwoD, op.Written:
			return 0, nil
		case legacy:
			return product(2, in)
		}
		return product(5, in)
	case nn.GroupNorm:
		if legacy {
			return product(2, in)
		}
		return product(5, in)
	case nn.DecomposedAttention:
		attention, rows, columns, err := decomposed(sizes[0], sizes[1], sizes[2])
		if legacy || err != nil {
			return 0, err
		}
		rows, err = sum(fourDigits(rows), fourDigits(columns))
		if err != nil {
			return 0, err
		}
		return sum(attention, rows)
	case nn.Attention:
		bias, err := continuousFLOPs(op, legacy)
		if err != nil || legacy {
			return bias, err
		}
		return sum(bias, l.MACs)
	case nn.GlobalAvgPool:
		if op.Mean || !legacy && len(l.In[0]) == 3 { // of tokens it is one-dimensional, which is on no list of operators
			return 0, nil
		}
		return in, nil
	case nn.MaxPool, nn.AvgPool:
		if legacy {
			return in, nil
		}
		return 0, nil
	case nn.Upsample:
		return out, nil
	case nn.Act:
		return c.actFLOPs(op, out)
	case nn.LayerScale, nn.ResponseNorm:
		return 0, nil
	case nn.GlobalFilter: // no counter sees transforms, nor products of spectra
		rows, columns := op.Spectrum(sizes[0])
		if legacy || rows == op.Rows && columns == op.Columns {
			return 0, nil
		}
		return product(4, 2, int64(op.C), int64(rows), int64(columns)) // to resize the filter
	}
	if moves(node.Op) {
		if nn.Resizes(node.Op) && !legacy && in != out { // the reference resizes where sizes differ alone
			return product(4, out)
		}
		return 0, nil
	}
	return 0, fmt.Errorf("%s has no rule for %s", string(c), node.Op.Kind())
}

// fourDigits returns what fvcore's and mmengine's counters make of the multiply-accumulates of an
// einsum: they read twice the number from a text of four digits.
func fourDigits(macs int64) int64 {
	n, _ := strconv.ParseFloat(strconv.FormatFloat(2*float64(macs), 'e', 3, 64), 64)
	return int64(n / 2)
}

// continuousFLOPs returns what an attention's bias counts that is computed: its layers, which the
// reference runs for every input.
func continuousFLOPs(op nn.Attention, legacy bool) (int64, error) {
	of := op.Bias.Of
	if of.Hidden == 0 {
		return 0, nil
	}
	_, _, relations := of.Size()
	each := 2 + op.Heads
	if legacy { // counts the ReLU between them
		each++
	}
	return product(int64(relations), int64(of.Hidden), int64(each))
}

// actFLOPs returns what an activation counts; mmcv's list of them is closed.
func (c Convention) actFLOPs(a nn.Act, out int64) (int64, error) {
	switch a.Func {
	case nn.FuncLeakyReLU, nn.FuncReLU, nn.FuncReLU6:
		if c == MMCVLegacy {
			return out, nil
		}
		return 0, nil
	case nn.FuncSigmoid, nn.FuncHardSigmoid, nn.FuncSiLU, nn.FuncHardSwish, nn.FuncGELU,
		nn.FuncQuickGELU, nn.FuncGELUTanh, nn.FuncTanh:
		return 0, nil
	}
	return 0, fmt.Errorf("%s has no rule for %s", string(c), a.Kind())
}
