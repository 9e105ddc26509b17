package model

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/vision"
)

// Open returns the model of a checkpoint file, of any container that package converter
// reads. The error is a *converter.CheckpointError when the file cannot be read as one or
// does not fit the architecture, and an *OptionError when options are to blame. Without
// Options.Arch the file has to say what it is: see Describe.
func Open(path string, o Options) (*Model, error) {
	checkpoint, err := converter.Open(path)
	return fromCheckpoint(checkpoint, err, o)
}

// Parse is Open for the bytes of a file, such as embedded ones, which must not change until
// Close. Messages call the file by name.
func Parse(name string, data []byte, o Options) (*Model, error) {
	checkpoint, err := converter.Parse(name, data)
	return fromCheckpoint(checkpoint, err, o)
}

// OpenFS is Open for a file of a file system, which is read into memory.
func OpenFS(fsys fs.FS, name string, o Options) (*Model, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return Parse(path.Base(name), data, o)
}

func fromCheckpoint(c *converter.Checkpoint, err error, o Options) (*Model, error) {
	if err != nil {
		return nil, err
	}
	m, err := open(c, o)
	if err != nil {
		c.Close()
		return nil, err
	}
	return m, nil
}

func open(c *converter.Checkpoint, o Options) (*Model, error) {
	if o.Arch == "" {
		d, err := DescriptionOf(c)
		if err != nil {
			return nil, err
		}
		o.Arch, o.Name = d.Arch, cmp.Or(o.Name, d.Name)
		if o.Pipeline == (vision.Pipeline{}) {
			o.Pipeline = d.Pipeline
		}
		if o.Arch == "" {
			return nil, option.Errorf("Arch", "model: %s: the file does not say of which architecture it is: name one", c.Name)
		}
	}
	target, err := Target(o.Arch, 0)
	if err != nil {
		return nil, option.Errorf("Arch", "model: %s: %w", c.Name, err)
	}
	target.Recipe, target.Network = o.Recipe, o.Network
	fitted, err := Fit(c, target, o.WeightsKey, o.Arch)
	if err != nil {
		return nil, err
	}
	return FromCheckpoint(c, fitted, o)
}

// FromCheckpoint returns the model of a checkpoint that was fitted to its network, and is
// closed with the model. When there is an error it is not.
func FromCheckpoint(c *converter.Checkpoint, fitted *converter.Fitted, o Options) (*Model, error) {
	o.Name = cmp.Or(o.Name, o.Arch, c.Name)
	if o.Notice != nil {
		for _, text := range fitted.Notices(c.Name) {
			o.Notice(text)
		}
	}
	if o.Classes == nil && len(c.Classes) > 0 {
		// Names for another number of classes name nothing.
		if len(c.Classes) == fitted.Classes {
			o.Classes = c.Classes
		} else if o.Notice != nil {
			o.Notice(fmt.Sprintf("%s names %d classes, its classifier has %d: they are left without names", c.Name, len(c.Classes), fitted.Classes))
		}
	}
	m, err := FromBound(fitted.Bound, c, o)
	if err != nil {
		return nil, err
	}
	if o.Weights == (golden.Weights{}) {
		m.weights = sync.OnceValue(func() golden.Weights { return golden.FromFile(c.Digest()) })
	}
	return m, nil
}

// Target returns what a checkpoint has to fit to be of an architecture of package backbone:
// its graph in either form, and its recipes. Classes is the number of classes of the
// published network; 0 means that the checkpoint's classifier tells.
func Target(arch string, classes int) (converter.Target, error) {
	family, err := backbone.Find(arch)
	if err != nil {
		return converter.Target{}, err
	}
	return converter.Target{
		Graph:   func(classes int) (*nn.Graph, error) { return family.Graph(arch, classes) },
		Deploy:  family.Deploy[arch],
		Classes: max(classes, 1),
		Sources: family.Sources[arch],
		Renamed: backbone.Renamed(),
	}, nil
}

// Fit finds, renames and binds a checkpoint's tensors to a target's network, which messages
// call by a name. Weights is a key of the checkpoint, as converter.Checkpoint.Select takes it;
// empty leaves it to converter.Target.FitFile. The error is a *converter.CheckpointError when
// it does not fit, and an *OptionError when the target has no recipe of the name, or the
// checkpoint no weights of the key.
func Fit(c *converter.Checkpoint, target converter.Target, weights, name string) (*converter.Fitted, error) {
	fitted, err := target.FitFile(c, weights)
	if err == nil || errors.As(err, new(*converter.CheckpointError)) {
		return fitted, err
	}
	if errors.Is(err, option.Err) {
		return nil, fmt.Errorf("as %s: %w", name, err)
	}
	return nil, &converter.CheckpointError{File: c.Name, Err: fmt.Errorf("as %s: %w", name, err)}
}
