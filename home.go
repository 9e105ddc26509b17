package zoo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/internal/homepath"
)

// ExpandHome returns a path with a leading "~/" replaced by the user's home folder, as Config
// has it for its paths. Another's home folder, "~name/", is an error.
func ExpandHome(path string) (string, error) { return homepath.Expand(path, os.Getenv) }

// expandHome expands the paths of a configuration. The error is an *OptionError.
func (c *Config) expandHome() error {
	c.Registries = slices.Clone(c.Registries)
	paths := map[string][]*string{
		"CacheDir": {&c.CacheDir}, "Lock": {&c.Lock}, "LockKey": {&c.LockKey},
		"Hub": {&c.Hub.Cache}, "TorchCheckpoints": {&c.TorchCheckpoints},
	}
	for i := range c.Registries {
		paths["Config"] = append(paths["Config"], &c.Registries[i])
	}
	tilde := strings.HasPrefix(c.CacheDir, "~")
	if tilde {
		c.CacheDir += "/" // a folder is made of this: "~name" is somebody's
	}
	for _, field := range []string{"CacheDir", "Config", "Lock", "LockKey", "Hub", "TorchCheckpoints"} {
		for _, path := range paths[field] {
			expanded, err := ExpandHome(*path)
			if err != nil {
				return &OptionError{Field: field, Err: err}
			}
			*path = expanded
		}
	}
	if tilde {
		c.CacheDir = filepath.Clean(c.CacheDir)
	}
	return nil
}
