package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// A Snapshot is what a hub's repository says of the model in it, at one commit.
type Snapshot struct {
	Repository string          `json:"repository"`
	Revision   string          `json:"revision"`               // that was asked for
	Commit     string          `json:"commit"`                 // 40 digits
	Config     json.RawMessage `json:"config"`                 // config.json, which nobody has looked at
	Processor  json.RawMessage `json:"preprocessor,omitempty"` // preprocessor_config.json; empty: there is none
	Weights    string          `json:"weights"`                // the file with the weights
	Digest     digest.Digest   `json:"sha256"`                 // of that file, as the hub states it
}

// Address returns the address of the weights at the commit.
func (s *Snapshot) Address() string {
	return registry.HubScheme + s.Repository + "/" + s.Weights + "@" + s.Commit
}

// weightFiles are what files with the weights of a whole model are called, the one that is taken first first.
var weightFiles = []string{"model.safetensors", "pytorch_model.bin"}

// maxConfig bounds the texts of a snapshot, in bytes: with the names of 20,000 classes they have 2 MB.
const maxConfig = 4 << 20

// Snapshot reads what the repository at an address of registry.ParseRepository says of its model. What KeepSnapshot kept
// is taken from the folder where the address names a commit, and where no connection is allowed. The errors are a
// *FetchError, an *OfflineError, a *TrustError for a repository whose hub states no digest of the weights, and the context's.
func (s *Store) Snapshot(ctx context.Context, a registry.Address, o Options) (*Snapshot, error) {
	if registry.IsCommit(a.Revision) || o.Offline {
		if kept := s.keptSnapshot(ctx, a); kept != nil {
			return kept, nil
		}
	}
	if o.Offline {
		return nil, &OfflineError{Name: a.Text, URL: a.Text}
	}
	from := source{Address: a}
	if o.Mirror != "" {
		var err error
		if from.mirror, err = ParseMirror(o.Mirror); err != nil {
			return nil, err
		}
	}
	out := &Snapshot{Repository: a.Repository, Revision: a.Revision}
	read := func(file string) ([]byte, string, error) {
		a.File = file
		return o.Hub.Document(ctx, s.net, a.Text, a, from.mirrored, o.Notice, maxConfig)
	}
	var err error
	if out.Config, out.Commit, err = read("config.json"); err != nil {
		return nil, err
	}
	if out.Commit == "" {
		return nil, &TrustError{Name: a.Text, Reason: "the hub does not say which commit config.json is of"}
	}
	a.Revision = out.Commit // all files are those of one commit
	if out.Processor, _, err = read("preprocessor_config.json"); err != nil && !missing(err) {
		return nil, err
	}
	for _, out.Weights = range weightFiles {
		a.File = out.Weights
		found, err := o.Hub.Resolve(ctx, s.net, a.Text, a, from.mirrored, o.Notice)
		if missing(err) {
			continue
		}
		if err == nil && !found.Digest.Full() {
			err = &TrustError{Name: a.Text, Reason: "the hub states no sha256 of " + out.Weights}
		}
		out.Digest = found.Digest
		return out, err
	}
	return nil, &TrustError{Name: a.Text, Reason: "the repository has none of " + strings.Join(weightFiles, " and ")}
}

// missing reports whether a hub says that it has no such file.
func missing(err error) bool {
	var failed *transfer.Error
	return errors.As(err, &failed) && failed.Status == http.StatusNotFound
}

// snapshotSuffix ends the key of the derived file of a snapshot, which begins with the digest of the weights: the one
// goes with the other.
func snapshotSuffix(repository, commit string) string {
	return "-hub-" + repository + "-" + commit
}

// KeepSnapshot keeps a snapshot, so that its model can be used without a network.
func (s *Store) KeepSnapshot(ctx context.Context, snapshot *Snapshot) error {
	data, err := json.Marshal(snapshot)
	if err != nil {
		return err
	}
	key := snapshot.Digest.String() + snapshotSuffix(snapshot.Repository, snapshot.Commit)
	_, err = s.Derived(ctx, key, func(path string) error { return s.fs.WriteFile(path, data) })
	return err
}

// KeptSnapshot returns the snapshot that the address of a hub's file names by its commit, where KeepSnapshot kept it; nil for none.
func (s *Store) KeptSnapshot(ctx context.Context, a registry.Address) *Snapshot {
	if a.Kind != registry.AddressHub || !registry.IsCommit(a.Revision) {
		return nil
	}
	return s.keptSnapshot(ctx, a)
}

// keptSnapshot returns the snapshot of a commit, or the one that was kept last of what a revision was then; nil for none.
func (s *Store) keptSnapshot(ctx context.Context, a registry.Address) *Snapshot {
	commit := ""
	if registry.IsCommit(a.Revision) {
		commit = a.Revision
	}
	entries, _ := s.fs.ReadDir(filepath.Join(s.dir, derivedDir)) // without one there is none
	var last *Snapshot
	var when int64
	for _, e := range entries {
		key := nameOf(e.Name())
		info, err := e.Info()
		if !strings.Contains(key, snapshotSuffix(a.Repository, commit)) || err != nil {
			continue
		}
		got, err := s.readSnapshot(ctx, key)
		if err != nil || got.Repository != a.Repository || a.Revision != got.Commit && a.Revision != got.Revision {
			continue
		}
		if at := info.ModTime().UnixNano(); last == nil || at > when {
			last, when = got, at
		}
	}
	return last
}

func (s *Store) readSnapshot(ctx context.Context, key string) (*Snapshot, error) {
	blob, ok, err := s.derived(ctx, key)
	if err != nil || !ok {
		return nil, fmt.Errorf("store: %s: %w", key, errors.Join(err, errors.New("not there")))
	}
	data, err := bounded.ReadFile(blob.Path, 3*maxConfig)
	if err != nil {
		return nil, err
	}
	out := new(Snapshot)
	if err := json.Unmarshal(data, out); err != nil {
		return nil, err
	}
	if !registry.IsCommit(out.Commit) || !out.Digest.Full() || !strings.HasPrefix(key, out.Digest.String()) {
		return nil, fmt.Errorf("store: %s is no snapshot", key)
	}
	return out, nil
}
