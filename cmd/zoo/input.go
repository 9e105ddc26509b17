package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/vision"
)

// inputSettings are the flags that say how pictures become inputs, in place of a model's row.
type inputSettings struct {
	size                             int
	resize, interpolation, mean, std string
	classes                          string
}

// inputFlags gives a command whose first argument is a model the flags of its preprocessing, and enters
// them into the options. One whose arguments are a subject gets that of class names, too.
func (a *app) inputFlags(c *cobra.Command, o *zoo.OpenOptions, pictures bool) {
	var s inputSettings
	f := c.Flags()
	if pictures {
		f.StringVar(&s.classes, "classes", "", "file with the names of the classes in label order, in place of the model's")
	}
	f.IntVar(&s.size, "size", 0, "side of the square that the network sees, in place of the model's; resized to as well where the model crops nothing")
	f.StringVar(&s.resize, "resize", "", "edge that pictures are resized to before the crop, or none (default: the model's)")
	f.StringVar(&s.interpolation, "interpolation", "", "bilinear or bicubic (default: the model's)")
	f.StringVar(&s.mean, "mean", "", "subtracted from the channels, of 0 to 255, such as 123.675,116.28,103.53 (default: the model's)")
	f.StringVar(&s.std, "std", "", "divides the channels, of 0 to 255, such as 58.395,57.12,57.375 (default: the model's)")
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("size") && s.size < 1 {
			return usage("--size %d: expected a side in pixels", s.size)
		}
		if s.classes != "" {
			var err error
			if o.Classes, err = converter.ReadClasses(s.classes); err != nil {
				return &usageError{err}
			}
		}
		if s.size > 0 || s.resize+s.interpolation+s.mean+s.std != "" {
			name := args[0]
			if pictures { // beside the model, which need not be named
				subject, err := a.findSubject(cmd.Context(), args, o.File)
				if err != nil {
					return err
				}
				name = subject.name
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			entry, err := z.Registry().Lookup(name)
			if err != nil {
				return err
			}
			p := entry.Input
			if err := s.apply(&p); err != nil {
				return err
			}
			o.Input = &p
		}
		return run(cmd, args)
	}
}

// apply changes a preprocessing as the flags say.
func (s *inputSettings) apply(p *vision.Pipeline) (err error) {
	r := &p.Resize
	if s.size > 0 {
		if r.Kind != vision.ResizeNone && r.Edge == p.Crop {
			r.Edge = s.size
		}
		p.Crop = s.size
	}
	switch {
	case s.resize == vision.ResizeNone:
		*r = vision.Resize{Kind: vision.ResizeNone}
	case s.resize != "":
		if r.Kind == vision.ResizeNone {
			return usage("--resize %s: the model resizes nothing, and its row says by no kind: make it a row of your own, with docs/zoo-toml.md", s.resize)
		}
		if r.Edge, err = strconv.Atoi(s.resize); err != nil {
			return usage("--resize %s: expected an edge in pixels, or none", s.resize)
		}
	}
	if s.interpolation != "" {
		r.Interpolation = vision.Filter(s.interpolation)
	}
	if s.mean+s.std != "" {
		*p = p.InLevels() // what one of the flags leaves, too
	}
	for _, f := range []struct {
		flag, text string
		to         *[3]float32
	}{{"--mean", s.mean, &p.Mean}, {"--std", s.std, &p.Std}} {
		if f.text == "" {
			continue
		}
		if *f.to, err = parseChannels(f.text); err != nil {
			return usage("%s %s: expected three numbers such as 123.675,116.28,103.53", f.flag, f.text)
		}
	}
	// Other tools divide by 255 first, and give both so.
	if s.mean+s.std != "" && max(p.Mean[0], p.Mean[1], p.Mean[2]) <= 1 && max(p.Std[0], p.Std[1], p.Std[2]) <= 1 {
		return usage("--mean, --std: expected values of 0 to 255, found mean %v and std %v: multiply each by 255", p.Mean, p.Std)
	}
	var bad *vision.PipelineError
	if err := p.Check(); errors.As(err, &bad) {
		return usage("--%s: %s", flagOfInput(bad.Key), bad.Reason)
	}
	if r.Kind != vision.ResizeNone && r.Edge < p.Crop && !p.Fills() {
		return usage("--resize: pictures are resized to an edge of %d and then cropped to %d: name a --resize that is not smaller", r.Edge, p.Crop)
	}
	return nil
}

// flagOfInput returns which flag a key of a row's input is set by.
func flagOfInput(key string) string {
	switch key {
	case "crop":
		return "size"
	case "resize.interpolation", "resize.backend":
		return "interpolation"
	case "resize.edge", "resize.padding", "resize.kind":
		return "resize"
	}
	return key
}

// parseChannels parses three numbers with commas between them; one stands for all.
func parseChannels(text string) (x [3]float32, err error) {
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = []string{text, text, text}
	}
	if len(parts) != len(x) {
		return x, strconv.ErrSyntax
	}
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return x, err
		}
		x[i] = float32(v)
	}
	return x, nil
}
