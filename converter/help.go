package converter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// traces are ends of names of what cannot be undone here, and what to do about it.
var traces = []struct{ ends, help string }{
	{"_flat_param flat_param_0", "FSDP flattened the parameters of %q: save with StateDictType.FULL_STATE_DICT"},
	{".original .original0 .original1", "%q is parametrized: call torch.nn.utils.parametrize.remove_parametrizations before saving"},
	{"weight_g weight_v", "%q is of a weight norm: call torch.nn.utils.remove_weight_norm before saving"},
	{"weight_u weight_orig", "%q is of a spectral norm: call torch.nn.utils.remove_spectral_norm before saving"},
	{"weight_scale .scale .scales .zero_point zero_points .qweight .qzeros .g_idx .SCB weight_packed",
		"%q is of quantised weights: dequantise them before saving"},
	{"lora_A.weight lora_B.weight lora_A.default.weight", "%q is of an adapter: merge it into the weights before saving"},
}

// help returns the one thing that would make the file fit, as far as that can be told; d is
// what the mapping holds.
func (a *attempt) help(d *draft) string {
	for _, trace := range traces {
		for _, end := range strings.Fields(trace.ends) {
			for _, name := range d.sd.Names() {
				if strings.HasSuffix(name, end) {
					return fmt.Sprintf(trace.help, short(name))
				}
			}
		}
	}
	for name, t := range d.sd.All() {
		switch {
		case len(a.misfit.Misshapen) > 0 && t.DType().IsFloat() && t.Numel() == 0:
			return fmt.Sprintf("%q is empty: its values are in files of other processes: join them before saving, as DeepSpeed's zero_to_fp32.py does", short(name))
		case t.DType() == tensor.I8 || t.DType() == tensor.U8 && len(t.Shape()) > 1:
			return fmt.Sprintf("%q holds %v, as quantised weights do: dequantise them before saving", short(name), t.DType())
		case t.DType() == tensor.C64:
			return fmt.Sprintf("%q holds complex numbers, which no layer here computes with", short(name))
		}
	}
	for _, m := range a.misfit.Misshapen {
		if strings.HasPrefix(m.Want, "F") && strings.HasPrefix(m.Found, "I") {
			return fmt.Sprintf("%q holds integers, where the network has floating point numbers", short(m.Name))
		}
	}
	if n := len(a.graph.Classifiers()); n > 1 && a.lacksHead() && len(a.unexpected()) == 0 {
		return fmt.Sprintf("the logits are made of %d classifiers, and the file lacks a part of them: save all, or none for features alone", n)
	}
	if a.lacksHead() {
		return "what lies behind the features is no linear classifier: " + quoted(a.unexpected(), 4) + ": zoo computes networks that end in one"
	}
	names := d.sd.Names()
	if len(names) > 0 && all(names, func(name string) bool { return isNumber(first(name)) }) {
		return "every name begins with a number, as those of a Sequential do, such as fastai's: save the state dict of the network under its own names"
	}
	most := d.sd.Len() / 2
	if prefixes := d.prefixes(most + 1); len(prefixes) > 0 && a.distance() > most {
		every := slices.MaxFunc(prefixes, func(a, b string) int { return len(a) - len(b) })
		if all(names, func(name string) bool { return strings.HasPrefix(name, every+".") }) {
			return fmt.Sprintf("every name begins with %q, and without that they are not this network's either: is it another architecture?", short(every+"."))
		}
		return "most names begin with " + fmt.Sprintf("%q, and without that they are not this network's either: is it another architecture?", short(every+"."))
	}
	return ""
}

// quoted lists some of names.
func quoted(names []string, most int) string {
	var out []string
	for i, name := range names {
		if i == most {
			return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", len(names)-most)
		}
		out = append(out, fmt.Sprintf("%q", short(name)))
	}
	return strings.Join(out, ", ")
}
