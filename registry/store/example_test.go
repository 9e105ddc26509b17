package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// A file is taken when its digest is the stated one, and refused when it is another.
func ExampleStore_Fetch() {
	dir, err := os.MkdirTemp("", "cache-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	data := []byte("the published file")
	entry := &registry.Entry{Name: "net", Weights: registry.Weights{URL: "embedded:net.pth", Digest: digest.Of(sha256.Sum256(data))}}
	blob, err := s.Fetch(context.Background(), entry, store.Options{Offline: true, Embedded: fstest.MapFS{"net.pth": {Data: data}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(blob.Size, "bytes,", blob.Digest.Short()+", checked by", blob.CheckedBy)
	entry.Weights.Digest = digest.Of(sha256.Sum256([]byte("another file")))
	_, err = s.Fetch(context.Background(), entry, store.Options{Offline: true, Embedded: fstest.MapFS{"net.pth": {Data: data}}})
	fmt.Println("of another digest:", errors.Is(err, digest.ErrMismatch))
	// Output:
	// 18 bytes, fba1006a, checked by sha256
	// of another digest: true
}
