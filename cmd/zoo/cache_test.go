package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/faulthost"
)

const nanoModel, nanoFile = "cspresnet-nano_digits", "cspresnet-nano_digits-30dbf170.pth"

func nanoBytes(t testing.TB) []byte {
	t.Helper()
	data, err := fs.ReadFile(golden.Nano(), nanoFile)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// served writes a zoo.toml with models that are the nano checkpoint at a host.
func served(t testing.TB, url string, names ...string) string {
	t.Helper()
	var rows strings.Builder
	for _, name := range names {
		rows.WriteString(strings.ReplaceAll(fmt.Sprintf(row, url), "served_digits", name))
	}
	path := filepath.Join(t.TempDir(), "zoo.toml")
	if err := os.WriteFile(path, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCacheCommands(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	if got := command(t, cache, "cache", "verify"); got.status != exitOK || got.stdout != "PASS 0 files, 0 bytes\n" {
		t.Errorf("verify of nothing: %+v", got)
	}
	if got := command(t, cache, "convert", nanoModel); got.status != exitOK {
		t.Fatalf("convert: %+v", got)
	}
	size := len(nanoBytes(t))
	got := command(t, cache, "cache", "ls")
	if want := fmt.Sprintf("%s  %.1f MB  sha256:30dbf170", nanoModel, float64(size)/1e6); !strings.Contains(got.stdout, want) || !strings.Contains(got.stderr, "1 checkpoints") || !strings.Contains(got.stderr, "1 files made of them") {
		t.Errorf("ls: %+v, want %q in it", got, want)
	}
	if got := command(t, cache, "cache", "verify"); got.status != exitOK || !strings.HasPrefix(got.stdout, "PASS 2 files, ") {
		t.Errorf("verify: %+v", got)
	}

	path := strings.TrimSpace(command(t, cache, "download", nanoModel).stdout)
	data := nanoBytes(t)
	data[len(data)/2] ^= 1
	os.Chmod(path, 0o600)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	rel, _ := filepath.Rel(cache, path)
	got = command(t, cache, "cache", "verify")
	if got.status != exitDigest || !strings.HasPrefix(got.stdout, "FAIL "+rel+": its sha256 is ") || !strings.Contains(got.stderr, "--fix") {
		t.Errorf("verify of a damaged file: %+v", got)
	}
	var health struct {
		Files   int
		Faults  []struct{ Path, Reason string }
		Removed int
	}
	got = command(t, cache, "cache", "verify", "--fix", "--format", "json")
	if err := json.Unmarshal([]byte(got.stdout), &health); err != nil || got.status != exitOK || health.Files != 2 || len(health.Faults) != 1 || health.Faults[0].Path != path || health.Removed != 2 {
		t.Errorf("fix: %+v, %v", got, err)
	}
	if got := command(t, cache, "cache", "verify"); got.status != exitOK || !strings.HasPrefix(got.stdout, "PASS 1 files, ") {
		t.Errorf("verify after the fix: %+v", got)
	}

	// What was made of the file that is gone goes, and a leftover.
	if err := os.WriteFile(filepath.Join(cache, "partial", "x.part"), []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	dry := command(t, cache, "cache", "prune", "--dry-run")
	got = command(t, cache, "cache", "prune")
	if dry.stdout != got.stdout || got.status != exitOK || !strings.Contains(got.stdout, "partial/x.part: 4 bytes: interrupted download\n") || strings.Count(got.stdout, "\n") != 3 {
		t.Errorf("prune: %+v, dry: %+v", got, dry)
	}
	command(t, cache, "download", nanoModel)
	if got := command(t, cache, "cache", "prune", "--keep", "1TB"); got.status != exitOK || got.stdout != "" {
		t.Errorf("prune --keep 1TB: %+v", got)
	}
	if got := command(t, cache, "cache", "prune", "--keep", "1kB"); got.status != exitOK || !strings.Contains(got.stdout, "used longest ago") {
		t.Errorf("prune --keep 1kB: %+v", got)
	}
	if got := command(t, cache, "cache", "ls"); got.stdout != "" {
		t.Errorf("ls after pruning: %+v", got)
	}
	if got := command(t, cache, "cache", "prune", "--keep", "5"); got.status != exitUsage || !strings.Contains(got.stderr, "1.5GiB") {
		t.Errorf("prune --keep 5: %+v", got)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0B": 0, "500MB": 5e8, "20gb": 2e10, "1.5GiB": 3 << 29, "2 k": 2000, "1Ti": 1 << 40, "10B": 10,
		"": -1, "5": -1, "MB": -1, "-1GB": -1, "1PB": -1, "1e30TB": -1, "NaNGB": -1, "infGB": -1, "1 G B": -1,
	} {
		got, err := parseBytes(text)
		if (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("%q = %d, %v, want %d", text, got, err, want)
		}
	}
}

// TestDownloadSeveral has models of which one is not there: the others come.
func TestDownloadSeveral(t *testing.T) {
	host := faulthost.Start(t, nanoBytes(t), nil)
	config := served(t, host.URL, "a", "b")
	cache := filepath.Join(t.TempDir(), "cache")
	got := command(t, cache, "--config", config, "download", "b", "efficientnet-lite1_3rdparty_in1k", "a", "--format", "ndjson")
	if got.status != exitNetwork || !strings.Contains(got.stderr, "no address to download from") {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
	var models []string
	for line := range strings.Lines(got.stdout) {
		var s zoo.Source
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		models = append(models, s.Model+" "+string(s.CheckedBy))
	}
	for i, s := range models {
		models[i] = strings.Replace(s, " lock", " prefix", 1) // see below
	}
	if d := cmp.Diff([]string{"b prefix", "a prefix"}, models); d != "" {
		t.Errorf("models (-want +got)\n%s", d)
	}
	events := make(map[string]int)
	for line := range strings.Lines(got.stderr) {
		var e struct {
			Event, Task, Name string
			Done, Total       int64
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Event == "progress" && e.Done == e.Total && e.Total == int64(len(nanoBytes(t))) {
			events[e.Task+" "+e.Name]++
		}
	}
	// Both are the same bytes: whichever is second may find them in the cache.
	if events["download a"]+events["download b"] == 0 || events["download a"] > 1 || events["download b"] > 1 || len(events) > 2 {
		t.Errorf("last events: %v, want one of each download", events)
	}
}

// traced matches the line of a system call, not what strace says of a thread that ends
// while it lets go of it.
var traced = regexp.MustCompile(`\b(socket|connect|sendto)\(`)

// TestOfflineMakesNoSocket watches the program's system calls while it does all
// that it can do offline.
func TestOfflineMakesNoSocket(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not here")
	}
	cache, dir := t.TempDir(), t.TempDir()
	bundle := filepath.Join(dir, "b.tar")
	trace := func(args ...string) (status int, sockets []string) {
		t.Helper()
		log := filepath.Join(dir, "trace")
		c := exec.CommandContext(t.Context(), strace, append([]string{"-f", "-qq", "-e", "trace=socket,connect,sendto", "-o", log, os.Args[0], "--cache-dir", cache}, args...)...)
		c.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
		c.Dir = dir
		var stderr bytes.Buffer
		c.Stderr = &stderr
		err := c.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if strings.Contains(stderr.String(), "ptrace") {
			t.Skipf("strace may not trace here: %s", stderr.String())
		}
		f, err := os.Open(log)
		if err != nil {
			t.Skipf("strace wrote nothing: %v", err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if traced.MatchString(lines.Text()) {
				sockets = append(sockets, lines.Text())
			}
		}
		return c.ProcessState.ExitCode(), sockets
	}
	host := faulthost.Start(t, nanoBytes(t), nil)
	if status, sockets := trace("--config", served(t, host.URL, "served_digits"), "download", "served_digits"); status != exitOK || len(sockets) == 0 {
		t.Fatalf("online: exit status %d, and sockets are not seen: %q", status, sockets)
	}
	for _, tt := range []struct {
		status int
		args   []string
	}{
		{exitOK, []string{"verify", nanoModel}},
		{exitOK, []string{"lock", nanoModel}},
		{exitOK, []string{"bundle", "create", nanoModel, "-o", bundle}},
		{exitOK, []string{"bundle", "load", bundle}},
		{exitOK, []string{"cache", "verify"}},
		{exitOK, []string{"cache", "prune"}},
		{exitNetwork, []string{"download", "cspresnet50_3rdparty_8xb32_in1k"}},
		{exitNetwork, []string{"download", "cspresnet50_3rdparty_8xb32_in1k", "--mirror", "http://127.0.0.1:1"}},
		{exitNetwork, []string{"push", nanoModel, "oci://127.0.0.1:1/net:v1"}},
	} {
		status, sockets := trace(append(tt.args, "--offline")...)
		if status != tt.status || len(sockets) > 0 {
			t.Errorf("%v: exit status %d, want %d; sockets: %q", tt.args, status, tt.status, sockets)
		}
	}
}

// TestDownloadKilled kills downloads followed by conversions at random moments;
// what is in the cache is right after each, and a last run ends well.
func TestDownloadKilled(t *testing.T) {
	kills := 5
	if os.Getenv("ZOO_LONG") != "" {
		kills = 200
	} else if testing.Short() {
		t.Skip("takes seconds")
	}
	host := faulthost.Start(t, nanoBytes(t), faulthost.Drip(nanoBytes(t), 8<<10, time.Millisecond))
	config := served(t, host.URL, "served_digits")
	program := func(cache string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], "--cache-dir", cache, "--config", config, "-q", "convert", "served_digits")
		c.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
		return c
	}
	start := time.Now()
	if out, err := program(filepath.Join(t.TempDir(), "cache")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole := time.Since(start)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	cache, killed := filepath.Join(t.TempDir(), "cache"), 0
	for range kills {
		c := program(cache)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(whole))))
		c.Process.Kill()
		if c.Wait() != nil {
			killed++
		}
		if got := command(t, cache, "cache", "verify"); got.status != exitOK {
			t.Fatalf("seed %d: after a kill: %+v", seed, got)
		}
		if r.IntN(3) == 0 {
			cache = filepath.Join(t.TempDir(), "cache")
		}
	}
	t.Logf("%d of %d killed, whole run %v", killed, kills, whole)
	if out, err := program(cache).CombinedOutput(); err != nil {
		t.Fatalf("last run: %v: %s", err, out)
	}
	if got := command(t, cache, "cache", "prune"); got.status != exitOK {
		t.Errorf("prune: %+v", got)
	}
	if got := command(t, cache, "cache", "verify"); got.status != exitOK || !strings.HasPrefix(got.stdout, "PASS 2 files") {
		t.Errorf("in the end: %+v", got)
	}
}
