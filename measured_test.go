package zoo_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// changedRow writes a registry that changes a row.
func changedRow(t testing.TB, text string) func(c *zoo.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zoo.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *zoo.Config) { c.Registries = []string{path} }
}

// An evaluation that is given stands in the row of its model, and nothing is measured for
// it; one of other weights, or two of one model, do not.
func TestReportMeasured(t *testing.T) {
	z := newZoo(t)
	part, err := evaluate.Run(t.Context(), nano.Open(t, nano.Names[1], model.Compute{}), nano.Images(t),
		evaluate.Options{Limit: 100, Dataset: "part"})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := z.Report(t.Context(), zoo.ReportOptions{Names: []string{nano.Names[1]}, Measured: []*evaluate.Evaluation{part}})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	r := rows[0]
	if r.Top1.N != 100 || r.Top1.Correct != part.Accuracy.Top1 || r.Accuracy() != metrics.Consistent ||
		r.Evaluation.Images != part.List || r.Digests.Converted != (digest.Digest{}) {
		t.Errorf("%+v", r)
	}
	if _, err := z.Report(t.Context(), zoo.ReportOptions{Measured: []*evaluate.Evaluation{part, part}}); err == nil ||
		!strings.Contains(err.Error(), "two evaluations") {
		t.Errorf("two of one model: %v", err)
	}
	other := *part
	other.Weights = golden.Synthetic(1)
	if _, err := z.Report(t.Context(), zoo.ReportOptions{Measured: []*evaluate.Evaluation{&other}}); err == nil ||
		!strings.Contains(err.Error(), "was evaluated with weights synthetic:1") {
		t.Errorf("other weights: %v", err)
	}
	elsewhere := *part
	elsewhere.Benchmark = "ImageNet-A"
	if _, err := z.Report(t.Context(), zoo.ReportOptions{Measured: []*evaluate.Evaluation{&elsewhere}}); err == nil ||
		!strings.Contains(err.Error(), "was evaluated on ImageNet-A, of whose images the published figures say nothing: give an evaluation on digits") {
		t.Errorf("another set: %v", err)
	}
	if _, err := z.Report(t.Context(), zoo.ReportOptions{Names: []string{"["}}); err == nil {
		t.Error("a malformed pattern: no error")
	}
}

// A network that is not verified has no accuracy measured, and its row comes all the same.
func TestReportOfWrongPixels(t *testing.T) {
	z := newZoo(t, changedRow(t, "[cspresnet-nano_digits.input]\nmean = [123.675, 116.28, 103]\n"))
	var done atomic.Int64
	progress := newZoo(t, changedRow(t, "[cspresnet-nano_digits.input]\nmean = [123.675, 116.28, 103]\n"), func(c *zoo.Config) {
		c.Progress = func(p zoo.Progress) {
			if p.Task == "report" {
				done.Store(p.Done)
			}
		}
	})
	rows, err := progress.Report(t.Context(), zoo.ReportOptions{Names: nano.Names})
	var verify *zoo.VerifyError
	if !errors.As(err, &verify) || len(rows) != 3 || rows[1].Evaluation != nil || rows[2].Evaluation == nil || done.Load() != 3 {
		t.Fatalf("%d rows, %d done, %v", len(rows), done.Load(), err)
	}
	if want := "values of the preprocessed images differ"; !strings.Contains(err.Error(), want) {
		t.Errorf("%v: want %q", err, want)
	}
	checks, err := z.Verify(t.Context(), nano.Names[1], zoo.VerifyOptions{})
	if err != nil || len(checks) == 0 {
		t.Fatal(err)
	}
	c := checks[0]
	if c.Pass() || !c.Verdict.Pass || c.Pixels.Differ == 0 || c.Pixels.Differ >= c.Pixels.Values || c.Pixels.Max < 0.5 || c.Pixels.Max > 0.6 {
		t.Errorf("%+v, pixels %+v: expected one channel of three to differ by 0.53 levels", c, c.Pixels)
	}
	good, err := newZoo(t).Verify(t.Context(), nano.Names[1], zoo.VerifyOptions{})
	if err != nil || !good[0].Pass() || !strings.Contains(good[0].Reason(), "headroom") {
		t.Errorf("%+v, %v", good, err)
	}
}

// A file is converted under its own names, with every tensor, and what comes out is known
// by the digest of its bytes.
func TestConvertFileKeepsNames(t *testing.T) {
	z := newZoo(t)
	src := filepath.Join(t.TempDir(), "copy.pth")
	s, err := z.DownloadTo(t.Context(), nano.Names[0], src)
	if err != nil || s.Path != src {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, all := range []bool{false, true} {
		out := filepath.Join(t.TempDir(), "out.npz")
		c, err := z.ConvertFile(t.Context(), src, zoo.ConvertOptions{Output: out, All: all})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.Digest()
		if err != nil || d != digest.Of(sha256.Sum256(data)) || c.SourceDigest != s.Digest {
			t.Errorf("digests %v and %v, %v", d, c.SourceDigest, err)
		}
		if c.Format != "npz" || c.Model != "" || c.Tensors < 100 || len(c.Names) != c.Tensors || len(c.NonTensors) == 0 {
			t.Errorf("%s, %q, %d tensors, %d names, %d others", c.Format, c.Model, c.Tensors, len(c.Names), len(c.NonTensors))
		}
	}
}

// What is computed in a bench are the weights that were asked for.
func TestBenchWeights(t *testing.T) {
	z := newZoo(t)
	src := filepath.Join(t.TempDir(), "copy.pth")
	if _, err := z.DownloadTo(t.Context(), nano.Names[0], src); err != nil {
		t.Fatal(err)
	}
	logits := func(o zoo.BenchOptions) []float32 {
		t.Helper()
		b, err := z.Bench(t.Context(), nano.Names[0], o)
		if err != nil {
			t.Fatal(err)
		}
		if b.GFLOPS() != 0 {
			t.Errorf("%g GFLOP/s of no run", b.GFLOPS())
		}
		return b.Logits
	}
	published := logits(zoo.BenchOptions{Weights: golden.Published})
	if diff := cmp.Diff(published, logits(zoo.BenchOptions{Checkpoint: src})); diff != "" {
		t.Errorf("the file is the published one (-published +file):\n%s", diff)
	}
	zero := logits(zoo.BenchOptions{})
	if diff := cmp.Diff(zero, logits(zoo.BenchOptions{Weights: golden.Synthetic(0)})); diff != "" {
		t.Errorf("none are those of seed 0 (-none +seed 0):\n%s", diff)
	}
	if cmp.Equal(zero, published) || cmp.Equal(zero, logits(zoo.BenchOptions{Weights: golden.Synthetic(1)})) {
		t.Error("other weights give the same logits")
	}
	m := nano.Open(t, nano.Names[0], model.Compute{})
	input, err := golden.SyntheticInput(tensor.Shape{1, 3, 32, 32}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Logits(t.Context(), model.Tensor(tensor.Shape{1, 3, 32, 32}, input))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[0], published); diff != "" {
		t.Errorf("(-model +bench):\n%s", diff)
	}
}
