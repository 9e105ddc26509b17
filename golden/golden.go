// Package golden holds what the reference framework computed, and judges what zoo
// computes against it.
//
// A golden file (format "zoo-golden/1") is a safetensors file with the logits of
// one network on one input, and optionally probes: summaries of module outputs
// along the way, which name the first layer that goes wrong. The files in this
// folder are embedded; gen/ holds the Python programs that wrote them. Nothing
// here runs a network.
//
//	g, err := golden.Open("cspresnet50.golden.safetensors")
//	verdict, err := g.Judge(tensor.Highest, golden.Run{Logits: logits})
package golden

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Format is the value of a golden file's "format".
const Format = "zoo-golden/1"

// maxBytes bounds a golden file once decompressed; an input of 64 images of
// 512x512 fits.
const maxBytes = 256 << 20

// A Golden is one golden file.
type Golden struct {
	Name      string        // file name, for messages
	Digest    digest.Digest // of the file's bytes; of those that were compressed for a ".zst"
	Model     string        // registry name
	Form      nn.Form
	Weights   Weights
	Input     string // "synthetic:SEED", or where the stored input came from
	Framework string // name and version of the reference
	// Noise is the reference's own error in float32 against float64, as a share of
	// the largest logit; 0 when the file does not say.
	Noise  float64
	Shape  tensor.Shape // of the input, (N,C,H,W)
	Logits []float32    // (N,K), row-major
	K      int          // classes
	Probes []ProbeValues

	stored []float32 // the input, when the file carries it
}

// ProbeValues is the stored summary of one module's output; see Probe.
type ProbeValues struct {
	Path   string // module path
	Values []float32
}

// Open reads a golden file, plain or compressed with zstd (".zst").
func Open(path string) (*Golden, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("golden: %s: expected at most %d bytes, found more", filepath.Base(path), maxBytes)
	}
	return Parse(filepath.Base(path), data)
}

// Parse reads a golden from memory. A name that ends in ".zst" is decompressed.
func Parse(name string, data []byte) (*Golden, error) {
	if strings.HasSuffix(name, ".zst") {
		plain, err := decompress(data)
		if err != nil {
			return nil, fmt.Errorf("golden: %s: %w", name, err)
		}
		data = plain
	}
	f, err := safetensors.Parse(name, data)
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	g := &Golden{Name: name, Digest: digest.Of(sha256.Sum256(data))}
	if err := g.decode(f.Metadata(), f.StateDict()); err != nil {
		return nil, fmt.Errorf("golden: %s: %w", name, err)
	}
	return g, nil
}

func decompress(data []byte) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxMemory(maxBytes), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err == nil && len(plain) > maxBytes {
		err = fmt.Errorf("more than %d bytes once decompressed", maxBytes)
	}
	return plain, err
}

// decode fills g from the metadata and the tensors of the file.
func (g *Golden) decode(meta map[string]string, sd *tensor.StateDict) error {
	if meta["format"] != Format {
		return fmt.Errorf("metadata %q: expected %q, found %q", "format", Format, meta["format"])
	}
	g.Model, g.Input, g.Framework = meta["model"], meta["input"], meta["framework"]
	for _, key := range []string{"model", "weights", "input"} {
		if meta[key] == "" {
			return fmt.Errorf("metadata %q is missing", key)
		}
	}
	var err error
	if g.Weights, err = ParseWeights(meta["weights"]); err != nil {
		return fmt.Errorf("metadata %q: %w", "weights", err)
	}
	if g.Weights == Published {
		return fmt.Errorf("metadata %q: %v says not which: expected a digest or a seed", "weights", g.Weights)
	}
	if g.Form, err = nn.ParseForm(meta["form"]); err != nil {
		return fmt.Errorf("metadata %q: %w", "form", err)
	}
	if s, ok := meta["noise"]; ok {
		noise, err := strconv.ParseFloat(s, 64)
		if err != nil || !(noise >= 0 && noise < 1) {
			return fmt.Errorf("metadata %q: expected a number from 0 to 1, found %q", "noise", s)
		}
		g.Noise = noise
	}
	if _, ok := sd.Lookup("logits"); !ok {
		return fmt.Errorf("tensor %q is missing", "logits")
	}
	for name, t := range sd.All() {
		if t.DType() != tensor.F32 {
			return fmt.Errorf("tensor %q: expected F32, found %v", name, t.DType())
		}
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		path, isProbe := strings.CutPrefix(name, "probe.")
		switch {
		case name == "input":
			g.Shape, g.stored = t.Shape(), values
		case name == "logits":
			if len(t.Shape()) != 2 {
				return fmt.Errorf("tensor %q: expected (N,K), found %v", name, t.Shape())
			}
			g.Logits, g.K = values, t.Shape()[1]
		case isProbe:
			if len(values) != probeLen {
				return fmt.Errorf("tensor %q: expected (%d), found %v", name, probeLen, t.Shape())
			}
			g.Probes = append(g.Probes, ProbeValues{path, values})
		default:
			return fmt.Errorf("tensor %q is not part of the format", name)
		}
	}
	if g.stored == nil {
		shape, err := parseShape(meta["shape"])
		if err != nil {
			return fmt.Errorf("metadata %q: %w", "shape", err)
		}
		g.Shape = shape
		if _, err := parseSynthetic(g.Input); err != nil {
			return fmt.Errorf("metadata %q: %w: no tensor %q is stored either", "input", err, "input")
		}
	}
	if len(g.Shape) != 4 {
		return fmt.Errorf("tensor %q: expected (N,C,H,W), found %v", "input", g.Shape)
	}
	if len(g.Logits) == 0 || len(g.Logits) != g.Shape[0]*g.K {
		return fmt.Errorf("tensor %q: expected (%d,K), found %d values in rows of %d", "logits", g.Shape[0], len(g.Logits), g.K)
	}
	return nil
}

// parseShape parses "1x3x224x224".
func parseShape(s string) (tensor.Shape, error) {
	var shape tensor.Shape
	for _, part := range strings.Split(s, "x") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 1<<16 {
			return nil, fmt.Errorf("expected NxCxHxW of 1 to %d each, found %q", 1<<16, s)
		}
		shape = append(shape, n)
	}
	if len(shape) != 4 {
		return nil, fmt.Errorf("expected NxCxHxW, found %q", s)
	}
	if bytes, err := shape.Bytes(tensor.F32); err != nil || bytes > maxBytes {
		return nil, fmt.Errorf("an input of %q is larger than %d bytes", s, maxBytes)
	}
	return shape, nil
}

// Images returns the names of the images that the stored input was made from,
// in order, when the file says so.
func (g *Golden) Images() []string {
	list, ok := strings.CutPrefix(g.Input, "images:")
	if !ok || g.stored == nil {
		return nil
	}
	return strings.Split(list, ",")
}

// NetworkInput returns the input (N,C,H,W): the stored one, which must not be
// changed, or the synthetic one.
func (g *Golden) NetworkInput() ([]float32, error) {
	if g.stored != nil {
		return g.stored, nil
	}
	seed, err := parseSynthetic(g.Input)
	if err != nil {
		return nil, fmt.Errorf("golden: %s: %w", g.Name, err)
	}
	return SyntheticInput(g.Shape, seed)
}
