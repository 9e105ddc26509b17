package zoo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
	"github.com/gozoo/zoo/tensor"
)

// A Conversion says what was converted, and how.
type Conversion struct {
	Path         string // of the file written; StreamPath for a stream
	Format       converter.Format
	Source       string // base name
	SourceDigest digest.Digest
	Container    string // of the source
	Checksums    bool   // whether the source's container protects its content
	Model        string // empty for none
	Recipe       string // empty for none
	Network      string // what the source's project calls its network; empty where that is not known
	Assumed      string // what was taken for granted of that, in a line; empty for nothing
	Form         nn.Form
	Classes      int // rows of the classifier; 0 without a network
	ClassNames   []string
	Tensors      int
	Selection    converter.Selection   // which of the file's tensors were taken, and how
	Mappings     []converter.Weights   // what the file holds
	Size         int64                 // of the file, in bytes
	Names        []converter.Explained // what became of each name
	NonTensors   []pth.NonTensor       // what was not a tensor, and was not run
	// Identified tells that the file's digest is that of Model's published file, so that it was
	// converted as that without having been told. Prefix tells that no more of that digest is known
	// than eight digits, and that its tensors are those of the network, too.
	Identified, Prefix bool
	Fits               []Fit // networks that a file fits which was converted without one

	digest digest.Digest // of the file written, where it is known
}

// StreamPath stands for the path of what was written to ConvertOptions.Stream.
const StreamPath = "-"

// Digest returns the digest of the file that was written, which is read where that is not
// known yet; none of what went through a device or a named pipe.
func (c *Conversion) Digest() (digest.Digest, error) {
	if c.digest.Full() {
		return c.digest, nil
	}
	f, err := bounded.Open(c.Path)
	if errors.Is(err, bounded.ErrIrregular) {
		return digest.Digest{}, nil
	}
	if err != nil {
		return digest.Digest{}, err
	}
	defer f.Close()
	return digest.Read(f)
}

// Convert converts the named model's published file, downloading it if need be.
// The error is a *converter.CheckpointError when the file is not what the entry's
// network wants, and an *OptionError or a *converter.RecipeError when the options are
// to blame; then nothing is written.
func (z *Zoo) Convert(ctx context.Context, name string, o ConvertOptions) (*Conversion, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	if err := o.check(false); err != nil {
		return nil, fmt.Errorf("zoo: convert %s: %w", name, err)
	}
	var done *Conversion
	err = z.withSource(ctx, entry, z.weightOptions(entry.Name), func(src store.Blob) (err error) {
		done, err = z.convertSource(ctx, entry, src, o)
		return err
	})
	return done, err
}

// convertSource converts an entry's published file, or its stand-in.
func (z *Zoo) convertSource(ctx context.Context, entry *registry.Entry, src store.Blob, o ConvertOptions) (*Conversion, error) {
	if !src.StandIn {
		o.Recipe = cmp.Or(o.Recipe, entry.Weights.Recipe)
	} else if o.Output == "" && o.Stream == nil {
		return nil, option.Errorf("Output", "zoo: convert %s: the published file is not here, and the cache keeps "+
			"nothing of the one that is part of the program: name an output file", entry.Name)
	}
	checkpoint, err := z.openSource(ctx, entry, src)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	job, err := plan(checkpoint, src.Digest, entry, o)
	if err != nil {
		return nil, err
	}
	z.announce(job.done)
	if o.Output == "" && o.Stream == nil && !o.DryRun {
		made, err := z.store.Derived(ctx, convertedKey(entry, src), func(tmp string) error { return job.write(ctx, tmp) })
		job.done.Path, job.done.digest, job.done.Size = made.Path, made.Digest, made.Size
		return job.done, err
	}
	err = job.deliver(ctx, o)
	if o.Output == "" && o.Stream == nil {
		job.done.Path = z.store.Path(job.done.digest)
	}
	return job.done, err
}

// ConvertFile converts a checkpoint file to o.Output, which appears only once it is
// complete. The error is a *converter.CheckpointError when the file cannot be read
// or does not fit o.Model, and an *OptionError or a *converter.RecipeError when the
// options are to blame.
func (z *Zoo) ConvertFile(ctx context.Context, path string, o ConvertOptions) (*Conversion, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var entry *registry.Entry
	if o.Model != "" {
		var err error
		if entry, err = z.lookup(o.Model); err != nil {
			return nil, err
		}
	}
	ask := o.Identify && entry == nil && !o.All
	needed := ask && o.needsNetwork()
	if !needed {
		if err := o.check(true); err != nil {
			return nil, fmt.Errorf("zoo: convert %s: %w", path, err)
		}
	}
	if same, err := sameFile(path, o.Output); err != nil {
		return nil, err
	} else if same {
		return nil, option.Errorf("Output", "zoo: convert %s: the output is the input: name another file", path)
	}
	checkpoint, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	var known digest.Digest
	if ask && (needed || !writtenTwice(&o) || z.namedByDigest(path)) {
		if entry, known = z.publisher(checkpoint, path); entry != nil {
			o.Recipe = cmp.Or(o.Recipe, entry.Weights.Recipe)
		}
	}
	identified := ask && entry != nil
	if needed {
		named := o
		if identified {
			named.Model = entry.Name
		}
		if err := named.check(true); err != nil {
			return nil, fmt.Errorf("zoo: convert %s: %w", path, err)
		}
	}
	job, err := plan(checkpoint, known, entry, o)
	if err != nil {
		return nil, err
	}
	z.announce(job.done)
	suggested := make(chan []Fit, 1)
	if ask && !identified {
		sd := job.sd                                        // which another plan may replace meanwhile
		go func() { suggested <- z.fits(checkpoint, sd) }() // while the file is written
	}
	if err := job.deliver(ctx, o); err != nil {
		return job.done, err
	}
	if ask && !identified {
		// Now that the digest is known, which was computed beside the writing.
		if entry, known = z.publisher(checkpoint, path); entry != nil {
			identified = true
			o.Recipe = entry.Weights.Recipe
			if job, err = plan(checkpoint, known, entry, o); err != nil {
				return nil, err
			}
			if err := job.deliver(ctx, o); err != nil {
				return job.done, err
			}
		} else {
			job.done.Fits = <-suggested
		}
	}
	if job.done.Identified = identified; identified {
		job.done.Prefix = !entry.Weights.Digest.Full()
	}
	return job.done, nil
}

// needsNetwork reports whether the options are about a network, which a file by itself does not name.
func (o *ConvertOptions) needsNetwork() bool {
	return o.Network != "" || o.Recipe != "" || o.Deploy || o.OutputFormat() == converter.ONNX
}

// writtenTwice reports whether what was written may be written once more, over it.
func writtenTwice(o *ConvertOptions) bool {
	if o.Stream != nil || o.DryRun {
		return false
	}
	st, err := os.Stat(o.Output)
	return err != nil || st.Mode().IsRegular()
}

// announce says which tensors a conversion takes.
func (z *Zoo) announce(c *Conversion) {
	for _, text := range (&converter.Fitted{Selection: c.Selection, Assumed: c.Assumed}).Notices(c.Source) {
		z.notice(text)
	}
}

// A conversion is a checkpoint on its way to a file.
type conversion struct {
	done   *Conversion // as far as it is known
	digest func() digest.Digest
	sd     *tensor.StateDict
	output converter.Output
}

// plan decides what to write of a checkpoint. Known is its digest; none where that is still
// to be computed. Entry is the one whose network it must fit, if any.
func plan(checkpoint *converter.Checkpoint, known digest.Digest, entry *registry.Entry, o ConvertOptions) (*conversion, error) {
	c := &Conversion{
		Format: o.OutputFormat(), Source: checkpoint.Name, SourceDigest: known, Container: checkpoint.Container, Checksums: checkpoint.Checksums,
		NonTensors: checkpoint.NonTensors, ClassNames: checkpoint.Classes, Mappings: checkpoint.Mappings(),
	}
	job := &conversion{done: c, digest: checkpoint.Digest, output: converter.Output{Format: c.Format, DType: o.DType}}
	switch {
	case o.Classes != nil:
		c.ClassNames = o.Classes
	case entry != nil && len(entry.ClassNames) > 0 && (known != digest.Digest{} || len(checkpoint.Classes) == 0): // of its own file
		c.ClassNames = entry.ClassNames
	}
	var err error
	if entry == nil {
		err = job.keep(checkpoint, o)
	} else {
		err = job.fit(checkpoint, entry, o)
	}
	if err != nil {
		return nil, err
	}
	c.Tensors = job.sd.Len()
	job.output.Provenance = converter.Provenance{
		Source: c.Source, Digest: known, Container: c.Container, Model: c.Model, Selection: c.Selection, Recipe: c.Recipe, Network: c.Network,
		Classes: c.ClassNames, Version: Version,
	}
	if entry != nil {
		p := &job.output.Provenance
		describe(p, entry, known != digest.Digest{} && o.Weights == "" && o.Network == "")
		switch {
		case len(c.ClassNames) == 0:
		case o.Classes != nil:
			p.Labels = converter.LabelsGiven
		case p.Labels != "":
		case slices.Equal(c.ClassNames, entry.ClassNames):
			p.Labels = converter.LabelsOfRow
		default:
			p.Labels = converter.LabelsOfCheckpoint
		}
	}
	return job, nil
}

// describe enters what a row says of its model and a program needs that has only the file. What
// is published is of the published weights, and is said of no others; the same goes for the list
// that numbers the classes.
func describe(p *converter.Provenance, entry *registry.Entry, published bool) {
	text := func(v any) string {
		b, _ := json.Marshal(v) // of texts and finite numbers
		return strings.TrimPrefix(string(b), "{}")
	}
	p.Arch, p.Preprocessing = entry.Arch, text(entry.Input)
	if published {
		p.Published, p.Labels = text(entry.Published), string(entry.Labels)
	}
}

// keep takes the tensors of a checkpoint under their own names: those of the network, or
// all.
func (j *conversion) keep(checkpoint *converter.Checkpoint, o ConvertOptions) (err error) {
	if o.All {
		if j.sd, err = checkpoint.Tensors(); err == nil {
			j.done.Names = converter.Kept(j.sd)
		}
		return err
	}
	selected, err := checkpoint.Select(o.Weights)
	if err != nil {
		return err
	}
	j.sd, j.done.Names, j.done.Selection = selected.StateDict, selected.Names, selected.Selection
	for _, e := range checkpoint.Evidence() { // which the tensors alone would lose
		if e.Network != "" {
			j.done.Network = e.Network
			break
		}
	}
	return nil
}

// fit takes the tensors of a checkpoint as an entry's network wants them.
func (j *conversion) fit(checkpoint *converter.Checkpoint, entry *registry.Entry, o ConvertOptions) error {
	fitted, err := fit(entry, checkpoint, o.Weights, o.Recipe, o.Network)
	if err != nil {
		return err
	}
	if fitted, err = formed(entry, fitted, o); err != nil {
		return err
	}
	c := j.done
	j.sd, j.output.Graph = fitted.Bound.StateDict(), fitted.Bound.Graph
	c.Model, c.Recipe, c.Form, c.Classes, c.Names = entry.Name, fitted.Recipe, fitted.Form, fitted.Classes, fitted.Names
	c.Selection, c.Network, c.Assumed = fitted.Selection, fitted.Network, fitted.Assumed
	switch n := len(c.ClassNames); {
	case n == fitted.Classes:
	case o.Classes != nil:
		return option.Errorf("Classes", "zoo: convert %s: %d class names, but the classifier has %d rows: name each",
			checkpoint.Name, n, fitted.Classes)
	default:
		c.ClassNames = nil // those of another number of classes name nothing
	}
	return nil
}

// formed returns a checkpoint in the form that is asked for: fused, or as it is.
func formed(entry *registry.Entry, fitted *converter.Fitted, o ConvertOptions) (*converter.Fitted, error) {
	if !o.Deploy || fitted.Form == nn.Deploy {
		return fitted, nil
	}
	g, err := graph(entry, nn.Deploy, max(fitted.Classes, 1))
	if err != nil {
		return nil, option.Errorf("Deploy", "%w: leave this out", err)
	}
	if fitted.Selection.NoClassifier {
		g = g.WithoutClassifier()
	}
	return fitted.Fuse(g, o.DType)
}

// sameFile reports whether both paths mean one file. An output that is not there
// yet is another file.
func sameFile(input, output string) (bool, error) {
	in, err := os.Stat(input)
	if err != nil {
		return false, err
	}
	out, err := os.Stat(output)
	if err != nil {
		return false, nil
	}
	return os.SameFile(in, out), nil
}
