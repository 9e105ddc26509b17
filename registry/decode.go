package registry

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/vision"
)

// keys holds every key of a row, and whether each row must state it. Facts that
// may be missing are those that publishers leave out.
var keys = map[string]bool{
	"family": true, "arch": true, "classes": true, "labels": false,

	"weights": true, "weights.url": false, "weights.sha256": true, "weights.size": false, "weights.licence": true,
	"weights.container": false, "weights.converted_from": false, "weights.recipe": false,

	"input": true, "input.crop": true, "input.mean": true, "input.std": true, "input.order": true, "input.exif": true,
	"input.resize": true, "input.resize.kind": true, "input.resize.edge": false,
	"input.resize.padding": false, "input.resize.interpolation": false, "input.resize.backend": false,

	"published": true, "published.params_m": false, "published.flops_g": false, "published.top1": false, "published.top5": false,
	"published.flops_convention": true, "published.flops_size": true, "published.form": false, "published.images": false, "published.source": true, "published.note": false,
}

// decode reads rows over those of base: a row that base has keeps the facts that
// the text does not state, a new one must be complete.
func decode(text string, base *Registry) (map[string]*Entry, error) {
	var rows map[string]toml.Primitive
	meta, err := toml.Decode(text, &rows)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(meta); err != nil {
		return nil, err
	}
	entries := make(map[string]*Entry, len(rows))
	names := make([]string, 0, len(rows))
	for name := range rows {
		names = append(names, name)
	}
	sort.Strings(names) // the first error does not depend on map order
	for _, name := range names {
		entry, merged := &Entry{Name: name}, false
		if old, ok := base.rows[name]; ok {
			*entry, merged = *old(), true // an Entry holds no pointers: a full copy
		}
		if err := meta.PrimitiveDecode(rows[name], entry); err != nil {
			return nil, fmt.Errorf("entry %q: %w", name, err)
		}
		if !merged {
			if err := checkComplete(meta, name); err != nil {
				return nil, err
			}
		}
		if err := entry.check(); err != nil {
			return nil, fmt.Errorf("entry %q: %w", name, err)
		}
		entries[name] = entry
	}
	return entries, nil
}

// checkKeys refuses keys that no row has. It compares exactly, where the decoder
// itself would take "Family" for "family".
func checkKeys(meta toml.MetaData) error {
	for _, key := range meta.Keys() {
		name := key[0]
		if len(key) == 1 {
			if meta.Type(name) != "Hash" {
				return fmt.Errorf("key %q: expected a table for each model, found %s", name, meta.Type(name))
			}
			if err := CheckName(name); err != nil {
				return fmt.Errorf("entry %q: %w", name, err)
			}
			continue
		}
		fact := strings.Join(key[1:], ".")
		if _, ok := keys[fact]; !ok || slices.ContainsFunc(key[1:], func(s string) bool { return strings.Contains(s, ".") }) {
			return fmt.Errorf("entry %q: unknown key %q", name, fact)
		}
	}
	return nil
}

// checkComplete names every fact that a new row lacks.
func checkComplete(meta toml.MetaData, name string) error {
	var missing []string
	for fact, required := range keys {
		if required && !meta.IsDefined(append([]string{name}, strings.Split(fact, ".")...)...) {
			missing = append(missing, fact)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sort.Strings(missing)
	return fmt.Errorf("entry %q: missing %s", name, strings.Join(missing, ", "))
}

// maxEdge bounds image sizes in pixels, so that a slip in a row cannot ask for an
// input that no machine holds.
const maxEdge = 1 << 14

// check returns an error naming the first key whose value cannot be right.
func (e *Entry) check() error {
	w, in, p := &e.Weights, &e.Input, &e.Published
	for _, f := range []struct{ key, value string }{
		{"family", e.Family}, {"arch", e.Arch}, {"weights.licence", w.Licence},
		{"published.flops_convention", p.FLOPsConvention}, {"published.source", p.Source},
	} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("%s: expected a text, found %q", f.key, f.value)
		}
	}
	for _, f := range []struct {
		key, value string
		known      []string
	}{
		{"labels", string(e.Labels), []string{"", string(LabelsDigits), string(LabelsImageNet)}},
		{"weights.container", w.Container, []string{"", "legacy", "safetensors", "zip"}},
		{"published.form", string(p.Form), []string{"", string(nn.Deploy)}},
		{"input.order", in.Order, []string{vision.RGB, vision.BGR}},
		{"input.exif", in.EXIF, []string{vision.EXIFApply, vision.EXIFIgnore}},
	} {
		if err := oneOf(f.key, f.value, f.known); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		key             string
		value, min, max int64
	}{
		{"classes", int64(e.Classes), 1, 1 << 20},
		{"weights.size", w.Size, 0, math.MaxInt64},
		{"input.crop", int64(in.Crop), 1, maxEdge},
		{"published.flops_size", int64(p.FLOPsSize), 1, maxEdge},
		{"published.images", int64(p.Images), 0, math.MaxInt64},
	} {
		if f.value < f.min || f.value > f.max {
			return fmt.Errorf("%s: expected %d to %d, found %d", f.key, f.min, f.max, f.value)
		}
	}
	if n, ok := classesOf[e.Labels]; ok && n != e.Classes {
		return fmt.Errorf("classes: expected %d for the labels %q, found %d", n, e.Labels, e.Classes)
	}
	if err := checkTexts(e); err != nil {
		return err
	}
	if w.Digest == (digest.Digest{}) {
		return fmt.Errorf("weights.sha256: expected a digest, found none")
	}
	if _, err := ParseAddress(w.URL); err != nil {
		return fmt.Errorf("weights.url: %w", err)
	}
	return checkInput(e.Input)
}

// checkInput returns an error for preprocessing that cannot be right.
func checkInput(p vision.Pipeline) error {
	err := p.Check()
	if bad := (*vision.PipelineError)(nil); errors.As(err, &bad) {
		return fmt.Errorf("input.%s: %s", bad.Key, bad.Reason)
	}
	if r := p.Resize; r.Kind != vision.ResizeNone && r.Edge < p.Crop {
		return fmt.Errorf("input.resize.edge: expected %d (the crop) to %d, found %d", p.Crop, maxEdge, r.Edge)
	}
	return err
}

func oneOf(key, value string, known []string) error {
	if slices.Contains(known, value) {
		return nil
	}
	var quoted []string
	for _, k := range known {
		if k != "" {
			quoted = append(quoted, fmt.Sprintf("%q", k))
		}
	}
	return fmt.Errorf("%s: expected %s, found %q", key, strings.Join(quoted, " or "), value)
}
