package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// asProgram makes the test binary behave as zoo, to be run in a process of its own.
const asProgram = "ZOO_TEST_AS_PROGRAM"

// TestMain keeps the settings of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	for _, name := range []string{zoo.EnvCache, zoo.EnvConfig, zoo.EnvMirror, zoo.EnvOffline, zoo.EnvLock, zoo.EnvLockKey, "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT", "TORCH_HOME"} {
		os.Unsetenv(name)
	}
	dir, err := os.MkdirTemp("", "zoo-test-*")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"} {
		os.Setenv(name, dir)
	}
	status := m.Run()
	if n := situations.Load(); n > 0 && testing.Verbose() {
		fmt.Printf("%d situations, %d differences\n", n, differences.Load())
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// result is what one command line gave.
type result struct {
	status         int
	stdout, stderr string
}

// command runs a command line on the cache folder.
func command(t testing.TB, cache string, args ...string) result {
	t.Helper()
	return commandIn(t, context.Background(), cache, nil, args...)
}

func commandIn(t testing.TB, ctx context.Context, cache string, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(ctx, append([]string{"--cache-dir", cache}, args...), stdin, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// digests of converted files change with the version that is written into them.
var converted = regexp.MustCompile(`("converted": |converted )"?(sha256:)?[0-9a-f]+"?`)

// version is that of the program, which grows.
var version = regexp.MustCompile(`"version": "[^"]+"`)

// stable returns output without what differs from run to run and machine to machine.
func stable(s, cache string) string {
	s = strings.ReplaceAll(s, cache, "$CACHE")
	s = strings.ReplaceAll(s, " on "+model.Variant(), " on KERNELS")
	s = strings.ReplaceAll(s, `"kernels": "`+model.Variant()+`"`, `"kernels": "KERNELS"`)
	s = version.ReplaceAllString(s, `"version": "VERSION"`)
	return converted.ReplaceAllString(s, "${1}DIGEST")
}

// imageFile writes an embedded test image to a file.
func imageFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, embedded(t, name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Commands whose whole output is known. The texts are in testdata.
func TestOutput(t *testing.T) {
	digit := imageFile(t, "val/00003.png")
	for _, tt := range []struct {
		name string // of the file in testdata
		args []string
	}{
		{"list.txt", []string{"list", "csp*"}},
		{"list_sorted.csv", []string{"list", "csp*", "--sort", "-top1", "--format", "csv"}},
		{"list_filtered.csv", []string{"list", "csp*", "--filter", "top1>79.9", "--filter", "params <= 27.64", "--licence", "apache-2.0", "--format", "csv"}},
		{"list.json", []string{"list", "cspresnet-*", "--format", "json"}},
		{"list.ndjson", []string{"list", "*-lite*", "--family", "efficientnet", "--sort", "-params", "--format", "ndjson"}},
		{"info.txt", []string{"info", "cspresnet50_3rdparty_8xb32_in1k"}},
		{"info.json", []string{"info", "cspresnext50_3rdparty_8xb32_in1k", "--convention", "mmengine", "--size", "256x320", "--format", "json"}},
		{"info_forms.txt", []string{"info", "mobileone-s4_8xb32_in1k"}},
		{"info_deploy.json", []string{"info", "mobileone-s0_8xb32_in1k", "--deploy", "--format", "json"}},
		{"layers.csv", []string{"info", "cspresnet-nano_digits", "--layers", "--format", "csv"}},
		{"report.txt", []string{"report", "csp*50_*", "csp*-nano_*"}},
		{"report.json", []string{"report", "cspdarknet50_*", "cspresnet-nano_digits", "--format", "json"}},
		{"report.csv", []string{"report", "csp*50_*", "--format", "csv"}},
		{"report.md", []string{"report", "csp*50_*", "--format", "md"}},
		{"eval.txt", []string{"eval", "cspresnext-nano_digits"}},
		{"eval.json", []string{"eval", "cspdarknet-nano_digits", "--limit", "50", "--format", "json"}},
		{"predict.txt", []string{"predict", "cspresnet-nano_digits", digit, "--top", "3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			got := command(t, cache, tt.args...)
			if got.status != exitOK {
				t.Fatalf("exit status %d: %s", got.status, got.stderr)
			}
			file := filepath.Join("testdata", tt.name)
			text := stable(got.stdout, cache)
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("output (-%s +got):\n%s", tt.name, diff)
			}
			if again := command(t, cache, tt.args...); again.stdout != got.stdout {
				t.Errorf("a second run differs:\n%s", cmp.Diff(got.stdout, again.stdout))
			}
		})
	}
}

// Exit statuses that need no network, and what is said with them.
func TestExitStatus(t *testing.T) {
	digit := imageFile(t, "val/00003.png")
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("no image, no checkpoint"), 0o600); err != nil {
		t.Fatal(err)
	}
	const nano = "cspresnet-nano_digits"
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		stderr []string // parts of what is said
	}{
		{"unknown command", []string{"lst"}, exitUsage, []string{`unknown command "lst"`, "did you mean zoo list?"}},
		{"unknown flag", []string{"list", "--shade"}, exitUsage, []string{"--shade", "zoo list --help"}},
		{"no arguments", []string{"predict"}, exitUsage, []string{"zoo predict --help"}},
		{"command of cache", []string{"cache"}, exitUsage, []string{"ls, path, prune, rm or verify"}},
		{"format", []string{"list", "--format", "xml"}, exitUsage, []string{"auto, human, json"}},
		{"pattern", []string{"list", "[a"}, exitUsage, []string{"[a"}},
		{"filter", []string{"list", "--filter", "age>3"}, exitUsage, []string{`"age>3"`, "params, flops, top1 or top5"}},
		{"filter without a number", []string{"list", "--filter", "top1>=much"}, exitUsage, []string{"then a number"}},
		{"sort", []string{"list", "--sort", "age"}, exitUsage, []string{"params, flops, top1 or top5"}},
		{"form", []string{"info", nano, "--deploy"}, exitUsage, []string{nano + " has no deploy form"}},
		{"size", []string{"info", nano, "--size", "32x"}, exitUsage, []string{"height x width"}},
		{"size too large", []string{"info", nano, "--size", "16385"}, exitUsage, []string{"up to 16384"}},
		{"size that does not fit", []string{"info", "vgg16_8xb32_in1k", "--size", "32"}, exitUsage, []string{"backbone.classifier.0", "(1,3,32,32)"}},
		{"batch too large", []string{"bench", nano, "--batch", "100000000"}, exitUsage, []string{"(100000000,3,32,32)", "at most 1073741824 bytes"}},
		{"convention", []string{"info", nano, "--convention", "thop"}, exitUsage, []string{"mmcv-legacy"}},
		{"precision", []string{"predict", nano, digit, "--precision", "exact"}, exitUsage, []string{"highest, high, medium"}},
		{"jobs", []string{"verify", nano, "--jobs", "-1"}, exitUsage, []string{"--jobs: -1 threads"}},
		{"image not there", []string{"predict", nano, "nowhere.png"}, exitUsage, []string{"nowhere.png"}},
		{"file not there", []string{"convert", "nowhere.pth"}, exitUsage, []string{"nowhere.pth"}},
		{"data not there", []string{"eval", nano, "--data", "nowhere"}, exitUsage, []string{"nowhere"}},
		{"golden of two", []string{"verify", nano, nano, "--golden", text}, exitUsage, []string{"exactly one NAME"}},
		{"all and model", []string{"convert", text, "--all", "--model", nano}, exitUsage, []string{"--all"}},
		{"unknown model", []string{"info", "cspresnet51"}, exitUnknown, []string{"did you mean cspresnet50_3rdparty_8xb32_in1k"}},
		{"unknown model of an image", []string{"predict", "cspresnet51", digit}, exitUnknown, []string{"did you mean"}},
		{"unknown model to import", []string{"import", "cspresnet51", text}, exitUnknown, []string{"did you mean"}},
		{"unknown model among others", []string{"download", nano, "resnet1999"}, exitUnknown, []string{"zoo list"}},
		{"offline", []string{"download", "cspresnet50_3rdparty_8xb32_in1k", "--offline"}, exitNetwork, []string{"zoo import cspresnet50_3rdparty_8xb32_in1k FILE"}},
		{"no address", []string{"predict", "efficientnet-lite1_3rdparty_in1k", digit}, exitNetwork,
			[]string{"zoo import efficientnet-lite1_3rdparty_in1k FILE"}},
		{"import of another file", []string{"import", nano, text}, exitDigest, []string{"30dbf170", "nothing was cached", "zoo import " + nano}},
		{"convert of another file", []string{"convert", text}, exitCheckpoint, []string{"notes.txt", "no file was written"}},
		{"golden of another format", []string{"verify", nano, "--golden", text}, exitCheckpoint, []string{"notes.txt"}},
		{"pixels to nowhere", []string{"pixels", digit}, exitUsage, []string{"expected -o"}},
		{"pixels for nobody", []string{"pixels", digit, "--for", "cspresnet51", "-o", "x.png"}, exitUnknown, []string{"did you mean"}},
		{"map of two images", []string{"predict", nano, digit, digit, "--cam", "x.png"}, exitUsage,
			[]string{"--cam x.png goes with one picture, found 2", "maps/"}},
		{"standard input twice", []string{"predict", nano, "-", digit, "-"}, exitUsage, []string{"once"}},
		{"no image", []string{"predict", nano, text}, exitInternal, []string{"notes.txt", "expected a JPEG"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			got := command(t, cache, tt.args...)
			if got.status != tt.status {
				t.Errorf("exit status %d, expected %d: %s", got.status, tt.status, got.stderr)
			}
			if got.stdout != "" {
				t.Errorf("data were printed:\n%s", got.stdout)
			}
			for _, part := range tt.stderr {
				if !strings.Contains(got.stderr, part) {
					t.Errorf("no %q in:\n%s", part, got.stderr)
				}
			}
			if blobs, _ := filepath.Glob(filepath.Join(cache, "blobs", "sha256", "*")); tt.status == exitDigest && len(blobs) > 0 {
				t.Errorf("%d files were cached", len(blobs))
			}
		})
	}
}

// quiet skips a test of what is said where zoo has to say that ZOO_CPU is not heeded.
func quiet(t *testing.T) {
	if reason := zoo.KernelsRefused(); reason != "" {
		t.Skip(reason)
	}
}

func TestErrorAsJSON(t *testing.T) {
	quiet(t)
	got := command(t, t.TempDir(), "import", "cspresnet-nano_digits", os.Args[0], "--format", "json")
	var doc struct {
		SchemaVersion int    `json:"schema_version"`
		Error         string `json:"error"`
		Next          string `json:"next"`
		ExitStatus    int    `json:"exit_status"`
	}
	if err := json.Unmarshal([]byte(got.stderr), &doc); err != nil {
		t.Fatalf("%v in %q", err, got.stderr)
	}
	if doc.SchemaVersion != 1 || doc.ExitStatus != exitDigest || doc.ExitStatus != got.status || !strings.Contains(doc.Error, "30dbf170") || doc.Next == "" {
		t.Errorf("exit status %d, %+v", got.status, doc)
	}
}

func TestOverview(t *testing.T) {
	cache := t.TempDir()
	known := strings.Count(command(t, cache, "list").stdout, "\n") - 1
	command(t, cache, "download", "cspresnet-nano_digits")
	got := command(t, cache)
	if want := fmt.Sprintf("\n%d models known, 4 embedded, 1 in the cache.\n", known); got.status != exitOK || !strings.Contains(got.stdout, want) {
		t.Errorf("no %q in:\n%s", want, got.stdout)
	}
}

// What this machine computes with is among what it can compute with.
func TestEnv(t *testing.T) {
	cache := t.TempDir()
	var env struct {
		Kernels   string   `json:"kernels"`
		Available []string `json:"kernels_available"`
		CacheDir  string   `json:"cache_dir"`
		Threads   int      `json:"threads"`
	}
	got := command(t, cache, "env", "--format", "json", "--jobs", "3")
	if err := json.Unmarshal([]byte(got.stdout), &env); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(env.Available, env.Kernels) || !slices.Contains(env.Available, "generic") || env.CacheDir != cache || env.Threads != 3 {
		t.Errorf("%+v", env)
	}
	if got := command(t, cache, "env"); !strings.Contains(got.stdout, "\nkernels      "+env.Kernels) {
		t.Errorf("no kernels in:\n%s", got.stdout)
	}
}

func TestStandardInput(t *testing.T) {
	piped := commandIn(t, context.Background(), t.TempDir(), bytes.NewReader(embedded(t, "val/00003.png")), "pixels", "-", "-o", "-")
	if img, err := png.Decode(strings.NewReader(piped.stdout)); err != nil || img.Bounds().Dx() != 8 {
		t.Errorf("exit status %d, %d bytes, %v: expected a PNG of 8x8", piped.status, len(piped.stdout), err)
	}
	got := commandIn(t, context.Background(), t.TempDir(), bytes.NewReader(embedded(t, "val/00003.png")), "predict", "cspresnet-nano_digits", "-", "--top", "1", "--format", "csv")
	if !strings.HasPrefix(got.stdout, "image,rank,class,score,name\n-,1,5,0.99") {
		t.Errorf("exit status %d, printed %q: expected class 5", got.status, got.stdout)
	}
}

// What does not end is not read to the end.
func TestReadAtMost(t *testing.T) {
	if data, err := readAtMost(strings.NewReader("four"), "name", 4); string(data) != "four" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := readAtMost(strings.NewReader("fives"), "name", 4); err == nil || err.Error() != "name: expected at most 4 bytes, found more" {
		t.Errorf("error %v", err)
	}
}

// Progress is for terminals: nothing is written elsewhere but hints, and those not
// with -q.
func TestQuiet(t *testing.T) {
	quiet(t)
	got := command(t, t.TempDir(), "predict", "cspresnet-nano_digits", imageFile(t, "val/00003.png"), "-q")
	if got.status != exitOK || got.stderr != "" {
		t.Errorf("exit status %d, stderr %q", got.status, got.stderr)
	}
	got = command(t, t.TempDir(), "eval", "cspresnet-nano_digits")
	if got.status != exitOK || got.stderr != "" {
		t.Errorf("exit status %d, stderr %q", got.status, got.stderr)
	}
	got = command(t, t.TempDir(), "eval", "cspresnet-nano_digits", "-v")
	if want := "evaluate cspresnet-nano_digits: 360 done\n"; got.stderr != want {
		t.Errorf("verbose: stderr %q, expected %q", got.stderr, want)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := commandIn(t, ctx, t.TempDir(), nil, "eval", "cspresnet-nano_digits")
	if got.status != exitInterrupted || got.stdout != "" {
		t.Errorf("exit status %d, printed %q", got.status, got.stdout)
	}
}

// Nothing may ever come from standard input.
func TestInterruptedWaiting(t *testing.T) {
	for _, args := range [][]string{{"predict", "cspresnet-nano_digits", "-"}, {"bundle", "load", "-"}} {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan result, 1)
		go func() { done <- commandIn(t, ctx, t.TempDir(), r, args...) }()
		if _, err := w.Write([]byte("a")); err != nil { // it has begun to read
			t.Fatal(err)
		}
		cancel()
		select {
		case got := <-done:
			if got.status != exitInterrupted {
				t.Errorf("%q: exit status %d: %s", args, got.status, got.stderr)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q: still waiting", args)
		}
		w.Close()
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A command whose data did not arrive has failed.
func TestBrokenOutput(t *testing.T) {
	for _, args := range [][]string{{"list"}, {"version"}, {"list", "--format", "json"}, {"report", "cspresnet-nano_digits"}} {
		var stderr bytes.Buffer
		status := run(context.Background(), append(args, "--cache-dir", t.TempDir()), nil, brokenWriter{}, &stderr)
		if status != exitInternal || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: exit status %d: %s", args, status, stderr.String())
		}
	}
}

// Settings of a file win over those that are built in, and flags over the environment.
func TestPrecedence(t *testing.T) {
	config := filepath.Join(t.TempDir(), "my.toml")
	text := "[cspresnet-nano_digits.published]\ntop1 = \"12.34\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFlag, fromEnv := t.TempDir(), t.TempDir()
	t.Setenv(zoo.EnvCache, fromEnv)
	if got := command(t, fromFlag, "cache", "path"); got.stdout != fromFlag+"\n" {
		t.Errorf("cache %q, expected the flag's", got.stdout)
	}
	var stdout, stderr bytes.Buffer
	run(context.Background(), []string{"cache", "path"}, nil, &stdout, &stderr)
	if stdout.String() != fromEnv+"\n" {
		t.Errorf("cache %q, expected the environment's", stdout.String())
	}
	if got := command(t, fromFlag, "list", "cspresnet-nano_digits", "--config", config); !strings.Contains(got.stdout, "12.34") || !strings.Contains(got.stdout, "99.72") {
		t.Errorf("the row was not merged:\n%s%s", got.stdout, got.stderr)
	}
	t.Setenv(zoo.EnvConfig, filepath.Join(fromFlag, "nowhere.toml"))
	if got := command(t, fromFlag, "list"); got.status == exitOK {
		t.Error("a configuration that was asked for and is not there was ignored")
	}
}
