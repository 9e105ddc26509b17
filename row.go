package zoo

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
)

// RowOptions says what row to write for a checkpoint.
type RowOptions struct {
	Like    string   // the row whose network and preprocessing are those of the checkpoint
	Name    string   // of the row; empty: made of the file's name
	Classes []string // names of the classes, in order; nil: those that the file carries
	Network string   // see OpenOptions
}

// Row returns the text of a row for zoo.toml: of a checkpoint on this machine that fits the
// network of another row, with the file's address as path is, digest, size and classes. The error is a
// *converter.CheckpointError when the file cannot be read or does not fit.
func (z *Zoo) Row(ctx context.Context, path string, o RowOptions) (string, error) {
	entry, err := z.lookup(o.Like)
	if err != nil {
		return "", err
	}
	checkpoint, err := converter.Open(path)
	if err != nil {
		return "", err
	}
	defer checkpoint.Close()
	fitted, err := fit(entry, checkpoint, "", "", o.Network)
	if err != nil {
		return "", err
	}
	for _, text := range fitted.Notices(checkpoint.Name) {
		z.notice(text)
	}
	own := registry.Own{Name: o.Name, Base: entry.Name, ClassNames: o.Classes}
	if own.Name == "" {
		own.Name = rowName(path)
	}
	n := fitted.Classes
	switch {
	case o.Classes != nil && len(o.Classes) != n:
		return "", option.Errorf("Classes", "zoo: row %s: %d class names, but the classifier has %d rows: name each", path, len(o.Classes), n)
	case o.Classes == nil && n > 0 && len(checkpoint.Classes) == n:
		own.ClassNames = checkpoint.Classes
	case n != entry.Classes:
		own.Classes = n
	}
	own.Weights.URL = registry.FileScheme + filepath.ToSlash(path)
	own.Weights.Recipe = fitted.Recipe
	if o.Network != "" && fitted.Recipe != "" {
		own.Weights.Recipe += "/" + o.Network
	}
	if own.Weights.Digest, own.Weights.Size, err = digestOf(path); err != nil {
		return "", err
	}
	text, err := own.Row(z.registry)
	if err != nil {
		return "", option.Errorf("Name", "zoo: row %s: %w", path, err)
	}
	return text, ctx.Err()
}

// digestOf returns digest and size of a file.
func digestOf(path string) (d digest.Digest, size int64, err error) {
	f, err := bounded.Open(path)
	if err != nil {
		return d, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return d, 0, err
	}
	d, err = digest.Read(f)
	return d, st.Size(), err
}

// rowName makes a name of that of a file: without its ending, and with a - for whatever no name
// has.
func rowName(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	name := strings.Map(func(c rune) rune {
		if registry.CheckName("a"+string(c)) != nil {
			return '-'
		}
		return c
	}, base)
	return strings.TrimLeft(name, "._+-")
}
