package registry

import (
	"encoding/json"
	"strings"
)

// A publishedCount is a published number of parameters or FLOPs, as other programs read it.
type publishedCount struct {
	Text       string      `json:"text"` // as printed, in units
	Unit       int64       `json:"unit"`
	Value      json.Number `json:"value"`                // Text times Unit, exactly
	Convention string      `json:"convention,omitempty"` // that FLOPs are counted by
	Size       int         `json:"size,omitempty"`       // side of the square input that they are counted at, pixels
}

// A publishedRate is a published accuracy, as other programs read it.
type publishedRate struct {
	Text  string      `json:"text"` // percent, as printed
	Value json.Number `json:"value"`
}

// MarshalJSON returns the figures as texts with the digits that they were printed with, and as
// numbers. Those that were not published are left out.
func (p Published) MarshalJSON() ([]byte, error) {
	out := struct {
		Params *publishedCount `json:"params,omitempty"`
		FLOPs  *publishedCount `json:"flops,omitempty"`
		Form   string          `json:"form,omitempty"` // of the network that both are about; empty: that of the checkpoint
		Top1   *publishedRate  `json:"top1,omitempty"`
		Top5   *publishedRate  `json:"top5,omitempty"`
		Images int             `json:"images,omitempty"` // that both were measured on
		Source string          `json:"source,omitempty"`
		Note   string          `json:"note,omitempty"`
		Data   string          `json:"dataset,omitempty"` // where it is not that of the labels
	}{
		Params: count(p.ParamsM, 6), FLOPs: count(p.FLOPsG, 9), Form: string(p.Form),
		Top1: percent(p.Top1), Top5: percent(p.Top5), Images: p.Images, Source: p.Source, Note: p.Note, Data: p.Dataset,
	}
	if out.FLOPs != nil {
		out.FLOPs.Convention, out.FLOPs.Size = p.FLOPsConvention, p.FLOPsSize
	}
	return json.Marshal(out)
}

// count returns a figure in units of 10 to the power of zeros; nil for one that was not published.
func count(f Figure, zeros int) *publishedCount {
	if !f.Known() {
		return nil
	}
	unit := int64(1)
	for range zeros {
		unit *= 10
	}
	return &publishedCount{Text: f.text, Unit: unit, Value: shifted(f.text, zeros)}
}

func percent(f Figure) *publishedRate {
	if !f.Known() {
		return nil
	}
	return &publishedRate{f.text, shifted(f.text, 0)}
}

// shifted returns a figure's digits as a number with the point moved to the right, with no zeros
// in front, which JSON has not.
func shifted(text string, places int) json.Number {
	whole, fraction, _ := strings.Cut(text, ".")
	fraction += strings.Repeat("0", max(0, places-len(fraction)))
	whole = strings.TrimLeft(whole+fraction[:places], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction = fraction[places:]; fraction != "" {
		whole += "." + fraction
	}
	return json.Number(whole)
}
