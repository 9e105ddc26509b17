package zoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/internal/hubmodel"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// HubModel returns the row of the model in a repository of a Hugging Face hub, at an address "hf://org/name" or
// "hf://org/name@revision", by what its config.json says at one commit. It brings no weights: a Zoo whose Config.Entries has
// the row does, by the row's name, org/name, from that commit. Where the lock file pins that name, its commit is taken for an
// address without a revision. The error is an *ArtifactError for a repository that cannot be used, one that is
// registry.ErrUnknown for a network that is not known, a *store.FetchError, or a *lock.SignatureError.
func (z *Zoo) HubModel(ctx context.Context, address string, o PullOptions) (*registry.Entry, error) {
	a, ok := registry.ParseRepository(address)
	if !ok {
		return nil, option.Errorf("Address", "zoo: expected %sorg/name@revision, found %q", registry.HubScheme, printable.Shown(address))
	}
	if err := registry.CheckName(a.Repository); err != nil {
		return nil, &ArtifactError{address, err}
	}
	pinned, err := z.pinnedCommit(a)
	switch {
	case err != nil && !o.ToPin:
		return nil, err
	case pinned != "" && !strings.Contains(address, "@"):
		a.Revision = pinned
	case z.lockKey != nil && pinned != a.Revision && !o.ToPin:
		return nil, &lock.SignatureError{Path: printable.Shown(address),
			Reason: "the signed lock file does not pin that commit: where a key is asked for, zoo lock " +
				address + " adds it, then sign it again"}
	}
	snapshot, err := z.store.Snapshot(ctx, a, z.fetchOptions(""))
	if err != nil {
		return nil, err
	}
	entry, err := hubmodel.Entry(hubmodel.Texts{Config: snapshot.Config, Processor: snapshot.Processor})
	switch {
	case errors.Is(err, registry.ErrUnknown):
		return nil, fmt.Errorf("zoo: %s: %w", printable.Shown(address), err)
	case err != nil:
		return nil, &ArtifactError{address, err}
	}
	entry.Name, entry.Weights.URL = a.Repository, snapshot.Address()
	if strings.HasSuffix(snapshot.Weights, ".safetensors") {
		entry.Weights.Container = "safetensors"
	}
	if entry.Arch == "" {
		if err := z.networkOf(ctx, entry, snapshot); err != nil {
			return nil, err
		}
	}
	z.publishedOf(entry)
	if err := entry.Check(); err != nil {
		return nil, &ArtifactError{address, err}
	}
	if err := z.store.KeepSnapshot(ctx, snapshot); err != nil && !errors.Is(err, store.ErrReadOnly) {
		return nil, err
	}
	if a.Revision != snapshot.Commit {
		z.notice(fmt.Sprintf("%s is at commit %s: %s%s@%[2]s stays the same",
			printable.Shown(address), snapshot.Commit, registry.HubScheme, a.Repository))
	}
	return entry, nil
}

// networkOf finds the network of an entry whose repository transformers wrote: the one whose recipe its tensors fit, and whose
// settings config.json has. The weights are fetched for that. The error is an *ArtifactError where there is none.
func (z *Zoo) networkOf(ctx context.Context, entry *registry.Entry, snapshot *store.Snapshot) error {
	const project = "transformers"
	var config map[string]any
	if err := json.Unmarshal(snapshot.Config, &config); err != nil {
		return err
	}
	return z.withSource(ctx, entry, z.fetchOptions(entry.Name), func(src store.Blob) error {
		c, err := z.openSource(ctx, entry, src)
		if err != nil {
			return err
		}
		defer c.Close()
		c.Beside(snapshot.Config)
		sd, err := c.StateDict()
		if err != nil {
			return err
		}
		sizes := sizesOf(sd)
		reason := errors.New("its tensors are those of no network that is known")
		for _, f := range backbone.All() {
			for _, arch := range slices.Sorted(maps.Keys(f.Sources)) {
				s, ok := f.Sources[arch][project]
				if !ok {
					continue
				}
				target, err := model.Target(arch, entry.Classes)
				if err != nil {
					return err
				}
				target.Recipe, target.File = project, c
				if !mayFit(target, sizes) {
					continue
				}
				if _, err := target.Fit(sd); err != nil {
					continue
				}
				if s.Settings != nil {
					if err := s.Settings(config); err != nil {
						reason = fmt.Errorf("config.json: %w: it is another network with the tensors of %s", err, arch)
						continue
					}
				}
				entry.Family, entry.Arch = f.Name, arch
				return nil
			}
		}
		return &ArtifactError{registry.HubScheme + snapshot.Repository, reason}
	})
}

// publishedOf gives an entry of a repository the figures of the built-in row of it, where that is of the same network and the
// same preprocessing.
func (z *Zoo) publishedOf(e *registry.Entry) {
	row, err := z.registry.Row(e.Name)
	if err == nil && row.Family == e.Family && row.Arch == e.Arch && row.Input == e.Input && row.Classes == e.Classes {
		e.Published = row.Published
		if e.Weights.Licence == "" {
			e.Weights.Licence = row.Weights.Licence
		}
	}
}

// pinnedCommit returns the commit of a repository that the lock file pins under its name; empty where it pins none.
func (z *Zoo) pinnedCommit(a registry.Address) (string, error) {
	options := z.fetchOptions("")
	f, err := options.LockFile()
	if err != nil {
		return "", err
	}
	if _, ok := f.Pin(a.Repository); !ok {
		return "", nil
	}
	return hub.CommitOf(f.Origin(a.Repository).Address, a.Repository), nil
}
