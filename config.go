package zoo

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gozoo/zoo/catalogue"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// Config says where a Zoo keeps its files and how it computes. The zero Config is
// useful: the user's cache folder, the built-in registry, every core. A path may begin
// with "~/", the user's home folder.
type Config struct {
	// CacheDir holds downloads and converted files. Empty means a folder zoo in
	// the user's cache folder.
	CacheDir string
	// Registries are zoo.toml files whose rows are merged, in order, over the
	// built-in ones.
	Registries []string
	// Entries are rows over all others, such as Pull returned.
	Entries []*registry.Entry
	// Offline forbids opening any network connection.
	Offline bool
	// Mirror is a URL that replaces scheme and host of download addresses.
	Mirror string
	// Hub is the Hugging Face hub that hf:// addresses are fetched from. Its cache on this
	// machine, and torch.hub's folder TorchCheckpoints, are searched before anything is
	// downloaded; an empty folder means none.
	Hub              hub.Hub
	TorchCheckpoints string
	// Lock is the path of a lock file, such as zoo.lock in a project: what it pins
	// holds, and digests that are learnt are added to it. Empty means that digests
	// are learnt in the cache folder only.
	Lock string
	// LockKey is the path of an ed25519 public key, as PEM, that must have signed
	// the lock file. Without a lock file that it signed everything that uses a registry's
	// model is refused, and so are names that are not in it.
	LockKey string
	// StandIns are checkpoints that are part of the program, for names whose published file is
	// not at hand.
	StandIns []StandIn
	// Precision, Threads and Concurrency say how networks are computed: see
	// model.Compute, whose defaults hold. MaxPixels bounds encoded images: see
	// model.Options. PixelMemory is how many bytes all images of this Zoo may take together
	// while they are decoded; 0 means what the whole process may, vision.DefaultPixelMemory.
	Precision   Precision
	Threads     int
	Concurrency int
	MaxPixels   int
	PixelMemory int64
	// Progress, when set, is told how long work is getting on. It may be called
	// from several goroutines, one call at a time for each Task.
	Progress func(Progress)
	// Notice, when set, is told in one line what a user may want to know.
	Notice func(text string)
}

// MaxThreads bounds Config.Threads and BenchOptions.Threads.
const MaxThreads = model.MaxThreads

// Precision says how a network's products may be computed; see the constants.
type Precision = tensor.Precision

// The precisions, most exact first.
const (
	Highest = tensor.Highest
	High    = tensor.High
	Medium  = tensor.Medium
)

// ParsePrecision returns the Precision of that name.
func ParsePrecision(s string) (Precision, error) { return tensor.ParsePrecision(s) }

// Progress is the state of a long piece of work.
type Progress struct {
	Task  string // "download", "verify", "report"
	Name  string // registry name
	Done  int64  // bytes or images
	Total int64  // 0: not known
}

// Environment variables that ConfigFromEnv reads.
const (
	EnvCache   = "ZOO_CACHE"
	EnvOffline = "ZOO_OFFLINE"
	EnvMirror  = "ZOO_MIRROR"
	EnvConfig  = "ZOO_CONFIG"
	EnvLock    = "ZOO_LOCK"
	EnvLockKey = "ZOO_LOCK_KEY"
)

// ConfigFromEnv returns the configuration of the environment: ZOO_CACHE,
// ZOO_OFFLINE (any value but "", "0" and "false"), ZOO_MIRROR, ZOO_LOCK and ZOO_LOCK_KEY;
// the registries zoo/zoo.toml in the user's configuration folder, where it is there, and
// ZOO_CONFIG, which wins; and the hub and the caches that the variables of huggingface_hub
// and torch.hub describe. It does not look into the working directory: see ConfigOf.
func ConfigFromEnv() Config { return ConfigOf("") }

// ConfigOf is ConfigFromEnv for a project: the files zoo.toml and zoo.lock of its folder
// are used where they are there, the former after the user's and before ZOO_CONFIG, the
// latter unless ZOO_LOCK is set.
func ConfigOf(project string) Config {
	c := Config{
		CacheDir: os.Getenv(EnvCache), Mirror: os.Getenv(EnvMirror), Lock: os.Getenv(EnvLock), LockKey: os.Getenv(EnvLockKey),
		Hub: hub.FromEnv(os.Getenv), TorchCheckpoints: store.TorchCheckpoints(os.Getenv),
	}
	if v := os.Getenv(EnvOffline); v != "" {
		on, err := strconv.ParseBool(v)
		c.Offline = err != nil || on
	}
	if dir, err := os.UserConfigDir(); err == nil {
		c.Registries = appendIfThere(c.Registries, filepath.Join(dir, "zoo", "zoo.toml"))
	}
	if project != "" {
		c.Registries = appendIfThere(c.Registries, filepath.Join(project, "zoo.toml"))
		// What cannot be read there is an error once it is asked, and not as if it were not there.
		if path := filepath.Join(project, lock.FileName); c.Lock == "" {
			if there, err := isThere(path); there || err != nil {
				c.Lock = path
			}
		}
	}
	if path := os.Getenv(EnvConfig); path != "" {
		c.Registries = append(c.Registries, path) // must be there: it was asked for
	}
	return c
}

func appendIfThere(paths []string, path string) []string {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return paths
	}
	return append(paths, path)
}

// A Zoo is a registry, a cache and a way to compute. It may be used from several
// goroutines.
type Zoo struct {
	config   Config
	registry *registry.Registry
	store    *store.Store
	lockKey  ed25519.PublicKey // nil: no signature is asked for
	loaded   map[string]bool   // names whose rows bundles brought
	told     sync.Map          // names of whose overrides was told
	pixels   *vision.Budget    // of PixelMemory; nil: the process's
	trace    func(what string) // told what is fetched and opened; for tests
}

// New returns a Zoo. It reads the registries; the cache folder is made when it is
// first written to. The error says which setting cannot be used, and why.
func New(c Config) (*Zoo, error) {
	if err := c.expandHome(); err != nil {
		return nil, err
	}
	if c.Precision == "" {
		c.Precision = High
	}
	if _, err := tensor.ParsePrecision(string(c.Precision)); err != nil {
		return nil, &OptionError{Field: "Precision", Err: err}
	}
	if c.Threads < 0 || c.Threads > MaxThreads {
		return nil, option.Errorf("Threads", "zoo: %d threads: expected 0 to %d", c.Threads, MaxThreads)
	}
	if c.MaxPixels < 0 || c.MaxPixels > vision.MostPixels {
		return nil, option.Errorf("MaxPixels", "zoo: at most %d pixels: expected 0 to %d", c.MaxPixels, vision.MostPixels)
	}
	if c.PixelMemory < 0 {
		return nil, option.Errorf("PixelMemory", "zoo: %d bytes for pixels: expected 0 or more", c.PixelMemory)
	}
	for i := range c.StandIns {
		if err := c.StandIns[i].check(); err != nil {
			return nil, &OptionError{Field: "StandIns", Err: err}
		}
	}
	if c.Mirror != "" {
		if _, err := store.ParseMirror(c.Mirror); err != nil {
			return nil, err
		}
	}
	if c.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("zoo: no cache folder: %w: name one with --cache-dir or %s", err, EnvCache)
		}
		c.CacheDir = filepath.Join(dir, "zoo")
	}
	reg := registry.Embedded("zoo.toml (built in)", builtin).
		WithShelf("timm", "catalogue/timm.toml (built in)", catalogue.Timm).
		WithShelf("torchvision", "catalogue/torchvision.toml (built in)", catalogue.Torchvision)
	for _, path := range c.Registries {
		data, err := bounded.ReadFile(path, bounded.Catalogue)
		if err != nil {
			return nil, fmt.Errorf("zoo: registry: %w", err)
		}
		if reg, err = reg.Merge(path, data); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(c.CacheDir)
	if err != nil {
		return nil, err
	}
	s.Notice = c.Notice
	z := &Zoo{config: c, registry: reg, store: s, trace: func(string) {}}
	if c.PixelMemory > 0 {
		z.pixels = vision.NewBudget(c.PixelMemory)
	}
	if c.LockKey != "" {
		if z.lockKey, err = lock.ReadPublicKey(c.LockKey); err != nil {
			return nil, err
		}
	}
	z.registry = z.registry.Under(z.loadedRows())
	for _, e := range c.Entries {
		z.registry = z.registry.Over(e)
	}
	return z, nil
}

// Registry returns the catalogue: built-in rows with those of the configuration merged over them,
// and those that bundles brought of further names.
func (z *Zoo) Registry() *registry.Registry { return z.registry }

// Config returns the configuration with its defaults filled in.
func (z *Zoo) Config() Config { return z.config }

// progress tells the configured listener, if any.
func (z *Zoo) progress(p Progress) {
	if z.config.Progress != nil {
		z.config.Progress(p)
	}
}

// notice tells the configured listener, if any.
func (z *Zoo) notice(text string) {
	if z.config.Notice != nil {
		z.config.Notice(text)
	}
}
