package zoo

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
	"github.com/gozoo/zoo/tensor"
)

// reported are the models that a report without names is about: every published
// CSPNet, the EfficientNet-Lites, and the networks whose accuracy is measured on
// embedded images.
var reported = []string{"csp*50_3rdparty_*", "efficientnet-lite*_3rdparty_*", "csp*-nano_digits"}

// ReportOptions says what to report. The zero value reports what is embedded, and the
// published CSPNets and EfficientNet-Lites beside it.
type ReportOptions struct {
	// Names are those that Zoo.Entries takes.
	Names []string
	// Measured are evaluations to enter, such as evaluate.Merge returns; of models that Names do
	// not hold they add rows.
	Measured []*evaluate.Evaluation
}

// Report returns the rows of the reproduction table. Parameters and FLOPs are counted
// from each network's graph. Accuracies are those of the evaluations that are given,
// and are measured where images are embedded: after download, conversion and
// verification. Elsewhere they are left as not measured.
//
// A *VerifyError comes with all rows: the accuracies of the networks it names are not
// measured. Other errors come without rows.
func (z *Zoo) Report(ctx context.Context, o ReportOptions) ([]metrics.Row, error) {
	if err := z.signed(); err != nil {
		return nil, err
	}
	names := o.Names
	if len(names) == 0 {
		names = reported
	}
	measured := make(map[string]*evaluate.Evaluation)
	for _, e := range o.Measured {
		if _, ok := measured[e.Model]; ok {
			return nil, option.Errorf("", "zoo: report: two evaluations of %s: give one", e.Model)
		}
		measured[e.Model] = e
		names = append(names[:len(names):len(names)], e.Model)
	}
	entries, err := z.Entries(names...)
	if err != nil {
		return nil, err
	}
	var rows []metrics.Row
	var failed []Check
	for i, entry := range entries {
		z.progress(Progress{Task: "report", Done: int64(i), Total: int64(len(entries))})
		z.tellOverrides(entry)
		row, err := z.row(ctx, entry, measured[entry.Name])
		if verify := (*VerifyError)(nil); errors.As(err, &verify) {
			failed = append(failed, verify.Failed...)
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	z.progress(Progress{Task: "report", Done: int64(len(entries)), Total: int64(len(entries))})
	if failed != nil {
		return rows, &VerifyError{failed}
	}
	return rows, nil
}

// row returns an entry's row, with the given evaluation, or measured where its images
// are embedded.
func (z *Zoo) row(ctx context.Context, entry *registry.Entry, e *evaluate.Evaluation) (metrics.Row, error) {
	g, err := graph(entry, entry.Published.Form, entry.Classes)
	if err != nil {
		return metrics.Row{}, err
	}
	row, err := metrics.NewRow(entry.Name, published(entry, g), g)
	if err != nil {
		return metrics.Row{}, err
	}
	row.Digests.Source = entry.Weights.Digest
	if e != nil {
		want := entry.Weights.Digest
		if want == (digest.Digest{}) { // those of the file that is there
			src, err := z.fetch(ctx, entry)
			if err != nil {
				return row, err
			}
			want = src.Digest
		}
		d, ok := e.Weights.Digest()
		if !ok || !want.Matches(d) {
			return row, option.Errorf("", "zoo: report: %s was evaluated with weights %s, the published ones are %s", entry.Name,
				e.Weights, want.Text())
		}
		row.Digests.Source = d
		return row, enter(&row, e, entry)
	}
	images, err := embeddedImages(entry)
	if err != nil || images == nil {
		return row, err
	}
	return row, z.measure(ctx, entry, images, &row)
}

// enter enters an evaluation that was made elsewhere, if it can be of the entry.
func enter(row *metrics.Row, e *evaluate.Evaluation, entry *registry.Entry) error {
	if e.Benchmark != "" {
		return option.Errorf("", "zoo: report: %s was evaluated on %s, of whose images the published figures say nothing: give an evaluation on %s",
			entry.Name, e.Benchmark, cmp.Or(entry.Dataset(), "the images that they are of"))
	}
	if want := evaluate.PixelsOf(entry.Input); e.Pixels != want {
		return option.Errorf("", "zoo: report: %s was evaluated on pixels of another kind: %s: expected %s", entry.Name, e.Pixels, want)
	}
	for _, r := range e.Images {
		for _, class := range slices.Concat([]int{r.Label}, r.Also, r.Top) {
			if class < 0 || class >= entry.Classes {
				return option.Errorf("", "zoo: report: %s was evaluated with class %d, the published network has %d", entry.Name, class, entry.Classes)
			}
		}
	}
	if err := row.Measure(measured(e, entry)); err != nil {
		return option.Errorf("", "zoo: report: %w", err)
	}
	return nil
}

// published returns an entry's published figures in the words of the package metrics.
func published(entry *registry.Entry, g *nn.Graph) metrics.Published {
	p := &entry.Published
	return metrics.Published{
		Params: p.ParamsM.String(), FLOPs: p.FLOPsG.String(),
		Convention: metrics.Convention(p.FLOPsConvention),
		Input:      tensor.Shape{1, g.Channels, p.FLOPsSize, p.FLOPsSize},
		Form:       p.Form, Labels: string(entry.Labels),
		Top1: p.Top1.String(), Top5: p.Top5.String(), Images: p.Images,
		Note: p.Note,
	}
}

// measure enters what the embedded images give: fetch, convert, verify, evaluate, each
// once.
func (z *Zoo) measure(ctx context.Context, entry *registry.Entry, images fs.FS, row *metrics.Row) error {
	var m *Model
	err := z.withSource(ctx, entry, z.fetchOptions(entry.Name), func(src store.Blob) error {
		row.Digests.Source = src.Digest
		converted, err := z.converted(ctx, entry, src)
		switch {
		case errors.Is(err, store.ErrReadOnly): // openBlob converts in memory, and no file has a digest
		case err != nil:
			return err
		default:
			row.Digests.Converted = converted.Digest
		}
		m, err = z.openBlob(ctx, entry, src, OpenOptions{})
		return err
	})
	if err != nil {
		return err
	}
	defer m.Close()
	goldens, err := golden.Embedded(entry.Name)
	if err != nil {
		return err
	}
	weights := &weightSource{zoo: z, entry: entry, published: m}
	defer weights.close()
	checks, err := z.verify(ctx, weights, VerifyOptions{Goldens: goldens, Precisions: []Precision{z.config.Precision}, Images: images})
	if err != nil {
		return err
	}
	for _, c := range checks {
		if !c.Pass() {
			return &VerifyError{[]Check{c}}
		}
	}
	for _, g := range goldens {
		row.Digests.Golden = g.Digest
	}
	e, err := evaluate.Run(ctx, m, images, evaluate.Options{Dataset: EmbeddedDataset})
	if err != nil {
		return err
	}
	return row.Measure(measured(e, entry))
}

// EmbeddedDataset is what evaluations call the images that Zoo.Images returns.
const EmbeddedDataset = "embedded"

// measured returns an evaluation in the words of the package metrics.
func measured(e *evaluate.Evaluation, entry *registry.Entry) metrics.Evaluation {
	return metrics.Evaluation{
		Accuracy: e.Accuracy, Height: entry.Input.Crop, Width: entry.Input.Crop,
		Interpolation: entry.Input.Resize.Method(), Decoder: evaluate.Decoder, Precision: e.Precision, Images: e.List,
		Unreadable: e.Unreadable, LeftOut: e.LeftOut,
	}
}
