package zoo

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/nano"
)

// traced returns a Zoo with an empty cache, and what it fetches and opens.
func traced(t *testing.T) (z *Zoo, took func() []string) {
	t.Helper()
	z, err := New(Config{CacheDir: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []string
	z.trace = func(what string) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, what)
	}
	return z, func() []string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { all = nil }()
		return all
	}
}

// A report fetches the file of a model that it measures once, and opens it once.
func TestReportTakesModelsOnce(t *testing.T) {
	z, took := traced(t)
	for range 2 { // with an empty cache, and with a full one
		rows, err := z.Report(t.Context(), ReportOptions{Names: nano.Names})
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		var want []string
		for _, name := range nano.Names {
			want = append(want, "fetch "+name, "open "+name)
		}
		if diff := cmp.Diff(want, took()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// A conversion reads the source for its tensors. For its digest it reads it only where that
// is not known, and then once.
func TestConversionReadsSourceOnce(t *testing.T) {
	z, _ := traced(t)
	entry, err := z.registry.Lookup(nano.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	blob, err := z.fetch(t.Context(), entry)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		known digest.Digest
		want  int // readings for the digest
	}{"cached": {blob.Digest, 0}, "a file": {digest.Digest{}, 1}} {
		checkpoint, err := z.openSource(t.Context(), entry, blob)
		if err != nil {
			t.Fatal(err)
		}
		defer checkpoint.Close()
		job, err := plan(checkpoint, tt.known, entry, ConvertOptions{})
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		job.digest = sync.OnceValue(func() digest.Digest {
			read++
			return checkpoint.Digest()
		})
		out := filepath.Join(t.TempDir(), "out.safetensors")
		if err := job.write(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		if read != tt.want || job.done.SourceDigest != blob.Digest {
			t.Errorf("%s: the source was read %d times for its digest %v, want %d", name, read, job.done.SourceDigest, tt.want)
		}
	}
}

// The cache's digest of a converted file is what a report states: no file is read again.
func TestConvertedDigestIsKnown(t *testing.T) {
	z, took := traced(t)
	c, err := z.Convert(t.Context(), nano.Names[1], ConvertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.digest.Full() {
		t.Error("the digest that the cache computed was dropped")
	}
	data, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	c.Path = filepath.Join(t.TempDir(), "gone")
	if d, err := c.Digest(); err != nil || d != digest.Of(sha256.Sum256(data)) {
		t.Errorf("%v, %v", d, err)
	}
	if got := took(); !slices.Equal(got, []string{"fetch " + nano.Names[1]}) {
		t.Errorf("%q", got)
	}
}
