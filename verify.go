package zoo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/vision"
)

// VerifyOptions says what to verify with. The zero value verifies the embedded
// goldens of a model at Highest, or those that came in a bundle.
type VerifyOptions struct {
	// Goldens to judge by; nil means the embedded ones of the model.
	Goldens []*golden.Golden
	// Checkpoint is a file whose weights are used instead of those that each
	// golden names.
	Checkpoint string
	// Network is what the file's own project calls the network that it holds: see
	// converter.Target.
	Network string
	// Weights says which tensors of the file are the network's, where it holds several
	// networks: see converter.Checkpoint.Select.
	Weights string
	// Precisions to compute and judge at; nil means Highest.
	Precisions []Precision
	// Images holds the images that a golden's input was made from; nil means the
	// embedded ones. Where they are found the preprocessing is verified too.
	Images fs.FS
}

// A Check is one golden judged at one precision.
type Check struct {
	Model   string
	Weights golden.Weights // what was used
	StandIn *StandIn       // whose they are; nil: nobody's
	Input   string         // size, as "2x3x224x224"
	Verdict *golden.Verdict
	Origin  string         // of the golden: "embedded", "file" for one that was given, or "bundle"
	Bundle  *bundle.Origin // that brought the golden into the cache; nil: none did
	Pixels  *PixelDelta    // nil when the images behind the input are not there
	// AsComputedBy names the framework that wrote the golden where it is known to compute another
	// network than was published, which was judged then; empty otherwise.
	AsComputedBy string
}

// Pass reports whether the network and, where it was checked, the preprocessing
// agree with the reference.
func (c *Check) Pass() bool {
	return (c.Verdict.Pass || !c.Verdict.Judged) && (c.Pixels == nil || c.Pixels.Differ == 0)
}

// Reason says why the check does not pass, or how well it does.
func (c *Check) Reason() string {
	if p := c.Pixels; p != nil && p.Differ > 0 && (c.Verdict.Pass || !c.Verdict.Judged) {
		return fmt.Sprintf("%d of %d values of the preprocessed images differ, by up to %.3g levels", p.Differ, p.Values, p.Max)
	}
	return c.Verdict.String()
}

// A PixelDelta compares preprocessed images with the reference's network input.
type PixelDelta struct {
	Values int     // values compared
	Differ int     // values that are not equal
	Max    float64 // largest difference, in levels of 0 to 255
}

// ErrNoGolden is that there is nothing to judge a model by.
var ErrNoGolden = errors.New("no golden is embedded for this model")

// Verify judges the named model. It returns one Check for each golden and
// precision, whether it passed or not; the error is about what kept it from
// judging, such as ErrNoGolden.
func (z *Zoo) Verify(ctx context.Context, name string, o VerifyOptions) ([]Check, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	if o.Checkpoint == "" {
		if err := z.signed(); err != nil {
			return nil, err
		}
	}
	goldens, origin := o.Goldens, "file"
	var bundles map[string]bundle.Origin
	if goldens == nil {
		origin = "embedded"
		if goldens, err = golden.Embedded(entry.Name); err != nil {
			return nil, err
		}
		if o.Checkpoint == "" {
			if goldens, err = z.withStandIn(entry, goldens, &o); err != nil {
				return nil, err
			}
		}
		if len(goldens) == 0 {
			if goldens, bundles, err = z.cachedGoldens(entry.Name); err != nil {
				return nil, err
			}
		}
		if len(goldens) == 0 {
			return nil, fmt.Errorf("zoo: %s: %w: name one with --golden", entry.Name, ErrNoGolden)
		}
	}
	precisions := o.Precisions
	if precisions == nil {
		precisions = []Precision{Highest}
	}
	if o.Images == nil {
		if o.Images, err = embeddedImages(entry); err != nil {
			return nil, err
		}
	}
	weights := &weightSource{zoo: z, entry: entry, file: OpenOptions{File: o.Checkpoint, Weights: o.Weights, Network: o.Network}}
	defer weights.close()
	o.Goldens, o.Precisions = goldens, precisions
	checks, err := z.verify(ctx, weights, o)
	for i := range checks {
		checks[i].Origin = origin
		if b, ok := bundles[checks[i].Verdict.Golden]; ok {
			checks[i].Origin, checks[i].Bundle = "bundle", &b
		}
	}
	return checks, err
}

// verify judges a model by goldens, at precisions and with images that are all given.
func (z *Zoo) verify(ctx context.Context, weights *weightSource, o VerifyOptions) ([]Check, error) {
	name := weights.entry.Name
	var checks []Check
	for i, g := range o.Goldens {
		z.progress(Progress{Task: "verify", Name: name, Done: int64(i), Total: int64(len(o.Goldens))})
		if g.Model != name {
			return checks, &GoldenError{g.Name, fmt.Errorf("the golden is of model %q, not of %q", g.Model, name)}
		}
		m, framework, err := weights.model(ctx, g)
		if err != nil {
			return checks, err
		}
		if err := m.Classifies(); err != nil {
			return checks, err
		}
		pixels, err := comparePixels(ctx, g, m.Pipeline(), o.Images, m.DecodeOptions())
		if err != nil {
			return checks, &GoldenError{g.Name, err}
		}
		for _, p := range o.Precisions {
			at, err := m.With(z.compute(p))
			if err != nil {
				return checks, err
			}
			c, err := judge(ctx, at, g)
			if err != nil {
				return checks, &GoldenError{g.Name, err}
			}
			c.Pixels, c.StandIn, c.AsComputedBy = pixels, weights.standIn(m), framework
			checks = append(checks, c)
		}
	}
	z.progress(Progress{Task: "verify", Name: name, Done: int64(len(o.Goldens)), Total: int64(len(o.Goldens))})
	return checks, nil
}

// judge runs the golden's input, as users run the network and with its probes kept, and
// compares the outcomes.
func judge(ctx context.Context, m *Model, g *golden.Golden) (Check, error) {
	c := Check{Model: m.Name(), Weights: m.Weights(), Input: strings.ReplaceAll(strings.Trim(g.Shape.String(), "()"), ",", "x")}
	input, err := g.NetworkInput()
	if err != nil {
		return c, err
	}
	wanted := make(map[string]bool)
	for _, probe := range g.Probes {
		wanted[probe.Path] = true
	}
	var paths []string
	for _, path := range m.Paths() {
		if wanted[path] {
			paths = append(paths, path)
		}
	}
	var r golden.Run
	if r.Logits, _, err = forward(ctx, m, nil, model.Tensor(g.Shape, input)); err != nil {
		return c, err
	}
	if len(paths) > 0 {
		var kept [][]float32
		if r.Probed, kept, err = forward(ctx, m, paths, model.Tensor(g.Shape, input)); err != nil {
			return c, err
		}
		for i, path := range paths {
			r.Probes = append(r.Probes, golden.ProbeValues{Path: path, Values: golden.Probe(path, kept[i])})
		}
	}
	c.Verdict, err = g.Judge(m.Compute().Precision, r)
	return c, err
}

// forward computes a batch: the logits (N,K), and what the modules of some paths put out.
func forward(ctx context.Context, m *Model, paths []string, batch model.Input) (logits []float32, kept [][]float32, err error) {
	outputs, err := m.Forward(ctx, paths, batch)
	if err != nil {
		return nil, nil, err
	}
	kept = make([][]float32, len(paths))
	for _, out := range outputs { // of each image
		logits = append(logits, out.Logits...)
		for i, v := range out.Values {
			kept[i] = append(kept[i], v.Data...)
		}
	}
	return logits, kept, nil
}

// comparePixels preprocesses the images that the golden's input was made from. It
// returns nil when the golden names none or images does not hold them.
func comparePixels(ctx context.Context, g *golden.Golden, p vision.Pipeline, images fs.FS, o vision.DecodeOptions) (*PixelDelta, error) {
	names := g.Images()
	if images == nil || len(names) == 0 {
		return nil, nil
	}
	want, err := g.NetworkInput()
	if err != nil {
		return nil, err
	}
	size := len(want) / g.Shape[0]
	if len(names) != g.Shape[0] {
		return nil, fmt.Errorf("the golden names %d images for a batch of %d", len(names), g.Shape[0])
	}
	levels := p.InLevels()
	delta := &PixelDelta{Values: len(want)}
	for i, name := range names {
		got, err := preprocess(ctx, p, images, name, o)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if len(got) != size {
			return nil, fmt.Errorf("image %s gives %d values, the golden holds %d", name, len(got), size)
		}
		plane := size / len(p.Std)
		for j, w := range want[i*size : (i+1)*size] {
			if got[j] != w {
				delta.Differ++
				levels := math.Abs(float64(got[j])-float64(w)) * float64(levels.Std[j/plane])
				delta.Max = max(delta.Max, levels) // NaN where a value of the golden is
			}
		}
	}
	return delta, nil
}

// preprocess reads one image of a file system into a network input (C,H,W).
func preprocess(ctx context.Context, p vision.Pipeline, images fs.FS, name string, o vision.DecodeOptions) ([]float32, error) {
	data, err := bounded.ReadFS(images, name, vision.MaxBytes(o.MaxPixels))
	if err != nil {
		return nil, err
	}
	pixels, err := p.Load(ctx, data, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.Normalize(pixels), nil
}

// OpenGolden reads a golden file.
func OpenGolden(path string) (*golden.Golden, error) {
	g, err := golden.Open(path)
	var missing *os.PathError
	if err != nil && !errors.As(err, &missing) {
		return nil, &converter.CheckpointError{File: path, Err: err}
	}
	return g, err
}
