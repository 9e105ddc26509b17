package bundle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/store"
)

func ExampleCreate() {
	dir, err := os.MkdirTemp("", "bundle-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	from, err := store.Open(filepath.Join(dir, "from"))
	if err != nil {
		log.Fatal(err)
	}
	to, err := store.Open(filepath.Join(dir, "to"))
	if err != nil {
		log.Fatal(err)
	}
	data := []byte("the published file")
	entry := &registry.Entry{Name: "net", Weights: registry.Weights{URL: "embedded:net.pth", Digest: digest.Of(sha256.Sum256(data))}}
	ctx := context.Background()
	blob, err := from.Fetch(ctx, entry, store.Options{Embedded: fstest.MapFS{"net.pth": {Data: data}}})
	if err != nil {
		log.Fatal(err)
	}
	var carried bytes.Buffer // a file on a disk that is carried over
	if err := bundle.Create(ctx, &carried, bundle.Contents{Blobs: map[string]store.Blob{"net": blob}}); err != nil {
		log.Fatal(err)
	}
	loaded, err := bundle.Load(ctx, &carried, to, bundle.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(loaded.Models[0].Name, loaded.Models[0].Pin.Digest == blob.Digest)
	// Output:
	// net true
}
