package zoo

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// A StandIn is a checkpoint that is part of a program. It stands for a model whose published
// file is not at hand: neither in a cache of this machine, nor at an address that may be asked.
// It is another file with a digest of its own, which is what Model.Weights and a lock file say
// then, and a notice tells of it. A lock file that pins the published file refuses it; where a
// key is asked for, a signed lock file has to pin it.
type StandIn struct {
	Name   string        // of the registry
	Of     digest.Digest // all digits of the published file that it was made of: what its row states
	Kind   string        // what it is of that, in a word, such as "float16"
	Digest digest.Digest // all digits of File
	Files  fs.FS         // holds File, Golden and the images behind the golden's input
	File   string        // the checkpoint, whose tensors have the names of the network
	Golden string        // what the reference computed with these weights; empty: nothing
}

// check returns what is missing of a stand-in, or wrong.
func (t *StandIn) check() error {
	if err := registry.CheckName(t.Name); err != nil {
		return fmt.Errorf("zoo: stand-in: %w", err)
	}
	if !t.Of.Full() || !t.Digest.Full() || t.Files == nil || t.File == "" {
		return fmt.Errorf("zoo: stand-in of %s: expected its file, all digits of that file's digest, and of the published one's", t.Name)
	}
	return nil
}

// weights says what a model's weights are that has the stand-in's.
func (t *StandIn) weights() golden.Weights { return golden.FromFile(t.Digest) }

// size returns how many bytes the checkpoint has.
func (t *StandIn) size() (int64, error) {
	st, err := fs.Stat(t.Files, t.File)
	if err != nil {
		return 0, fmt.Errorf("zoo: stand-in of %s: %w", t.Name, err)
	}
	return st.Size(), nil
}

// golden returns what the reference computed with a stand-in's weights; nil for nothing.
func (t *StandIn) golden() (*golden.Golden, error) {
	if t.Golden == "" {
		return nil, nil
	}
	data, err := fs.ReadFile(t.Files, t.Golden)
	if err != nil {
		return nil, fmt.Errorf("zoo: stand-in of %s: %w", t.Name, err)
	}
	return golden.Parse(t.Golden, data)
}

// withStandIn adds the golden of an entry's stand-in to others, and the images behind it to options
// that have none, unless a lock file keeps the stand-in from being used.
func (z *Zoo) withStandIn(entry *registry.Entry, goldens []*golden.Golden, o *VerifyOptions) ([]*golden.Golden, error) {
	t := z.StandIn(entry.Name)
	if t == nil {
		return goldens, nil
	}
	g, err := t.golden()
	if g == nil || err != nil {
		return goldens, err
	}
	if err := z.store.MayStandIn(entry, z.weightOptions(entry.Name)); err != nil {
		z.notice(fmt.Sprintf("%s: the weights that are part of the program are not verified: %v", entry.Name, err))
		return goldens, nil
	}
	if o.Images == nil {
		o.Images = t.Files
	}
	return append(goldens, g), nil
}

// verifiedStandIn opens an entry's stand-in for a golden of its weights, whether the published file
// is at hand or not. The error is a *store.TrustError where a lock file keeps it from being used.
func (z *Zoo) verifiedStandIn(entry *registry.Entry, t *StandIn) (*Model, error) {
	if err := z.store.MayStandIn(entry, z.weightOptions(entry.Name)); err != nil {
		return nil, err
	}
	checkpoint, err := t.open()
	if err != nil {
		return nil, err
	}
	return z.model(entry, checkpoint, OpenOptions{}, "", t.weights())
}

// StandIn returns the stand-in of a name whose row states that it was published as the file that
// the stand-in was made of; nil for none.
func (z *Zoo) StandIn(name string) *StandIn {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(z.config.StandIns, func(t StandIn) bool { return t.Name == entry.Name && t.Of == entry.Weights.Digest })
	if i < 0 {
		return nil
	}
	return &z.config.StandIns[i]
}

// weightOptions is fetchOptions for those who can do with the stand-in of a name.
func (z *Zoo) weightOptions(name string) store.Options {
	o := z.fetchOptions(name)
	if t := z.StandIn(name); t != nil {
		if size, err := t.size(); err == nil {
			o.StandIn = &store.StandIn{Of: t.Of, Digest: t.Digest, Size: size, Address: registry.EmbeddedScheme + t.File}
		} else {
			z.notice(err.Error())
		}
	}
	return o
}

// openStandIn opens the stand-in of a name, which package store has decided on by a word, and tells
// that it is used.
func (z *Zoo) openStandIn(name string, by store.Check) (*converter.Checkpoint, error) {
	t := z.StandIn(name)
	c, err := t.open()
	if err != nil {
		return nil, err
	}
	if _, told := z.told.LoadOrStore("stand-in "+name, true); !told {
		why := "is not here"
		if by == store.ByLock {
			why = "is not what the lock file pins"
		}
		z.notice(fmt.Sprintf("%s: the published file %s %s: its %s weights that are part of the program are used",
			name, t.Of.Short(), why, t.Kind))
	}
	return c, nil
}

// open opens the checkpoint. The error is a *store.MismatchError where its bytes are others than
// they should be.
func (t *StandIn) open() (*converter.Checkpoint, error) {
	data, err := fs.ReadFile(t.Files, t.File)
	if err != nil {
		return nil, fmt.Errorf("zoo: stand-in of %s: %w", t.Name, err)
	}
	sum := make(chan digest.Digest, 1)
	go func() { sum <- digest.Of(sha256.Sum256(data)) }() // beside the reading, which takes longer
	c, err := converter.Parse(t.File, data)
	if got := <-sum; got != t.Digest {
		if err == nil {
			c.Close()
		}
		const hint = "the program was changed: build or get it anew"
		return nil, &store.MismatchError{Name: t.Name, Want: t.Digest, Got: got, Size: int64(len(data)), Hint: hint}
	}
	return c, err
}
