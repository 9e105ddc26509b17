package golden

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// files holds the goldens, and in nano/ the checkpoints and the images of the
// models that work without a network.
//
//go:embed *.safetensors.zst nano
var files embed.FS

// suffix ends the names of embedded goldens: MODEL.INPUT.safetensors.zst, or
// MODEL.safetensors.zst.
const suffix = ".safetensors.zst"

// Nano returns the embedded checkpoints and images, by file name.
func Nano() fs.FS {
	sub, err := fs.Sub(files, "nano")
	if err != nil {
		panic(err) // only for an invalid path
	}
	return sub
}

// Models returns the names of the models that have embedded goldens, sorted.
func Models() []string {
	var models []string
	for _, name := range goldenFiles() {
		m := modelOf(name)
		if len(models) == 0 || models[len(models)-1] != m {
			models = append(models, m)
		}
	}
	return models
}

// Embedded returns the embedded goldens of a model, sorted by file name; none is
// no error.
func Embedded(model string) ([]*Golden, error) {
	var goldens []*Golden
	for _, name := range goldenFiles() {
		if modelOf(name) != model {
			continue
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("golden: %w", err)
		}
		g, err := Parse(path.Base(name), data)
		if err != nil {
			return nil, err
		}
		goldens = append(goldens, g)
	}
	return goldens, nil
}

// Files returns the embedded goldens of a model as they are, by file name.
func Files(model string) (map[string][]byte, error) {
	out := make(map[string][]byte)
	for _, name := range goldenFiles() {
		if modelOf(name) != model {
			continue
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("golden: %w", err)
		}
		out[path.Base(name)] = data
	}
	return out, nil
}

// goldenFiles returns the paths of the embedded goldens, sorted.
func goldenFiles() []string {
	names, err := fs.Glob(files, "*"+suffix)
	if err != nil {
		panic(err) // only for a malformed pattern
	}
	return names
}

// modelOf returns the model that an embedded golden's file name starts with.
func modelOf(name string) string {
	model, _, _ := strings.Cut(strings.TrimSuffix(path.Base(name), suffix), ".")
	return model
}
