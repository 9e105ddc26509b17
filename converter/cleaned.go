package converter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// cleaned returns the draft without the traces that training leaves in names and tensors:
// "module" within names, masks of pruning, buffers that average others, float8. It is the
// draft itself where there are none.
func (d *draft) cleaned() (*draft, error) {
	out := d
	for _, clean := range []func(*draft) (*draft, error){(*draft).withoutModules, (*draft).withoutAverages, (*draft).multiplied, (*draft).widened} {
		var err error
		if out, err = clean(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// withoutModules removes "module" from within names, where DataParallel or an average wraps a
// part of a network, and the counter beside an average.
func (d *draft) withoutModules() (*draft, error) {
	wrapped := make(map[string]bool) // what a "module" lies in
	for _, name := range d.sd.Names() {
		if at, _, ok := strings.Cut(name, "."+dataParallel+"."); ok {
			wrapped[at] = true
		}
	}
	if len(wrapped) == 0 {
		return d, nil
	}
	out, err := d.edit(func(name string) (string, bool) {
		t, _ := d.sd.Lookup(name)
		at, last, _ := cutLast(name)
		return without(name, dataParallel), !wrapped[at] || !isCounter(last, t)
	})
	if err != nil {
		return d, nil // then it is no wrapper
	}
	out.Wrappers = merged(d.Wrappers, []string{dataParallel})
	return out, nil
}

// averageOf is how mmcv's EMAHook calls the buffer beside a tensor that it averages: this,
// and the tensor's name with "_" for ".".
const averageOf = "ema_"

// withoutAverages leaves out the buffers of mmcv's EMAHook. It exchanges averages and weights
// before a checkpoint is written, so that the average is under the network's own names.
func (d *draft) withoutAverages() (*draft, error) {
	buffers := make(map[string]bool)
	for name, t := range d.sd.All() {
		buffer := averageOf + strings.ReplaceAll(name, ".", "_")
		if other, ok := d.sd.Lookup(buffer); ok && other.Shape().Equal(t.Shape()) {
			buffers[buffer] = true
		}
	}
	if len(buffers) == 0 {
		return d, nil
	}
	return d.edit(func(name string) (string, bool) { return name, !buffers[name] })
}

// Names that torch.nn.utils.prune gives a weight and its mask, behind the weight's own.
const (
	origSuffix = "_orig"
	maskSuffix = "_mask"
)

// multiplied replaces each weight and its mask by their product, which is what a pruned layer
// computes with. Each element is multiplied in float64 and rounded once.
func (d *draft) multiplied() (*draft, error) {
	pruned := func(name string) (product string, ok bool) {
		product, ok = strings.CutSuffix(name, origSuffix)
		if !ok {
			return "", false
		}
		_, masked := d.sd.Lookup(product + maskSuffix)
		_, there := d.sd.Lookup(product)
		return product, masked && !there
	}
	if !slices.ContainsFunc(d.sd.Names(), func(name string) bool { _, ok := pruned(name); return ok }) {
		return d, nil
	}
	out := d.copy(new(tensor.StateDict))
	out.Multiplied = slices.Clone(d.Multiplied)
	for name, t := range d.sd.All() {
		if weight, ok := strings.CutSuffix(name, maskSuffix); ok {
			if _, isProduct := pruned(weight + origSuffix); isProduct {
				continue
			}
		}
		product, ok := pruned(name)
		if !ok {
			if err := out.sd.Add(name, t); err != nil {
				return nil, err
			}
			continue
		}
		mask, _ := d.sd.Lookup(product + maskSuffix)
		value, err := tensor.Product(t, mask)
		if err != nil {
			return nil, fmt.Errorf("tensors %q and %q: %w", short(name), short(product+maskSuffix), err)
		}
		if err := out.sd.Add(product, value); err != nil {
			return nil, err
		}
		delete(out.file, name)
		delete(out.file, product+maskSuffix)
		out.file[product] = slices.Concat(d.origin(name), d.origin(product+maskSuffix))
		out.Multiplied = append(out.Multiplied, product)
	}
	return out, nil
}

// widened reads float8 as float32, which holds every value of it.
func (d *draft) widened() (*draft, error) {
	narrow := func(t tensor.Tensor) bool { return t.DType().IsFloat() && t.DType().Size() == 1 }
	out := d.copy(new(tensor.StateDict))
	out.Cast = slices.Clone(d.Cast)
	for name, t := range d.sd.All() {
		if narrow(t) {
			var err error
			if t, err = t.Cast(tensor.F32); err != nil {
				return nil, fmt.Errorf("tensor %q: %w", short(name), err)
			}
			out.Cast = append(out.Cast, name)
		}
		if err := out.sd.Add(name, t); err != nil {
			return nil, err
		}
	}
	if len(out.Cast) == len(d.Cast) {
		return d, nil
	}
	return out, nil
}
