package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// Variables that make the test program do one fetch, as a process of its own.
const (
	childDir = "ZOO_TEST_CHILD_DIR" // the store's folder
	childURL = "ZOO_TEST_CHILD_URL"
	// childUmask is octal, and may be empty.
	childUmask = "ZOO_TEST_CHILD_UMASK"
	// childPrune makes it prune everything instead.
	childPrune = "ZOO_TEST_CHILD_PRUNE"
	// long is set to run the tests that take minutes.
	long = "ZOO_LONG"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if mask, err := strconv.ParseInt(os.Getenv(childUmask), 8, 32); err == nil {
			setUmask(int(mask))
		}
		os.Exit(child(dir, os.Getenv(childURL)))
	}
	os.Exit(m.Run())
}

// child fetches content and derives two files of it, which takes a while.
func child(dir, url string) int {
	s, err := Open(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.net.Segment = 64 << 10
	if os.Getenv(childPrune) != "" {
		if _, err := s.Prune(context.Background(), PruneOptions{Keep: 0}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	prefix, err := digest.Parse(digestOf(content).Short())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w := registry.Weights{URL: url, Digest: prefix}
	e := &registry.Entry{Name: "net_in1k", Weights: w, Builtin: w}
	blob, err := s.Fetch(context.Background(), e, Options{Lock: filepath.Join(filepath.Dir(dir), lock.FileName)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 5
	}
	for i := range 2 {
		_, err := s.Derived(context.Background(), fmt.Sprintf("%s-%d", blob.Digest, i), func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			for j := range 20 {
				if _, err := f.Write(bytes.Repeat([]byte{byte(i + j)}, 10000)); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
			}
			return f.Close()
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Println(blob.Digest)
	return 0
}

func childCommand(t testing.TB, dir, url string, env ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program)
	// The race detector would have each process sleep for a second at its end.
	c.Env = append(os.Environ(), append([]string{childDir + "=" + dir, childURL + "=" + url, "GORACE=atexit_sleep_ms=0"}, env...)...)
	return c
}

// TestKilled kills processes at random moments of downloads and derivations. After
// each the store holds nothing wrong and has lost nothing that it had; the last one
// may finish, from what the others left.
func TestKilled(t *testing.T) {
	kills := 20
	if os.Getenv(long) != "" {
		kills = 200
	}
	host := faulthost.Start(t, content, faulthost.Drip(content, 2<<10, 2*time.Millisecond))
	// How long a process takes that nobody kills.
	start := time.Now()
	if out, err := childCommand(t, filepath.Join(t.TempDir(), "cache"), host.URL+"/f").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole := time.Since(start)
	host.Sent()

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a process takes %v", seed, whole)
	random := rand.New(rand.NewPCG(seed, 0))
	var s *Store
	var had map[string]bool
	finished, continued := 0, 0
	for range kills {
		if s == nil || finished > 0 { // a new store, now and then
			s, had, finished = openStore(t, filepath.Join(t.TempDir(), "cache")), nil, 0
		}
		kept := s.keptBytes("net_in1k")
		c := childCommand(t, s.dir, host.URL+"/f")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(whole))))
		c.Process.Kill()
		if c.Wait() == nil {
			finished++
		}
		if kept > 0 && s.keptBytes("net_in1k") >= kept {
			continued++
		}
		had = checkAfterKill(t, s, had)
	}
	t.Logf("%d kills went on from an earlier one", continued)

	if out, err := childCommand(t, s.dir, host.URL+"/f").CombinedOutput(); err != nil {
		t.Fatalf("run again: %v: %s", err, out)
	}
	had = checkAfterKill(t, s, had)
	if len(had) != 3 {
		t.Errorf("in the end there are %v, want the file and two derived ones", had)
	}
	if _, err := s.Prune(t.Context(), PruneOptions{Keep: -1}); err != nil {
		t.Fatal(err)
	}
	if got := files(t, s); len(got) != 7 { // three blobs, their refs, and the lock file
		t.Errorf("after pruning: %q", got)
	}
}

// checkAfterKill returns the refs of a store in which everything is as it should
// be, and everything still there that it had.
func checkAfterKill(t *testing.T, s *Store, had map[string]bool) map[string]bool {
	t.Helper()
	h, err := s.Verify(t.Context(), nil)
	if err != nil || len(h.Faults) > 0 {
		t.Fatalf("after a kill: %+v, %v", h, err)
	}
	now := make(map[string]bool)
	for _, list := range []func() ([]Ref, error){s.List, s.ListDerived} {
		refs, err := list()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			now[r.Name] = true
			delete(had, r.Name)
		}
	}
	if len(had) > 0 {
		t.Fatalf("a kill lost %v", had)
	}
	for _, path := range []string{s.lockPath(), filepath.Join(filepath.Dir(s.dir), lock.FileName)} {
		if _, err := lock.Read(path); err != nil {
			t.Fatalf("after a kill: %v", err)
		}
	}
	return now
}

// TestManyProcesses has 16 processes ask for one file at the same time.
func TestManyProcesses(t *testing.T) {
	host := faulthost.Start(t, content, faulthost.Drip(content, 16<<10, time.Millisecond))
	s := newStore(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			out, err := childCommand(t, s.dir, host.URL+"/f").CombinedOutput()
			if err != nil || string(out) != digestOf(content).String()+"\n" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	if sent := host.Sent(); sent != len(content) {
		t.Errorf("the host sent %d bytes, want the %d of one download", sent, len(content))
	}
	refs, err := s.List()
	derived, derr := s.ListDerived()
	if err != nil || derr != nil || len(refs) != 1 || len(derived) != 2 {
		t.Errorf("refs %v, %v; derived %v, %v", refs, err, derived, derr)
	}
	checkAfterKill(t, s, nil)
	if got := files(t, s); len(got) != 7 {
		t.Errorf("files: %q", got)
	}
}

// TestProxy has a process find its proxy in the environment.
func TestProxy(t *testing.T) {
	proxy := faulthost.Start(t, content, nil)
	dir := filepath.Join(t.TempDir(), "cache")
	out, err := childCommand(t, dir, "http://host.invalid/f", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=").CombinedOutput()
	if err != nil || string(out) != digestOf(content).String()+"\n" {
		t.Fatalf("%v: %s", err, out)
	}
	if proxy.Requests.Load() == 0 {
		t.Error("the proxy was not asked")
	}
}

// TestSmallDisk downloads to a file system that is smaller than the file.
func TestSmallDisk(t *testing.T) {
	dir := t.TempDir()
	size := strconv.Itoa(len(content) / 2)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %s", bytes.TrimSpace(out))
	}
	defer exec.Command("umount", dir).Run()
	host := faulthost.Start(t, content, nil)
	s, e := openStore(t, filepath.Join(dir, "cache")), newEntry(t, host.URL+"/f")
	defer s.Release()
	small := []byte("a small file")
	path := filepath.Join(t.TempDir(), "small")
	write(t, path, small)
	other := &registry.Entry{Name: "small", Weights: registry.Weights{Digest: digestOf(small)}}
	if _, err := s.Import(t.Context(), other, path, Options{}); err != nil {
		t.Fatal(err)
	}
	before := files(t, s)

	var full *SpaceError
	if _, err := s.Fetch(t.Context(), e, Options{}); !errors.As(err, &full) || full.Err != nil || full.Need != int64(len(content)) {
		t.Errorf("asked before the first byte: error = %v, want a SpaceError", err)
	}
	if d := cmp.Diff(before, files(t, s)); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
	s.net.Free = nil // now the writes have to tell
	if _, err := s.Fetch(t.Context(), e, Options{}); !errors.As(err, &full) || full.Err == nil || full.Kept == 0 {
		t.Errorf("told by the writes: error = %v, want a SpaceError with what is kept", err)
	}
	write(t, path, content)
	if _, err := s.Import(t.Context(), e, path, Options{}); !errors.As(err, &full) {
		t.Errorf("import: error = %v, want a SpaceError", err)
	}
	if h, err := s.Verify(t.Context(), nil); err != nil || h.Files != 1 || len(h.Faults) > 0 {
		t.Errorf("afterwards: %+v, %v, want the small file in order", h, err)
	}
	if _, err := s.Prune(t.Context(), PruneOptions{Keep: -1}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, files(t, s)); d != "" {
		t.Errorf("pruned: files (-want +got)\n%s", d)
	}
}
