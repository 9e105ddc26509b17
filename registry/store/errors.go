package store

import (
	"fmt"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry/lock"
)

// ErrNetwork is, by errors.Is, every *FetchError and *OfflineError.
var ErrNetwork = transfer.ErrNetwork

// Errors of downloads; see package transfer.
type (
	// A FetchError says that an address did not give a whole file.
	FetchError = transfer.Error
	// A MismatchError says that a whole file is not the one its entry describes.
	MismatchError = transfer.MismatchError
	// A SpaceError says that a file has no room on the disk.
	SpaceError = transfer.SpaceError
	// A SignatureError says that a lock file is not what the holder of a key
	// signed.
	SignatureError = lock.SignatureError
)

// An OfflineError says that a file is not cached and cannot be downloaded.
type OfflineError struct {
	Name string
	URL  string // empty: the entry has no address
}

func (e *OfflineError) Error() string {
	reason := "offline: not in the cache: go online, or bring it"
	if e.URL == "" {
		reason = "not in the cache, and it has no address to download from: where you have its weights, bring them"
	}
	return fmt.Sprintf("store: %s: %s with zoo import %s FILE", e.Name, reason, e.Name)
}

// Is reports whether target is ErrNetwork.
func (e *OfflineError) Is(target error) bool { return target == ErrNetwork }

// A TrustError says that what is known about a name contradicts itself, or that a
// name is outside a signed lock file.
type TrustError struct {
	Name   string
	Reason string
}

func (e *TrustError) Error() string {
	return fmt.Sprintf("store: %s: %s; nothing was fetched", e.Name, e.Reason)
}

// Is reports whether target is digest.ErrMismatch.
func (e *TrustError) Is(target error) bool { return target == digest.ErrMismatch }
