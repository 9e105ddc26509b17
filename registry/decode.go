package registry

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/vision"
)

// keys holds every key of a row, and whether each row must state it that has no base. Facts
// that may be missing are those that publishers leave out, and all about what was not published.
var keys = map[string]bool{
	"base": false, "family": true, "arch": true, "classes": true, "labels": false, "class_names": false,

	"weights": false, "weights.url": false, "weights.sha256": false, "weights.size": false, "weights.licence": false,
	"weights.container": false, "weights.converted_from": false, "weights.recipe": false,

	"input": true, "input.crop": true, "input.fill": false, "input.middle": false, "input.scale": false,
	"input.mean": true, "input.std": true, "input.order": true, "input.exif": true,
	"input.resize": true, "input.resize.kind": true, "input.resize.edge": false,
	"input.resize.padding": false, "input.resize.interpolation": false, "input.resize.backend": false,

	"published": false, "published.params_m": false, "published.flops_g": false, "published.top1": false, "published.top5": false,
	"published.flops_convention": false, "published.flops_size": false, "published.form": false, "published.images": false,
	"published.dataset": false, "published.source": false, "published.note": false,
}

// A source is where a row is stated.
type source struct {
	file, text string
	piece      *piece
	below      *Registry // whose row of the same name this one is over
	beside     *Registry // with all rows of the file
	builtin    bool
	twin       string // another name that differs in case only; empty: none
}

// maxBases bounds how many rows may stand for each other's facts.
const maxBases = 8

var errBases = fmt.Errorf("more than %d rows whose base is another, perhaps in a circle", maxBases)

// entry decodes the row; depth is how many rows it is the base of. The error is a *RowError.
func (s *source) entry(depth int) (*Entry, error) {
	e, err := s.decode(depth)
	if err != nil {
		return nil, &RowError{s.file, s.piece.name, err}
	}
	if s.builtin {
		e.Builtin = e.Weights
	}
	return e, nil
}

func (s *source) decode(depth int) (*Entry, error) {
	name := s.piece.name
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if s.twin != "" {
		return nil, fmt.Errorf("the name differs from that of entry %q in case only: choose another", s.twin)
	}
	var rows map[string]toml.Primitive
	meta, err := toml.Decode(s.piece.text(s.text), &rows)
	if err != nil {
		return nil, s.located(err)
	}
	if err := checkKeys(meta, name); err != nil {
		return nil, err
	}
	e, based := &Entry{Name: name}, meta.IsDefined(name, "base")
	var stated struct {
		Base string `toml:"base"`
	}
	if based {
		if err := meta.PrimitiveDecode(rows[name], &stated); err != nil {
			return nil, s.located(err)
		}
	}
	if old := s.below.row(name); old != nil {
		below, err := old.get()
		if err != nil {
			return nil, err
		}
		*e = *below // nobody changes the names that they share
		if based && stated.Base != e.Base {
			return nil, errors.New("base: there is a row of that name already: give this one a name of its own")
		}
	} else if based {
		if err := s.inherit(e, stated.Base, depth); err != nil {
			return nil, fmt.Errorf("base: %w", err)
		}
	} else if err := checkComplete(meta, name); err != nil {
		return nil, err
	}
	before := *e
	e.Labels, e.ClassNames = "", nil
	if err := meta.PrimitiveDecode(rows[name], e); err != nil {
		return nil, s.located(err)
	}
	if err := e.complete(meta.IsDefined(name, "class_names"), meta.IsDefined(name, "classes")); err != nil {
		return nil, err
	}
	// The names of classes hold where others are not stated, and not for other classes than the base's.
	if e.Labels == "" && e.ClassNames == nil && (e.Classes == before.Classes || !based) {
		if e.ClassNames = before.ClassNames; !meta.IsDefined(name, "labels") {
			e.Labels = before.Labels
		}
	}
	return e, e.Check()
}

// inherit takes from another row all but its name, its weights and its published figures.
func (s *source) inherit(e *Entry, base string, depth int) error {
	row := s.beside.row(base)
	switch {
	case base == s.piece.name:
		return fmt.Errorf("%q is this row itself", base)
	case row == nil:
		return &UnknownError{Name: base, Near: s.beside.Near(base)}
	case depth == maxBases:
		return errBases
	}
	// get would wait for itself where rows are each other's base.
	read := func() (*Entry, error) { return row.read(depth + 1) }
	if s.below.row(base) == row {
		read = row.get
	}
	b, err := read()
	if errors.Is(err, errBases) {
		return errBases // and not what each of them says of it
	}
	if err != nil {
		return err
	}
	e.Family, e.Arch, e.Classes, e.Labels, e.ClassNames, e.Input = b.Family, b.Arch, b.Classes, b.Labels, b.ClassNames, b.Input
	e.Published = Published{FLOPsConvention: b.Published.FLOPsConvention, FLOPsSize: b.Published.FLOPsSize}
	return nil
}

// complete fills in what follows from other facts.
func (e *Entry) complete(named, counted bool) error {
	if n := len(e.ClassNames); named {
		if counted && e.Classes != n {
			return fmt.Errorf("classes: expected %d as class_names has, found %d", n, e.Classes)
		}
		e.Classes = n
	}
	p := &e.Published
	if p.FLOPsConvention == "" && !p.FLOPsG.Known() {
		p.FLOPsConvention = defaultConvention
	}
	if p.FLOPsSize == 0 && !p.FLOPsG.Known() {
		p.FLOPsSize = e.Input.Crop
	}
	return nil
}

// defaultConvention counts the FLOPs of a row whose FLOPs nobody published.
const defaultConvention = "mmcv-legacy"

// located returns an error of the decoder with the line of the file and the key of the row.
func (s *source) located(err error) error {
	line, key, reason := 0, "", strings.TrimPrefix(err.Error(), "toml: ")
	if bad := (toml.ParseError{}); errors.As(err, &bad) {
		line, key, reason = bad.Position.Line, bad.LastKey, bad.Message
	} else if n, _ := fmt.Sscanf(reason, "line %d (last key %q):", &line, &key); n == 2 {
		_, reason, _ = strings.Cut(reason, "): ") // no key of a row holds that: checkKeys
	}
	reason = strings.TrimPrefix(reason, "incompatible types: ")
	if key, ok := strings.CutPrefix(key, s.piece.name+"."); ok {
		reason = key + ": " + reason
	}
	if line == 0 {
		return errors.New(printable.Text(reason))
	}
	return fmt.Errorf("line %d: %s", s.piece.line(s.text, line), printable.Text(reason))
}

// checkKeys refuses keys that no row has. It compares exactly, where the decoder
// itself would take "Family" for "family".
func checkKeys(meta toml.MetaData, name string) error {
	for _, key := range meta.Keys() {
		if key[0] != name {
			return fmt.Errorf("key %q: expected a header such as [NAME] before it", key[0])
		}
		if len(key) == 1 {
			if meta.Type(name) != "Hash" { // [[NAME]]
				return errors.New("expected a table for each model, found an array of tables")
			}
			continue
		}
		fact := strings.Join(key[1:], ".")
		if _, ok := keys[fact]; !ok || slices.ContainsFunc(key[1:], func(s string) bool { return strings.Contains(s, ".") }) {
			return fmt.Errorf("unknown key %q", fact)
		}
	}
	return nil
}

// checkComplete names every fact that a new row lacks.
func checkComplete(meta toml.MetaData, name string) error {
	var missing []string
	there := func(fact string) bool { return meta.IsDefined(append([]string{name}, strings.Split(fact, ".")...)...) }
	for _, fact := range slices.Sorted(maps.Keys(keys)) {
		table, within := tableOf(fact)
		if keys[fact] && !there(fact) && (!within || there(table)) && !(fact == "classes" && there("class_names")) {
			missing = append(missing, fact)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("missing %s: state them, or name a row that is like it with base", strings.Join(missing, ", "))
}

// tableOf returns the key of the table that a key is in; none for one of the row's own.
func tableOf(key string) (table string, within bool) {
	i := strings.LastIndexByte(key, '.')
	return key[:max(i, 0)], i >= 0
}

// maxEdge bounds image sizes in pixels, so that a slip in a row cannot ask for an
// input that no machine holds.
const maxEdge = 1 << 14

// Check returns an error naming the first key of zoo.toml whose value cannot be right.
func (e *Entry) Check() error {
	w, in, p := &e.Weights, &e.Input, &e.Published
	for _, f := range []struct{ key, value string }{
		{"family", e.Family}, {"arch", e.Arch}, {"published.flops_convention", p.FLOPsConvention},
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
	if e.ClassNames != nil && (len(e.ClassNames) != e.Classes || e.Labels != "") {
		return fmt.Errorf("class_names: expected %d names and no labels beside them, found %d", e.Classes, len(e.ClassNames))
	}
	for i, name := range e.ClassNames {
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("class_names[%d]: expected a text, found %q", i, name)
		}
	}
	a, err := ParseAddress(w.URL)
	if err != nil {
		return fmt.Errorf("weights.url: %w", err)
	}
	undigested := []AddressKind{AddressNone, AddressFile, AddressHub} // a hub states the digest of each file
	if w.Digest == (digest.Digest{}) && !slices.Contains(undigested, a.Kind) {
		return errors.New("weights.sha256: missing: a file that comes from elsewhere is known by it")
	}
	if (p.ParamsM.Known() || p.FLOPsG.Known() || p.Top1.Known() || p.Top5.Known()) && strings.TrimSpace(p.Source) == "" {
		return errors.New("published.source: missing: say where the figures were published")
	}
	return checkInput(e.Input)
}

// checkInput returns an error for preprocessing that cannot be right.
func checkInput(p vision.Pipeline) error {
	err := p.Check()
	if bad := (*vision.PipelineError)(nil); errors.As(err, &bad) {
		return fmt.Errorf("input.%s: %s", bad.Key, bad.Reason)
	}
	if r := p.Resize; r.Kind != vision.ResizeNone && r.Edge < p.Crop && !p.Fills() {
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
