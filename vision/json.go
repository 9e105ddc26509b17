package vision

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// pipelineJSON is a Pipeline as other programs read it: defaults are spelled out, and keys only
// gained.
type pipelineJSON struct {
	Resize Resize     `json:"resize"`
	Crop   int        `json:"crop"`
	Fill   string     `json:"fill,omitempty"`   // not FillNone: what has always been there stays as it was
	Middle string     `json:"middle,omitempty"` // not MiddleEven
	Order  string     `json:"order"`
	Scale  float64    `json:"scale"`
	Mean   [3]float32 `json:"mean"`
	Std    [3]float32 `json:"std"`
	EXIF   string     `json:"exif"`
}

// MarshalJSON returns all that is needed to do the same elsewhere, in the order in which it is
// done, with what the zero value stands for spelled out.
func (p Pipeline) MarshalJSON() ([]byte, error) {
	r := p.Resize
	r.Kind = cmp.Or(r.Kind, ResizeNone)
	fill := p.Fill
	if !p.Fills() {
		fill = ""
	}
	middle := p.Middle
	if middle == MiddleEven {
		middle = ""
	}
	return json.Marshal(pipelineJSON{r, p.Crop, fill, middle, cmp.Or(p.Order, RGB), p.scale(), p.Mean, p.Std, cmp.Or(p.EXIF, EXIFApply)})
}

// UnmarshalJSON takes what MarshalJSON writes. A key that is missing or not known, and a number
// that Apply cannot work with, is an error: half a preprocessing is another one.
func (p *Pipeline) UnmarshalJSON(text []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return badJSON(err)
	}
	for _, key := range []string{"resize", "crop", "order", "scale", "mean", "std", "exif"} {
		if keys[key] == nil {
			return badJSON(fmt.Errorf("expected a key %q, found none", key))
		}
	}
	for _, key := range []string{"mean", "std"} { // which encoding/json would cut or fill up with zeros
		var numbers []float32
		if err := json.Unmarshal(keys[key], &numbers); err != nil || len(numbers) != 3 {
			return badJSON(fmt.Errorf("%s: expected a number for each of three channels, found %.60s", key, keys[key]))
		}
	}
	var j pipelineJSON
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return badJSON(err)
	}
	if j.Scale == 0 { // which is no default here
		return badJSON(errors.New("scale: expected a number above 0, found 0"))
	}
	if j.Scale == 1 {
		j.Scale = 0 // as in rows, which state it where it is another
	}
	read := Pipeline{Resize: j.Resize, Crop: j.Crop, Fill: j.Fill, Middle: j.Middle, Scale: j.Scale,
		Mean: j.Mean, Std: j.Std, Order: j.Order, EXIF: j.EXIF}
	var bad *PipelineError
	if err := read.Check(); errors.As(err, &bad) {
		return badJSON(fmt.Errorf("%s: %s", bad.Key, bad.Reason))
	}
	*p = read
	return nil
}

func badJSON(err error) error { return fmt.Errorf("vision: pipeline as JSON: %w", err) }
