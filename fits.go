package zoo

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// A Fit is a network that a checkpoint's tensors are exactly those of. Networks of other borders,
// curves or sizes have the same tensors: a fit is something to be told, not to be acted on.
type Fit struct {
	Arch    string
	Recipe  string // that renames the tensors; empty for none
	Form    nn.Form
	Classes int      // rows of the classifier
	Models  []string // the rows of that architecture, sorted
}

// Fits returns the networks of the registry that a checkpoint fits, in the order of their
// architectures.
func (z *Zoo) Fits(c *converter.Checkpoint) ([]Fit, error) {
	sd, err := c.StateDict()
	if err != nil {
		return nil, err
	}
	return z.fits(c, sd), nil
}

func (z *Zoo) fits(c *converter.Checkpoint, sd *tensor.StateDict) []Fit {
	sizes := sizesOf(sd)
	elements := 0
	for n, tensors := range sizes {
		elements += n * tensors
	}
	var fits []Fit
	at := map[string]int{} // place of each architecture that was tried; -1: it does not fit
	for _, entry := range z.registry.All() {
		i, tried := at[entry.Arch]
		if !tried && !near(elements, entry) {
			continue // another row of the architecture may not say how large it is
		}
		if !tried {
			i = -1
			if fit, ok := fitOf(c, sd, sizes, entry); ok {
				i = len(fits)
				fits = append(fits, fit)
			}
			at[entry.Arch] = i
		}
		if i >= 0 {
			fits[i].Models = append(fits[i].Models, entry.Name)
		}
	}
	for i := range fits {
		slices.Sort(fits[i].Models)
	}
	slices.SortFunc(fits, func(a, b Fit) int {
		if a.Arch < b.Arch {
			return -1
		}
		return 1
	})
	return fits
}

// sizesOf returns how many tensors have so many elements.
func sizesOf(sd *tensor.StateDict) map[int]int {
	sizes := map[int]int{}
	for _, t := range sd.All() {
		if n, err := t.Shape().Numel(); err == nil {
			sizes[n]++
		}
	}
	return sizes
}

// near reports whether a file with so many elements may be of a network of the size that an entry
// publishes: with a classifier of any number of rows, and what else a file holds. It spares making
// most graphs.
func near(elements int, entry *registry.Entry) bool {
	const classifier, others = 5e6, 20e6
	params, found := entry.Published.ParamsM.Float()*1e6, float64(elements)
	return params == 0 || entry.Published.Form == nn.Deploy || found > 0.8*params-classifier && found < 3*params+others
}

// fitOf fits a state dict to the network of an entry.
func fitOf(c *converter.Checkpoint, sd *tensor.StateDict, sizes map[int]int, entry *registry.Entry) (Fit, bool) {
	target, err := model.Target(entry.Arch, entry.Classes)
	if err != nil || !mayFit(target, sizes) {
		return Fit{}, false
	}
	target.File = c
	fitted, err := target.Fit(sd)
	if other := (*converter.NetworkError)(nil); errors.As(err, &other) && other.Found == "" {
		return Fit{Arch: entry.Arch, Classes: entry.Classes}, true // by its tensors: nothing says that it is another
	}
	if err != nil {
		return Fit{}, false
	}
	return Fit{Arch: entry.Arch, Recipe: fitted.Recipe, Form: fitted.Form, Classes: fitted.Classes}, true
}

// mayFit reports whether tensors of so many elements can be those of a network in one of its
// forms: recipes rename, flatten, join and drop, so that each tensor of the network, or each of the
// parts that it is joined of, has its number of elements in the file already, but for the
// classifier's, whose rows may be others, and for what is cut out of a tensor.
func mayFit(target converter.Target, sizes map[int]int) bool {
	joins := append(target.Joins(), func(string) int { return 1 })
	for _, graph := range []func(int) (*nn.Graph, error){target.Graph, target.Deploy} {
		if graph == nil {
			continue
		}
		g, err := graph(target.Classes)
		if err == nil && slices.ContainsFunc(joins, func(parts func(string) int) bool { return has(sizes, g, parts) }) {
			return true
		}
	}
	return false
}

// has reports whether sizes hold that of each tensor that a graph wants, or those of the parts,
// so many for a name, that it is joined of.
func has(sizes map[int]int, g *nn.Graph, parts func(name string) int) bool {
	free := map[int]bool{} // the classifiers'
	for _, node := range g.Classifiers() {
		for _, p := range node.Params {
			free[p] = true
		}
	}
	want := map[int]int{}
	for i, p := range g.Params {
		if p.Optional || free[i] {
			continue
		}
		n, err := p.Shape.Numel()
		parts := parts(p.Name)
		if parts == 0 {
			continue
		}
		n /= parts
		if want[n] += parts; err != nil || want[n] > sizes[n] {
			return false
		}
	}
	return true
}

// Identify returns the entries whose published file this is, by its digest, and the digest. A
// file that is none of them is none.
func (z *Zoo) Identify(path string) ([]*registry.Entry, digest.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, digest.Digest{}, err
	}
	defer f.Close()
	d, err := digest.Read(f)
	if err != nil {
		return nil, d, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, d, err
	}
	return z.identified(d, st.Size()), d, nil
}

// identified returns the entries whose published file has a digest and, where the entry says
// one, a size.
func (z *Zoo) identified(d digest.Digest, size int64) []*registry.Entry {
	var out []*registry.Entry
	for _, entry := range z.registry.All() {
		w := &entry.Weights
		if w.Digest.Matches(d) && (w.Size == 0 || w.Size == size) {
			out = append(out, entry)
		}
	}
	return out
}

// namedByDigest reports whether a file's name holds the first digits of the digest of an entry's
// file, as published names do.
func (z *Zoo) namedByDigest(path string) bool {
	base := filepath.Base(path)
	return slices.ContainsFunc(z.registry.All(), func(e *registry.Entry) bool {
		short := e.Weights.Digest.Short()
		return short != "" && strings.Contains(base, short)
	})
}

// publisher returns the entry whose published file a checkpoint is by its digest, which it returns
// as well; nil where it is none, or more than one. Where no more than eight digits are known of an entry's
// file, which a made one can have, too, the checkpoint has to be what the entry's network wants.
func (z *Zoo) publisher(checkpoint *converter.Checkpoint, path string) (*registry.Entry, digest.Digest) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, digest.Digest{}
	}
	d := checkpoint.Digest()
	entries := z.identified(d, st.Size())
	if len(entries) != 1 {
		return nil, d
	}
	if w := &entries[0].Weights; !w.Digest.Full() {
		if _, err := fit(entries[0], checkpoint, "", w.Recipe, ""); err != nil {
			return nil, d
		}
	}
	return entries[0], d
}
