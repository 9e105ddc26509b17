package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ociserver "github.com/google/go-containerregistry/pkg/registry"
)

// ociRegistry starts a registry in memory and returns its host.
func ociRegistry(t *testing.T) string {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// pushedModel makes a checkpoint of one's own as safetensors, its row with zoo row, and pushes it as the
// model "mine". It returns the addresses by tag and by digest.
func pushedModel(t *testing.T, cache, host string) (tag, address string) {
	t.Helper()
	ownProject(t, cache, "")
	if err := os.WriteFile("names.txt", []byte("nought\none\ntwo\nthree\nfour\ncinq\nsix\nseven\neight\nnine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"convert", "nano.pth", "--model", nanoModel, "-o", "nano.safetensors"},
		{"row", "nano.safetensors", "--like", nanoModel, "--name", "mine", "--classes", "names.txt"},
		{"push", "mine", "oci://" + host + "/models/mine:v1"},
	} {
		got := command(t, cache, args...)
		if got.status != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
		if args[0] == "row" {
			if err := os.WriteFile("zoo.toml", []byte(got.stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		address = strings.TrimSpace(got.stdout)
	}
	return "oci://" + host + "/models/mine:v1", address
}

// TestPushedRow: what one machine pushed, another one uses by the address, with neither file nor row.
func TestPushedRow(t *testing.T) {
	host, home := ociRegistry(t), t.TempDir()
	tag, address := pushedModel(t, home, host)
	five := imageFile(t, "val/00003.png")
	t.Chdir(t.TempDir())
	away := t.TempDir()
	play(t, away, []situation{
		{name: "info", args: []string{"info", address}, says: []string{"name           mine", "10 nought, one", address},
			never: []string{"like "}},
		{name: "predict", args: []string{"predict", address, five, "--top", "1"},
			says: []string{"0.9986  cinq", "mine, "}, never: []string{"overridden"}},
		{name: "offline", args: []string{"--offline", "predict", address, five, "--top", "1"}, says: []string{"0.9986  cinq"}},
		{name: "by tag", args: []string{"predict", tag, five}, says: []string{"cinq", tag + " is " + address}},
		{name: "by tag, offline", args: []string{"--offline", "predict", tag, five}, status: exitNetwork, says: []string{"offline", tag}},
		{name: "download", args: []string{"download", address}, says: []string{"checked by sha256, from catalogue " + address}},
		{name: "convert", args: []string{"convert", address, "--to", "npz", "-o", "mine.npz"}},
		{name: "embed", args: []string{"embed", address, five}},
		{name: "eval", args: []string{"eval", address, "--limit", "1"}, status: exitUsage},
		{name: "report", args: []string{"report", address}, says: []string{"mine "}},
		{name: "bench", args: []string{"bench", address, "--runs", "1"}},
		{name: "verify", args: []string{"verify", address}, status: exitInternal, says: []string{"no golden is embedded"}},
		{name: "pixels", args: []string{"pixels", five, "--for", address, "-o", "x.png"}},
		{name: "convert with its network", args: []string{"convert", "mine.npz", "--model", address, "--dry-run"}, status: exitCheckpoint},
		{name: "cached", args: []string{"cache", "ls"}, says: []string{"mine "}},
		{name: "the name alone", args: []string{"predict", "mine", five}, status: exitUnknown},
		{name: "pushed on", args: []string{"push", address, "oci://" + host + "/models/again:v1"}},
		{name: "no such tag", args: []string{"predict", "oci://" + host + "/models/mine:v2", five}, status: exitNetwork,
			says: []string{"HTTP status 404"}, never: []string{"zoo import"}},
		{name: "no address", args: []string{"predict", "oci://" + host + "/Models", five}, status: exitUsage,
			says: []string{"@sha256:DIGEST"}},
		{name: "two of a name", args: []string{"download", address, "oci://" + host + "/models/again:v1"}, status: exitUsage,
			says: []string{"are both called mine"}},
	})
	// A folder that somebody else filled will do.
	if got := command(t, t.TempDir(), "--offline", "predict", address, five); got.status != exitNetwork {
		t.Errorf("another cache, offline: %+v", got)
	}
}

// TestPushConverted pushes what was made of a file that needs a recipe or a name, and a built-in one.
func TestPushConverted(t *testing.T) {
	host, home := ociRegistry(t), t.TempDir()
	five := imageFile(t, "val/00003.png")
	t.Chdir(t.TempDir())
	at := "oci://" + host + "/nano:v1"
	got := command(t, home, "push", nanoModel, at)
	converted := command(t, home, "push", nanoModel, "oci://"+host+"/nano:v2", "--converted")
	if got.status != exitOK || converted.status != exitOK {
		t.Fatalf("%+v, %+v", got, converted)
	}
	play(t, t.TempDir(), []situation{
		{name: "built in", args: []string{"predict", strings.TrimSpace(got.stdout), five},
			says: []string{"0.9986"}, never: []string{"overridden"}},
		{name: "converted", args: []string{"predict", strings.TrimSpace(converted.stdout), five},
			says: []string{"0.9986", nanoModel + ": the built-in row is overridden: weights.sha256, weights.size, " +
				"weights.container by oci://"}},
		{name: "the built-in one", args: []string{"download", nanoModel},
			says: []string{"checked by sha256"}, never: []string{"overridden"}},
	})
}

// TestPushJSON says what was sent and what was there.
func TestPushJSON(t *testing.T) {
	host, cache := ociRegistry(t), t.TempDir()
	type blob struct {
		Title     string `json:"title"`
		MediaType string `json:"media_type"`
		Digest    string `json:"digest"`
		Size      int64  `json:"size"`
		There     bool   `json:"already_there"`
	}
	var got struct {
		Schema    int    `json:"schema_version"`
		Model     string `json:"model"`
		Reference string `json:"reference"`
		Tag       string `json:"tag"`
		Digest    string `json:"digest"`
		Config    blob   `json:"config"`
		Layers    []blob `json:"layers"`
	}
	for _, again := range []bool{false, true} {
		r := command(t, cache, "push", nanoModel, "oci://"+host+"/nano:v1", "--format", "json")
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.status != exitOK {
			t.Fatalf("%+v, %v", r, err)
		}
		holdsResult(t, readDoc(t), "zoo push", formatJSON, r)
		data := nanoBytes(t)
		want := []blob{{"cspresnet-nano_digits.pth", "application/octet-stream",
			fmt.Sprintf("sha256:%x", sha256.Sum256(data)), int64(len(data)), again}}
		if got.Layers[0].Title = "cspresnet-nano_digits.pth"; !cmp.Equal(want, got.Layers) || got.Config.There != again ||
			got.Config.MediaType != "application/vnd.gozoo.row.v1" {
			t.Errorf("again %v: %s%+v", again, cmp.Diff(want, got.Layers), got)
		}
		if got.Schema != 1 || got.Model != nanoModel || got.Tag != "v1" || got.Reference != "oci://"+host+"/nano@"+got.Digest {
			t.Errorf("%s", r.stdout)
		}
	}
}

// rowArtifact pushes a file with any text as its row, as a stranger may, and returns the address.
func rowArtifact(t *testing.T, host string, row, file []byte) string {
	t.Helper()
	return configArtifact(t, host, "application/vnd.gozoo.row.v1", row, file)
}

// configArtifact pushes a file with any config, and returns the address.
func configArtifact(t *testing.T, host, kind string, row, file []byte) string {
	t.Helper()
	put := func(path string, data []byte, media string) string {
		sum := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
		method, url := http.MethodPost, "http://"+host+"/v2/evil/blobs/uploads/?digest="+sum
		if media != "" {
			method, url = http.MethodPut, "http://"+host+"/v2/evil/manifests/"+path
		}
		req, err := http.NewRequest(method, url, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", media)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusCreated {
			t.Fatalf("%v, %+v", err, resp)
		}
		resp.Body.Close()
		return sum
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
		`"config":{"mediaType":%q,"digest":%q,"size":%d},`+
		`"layers":[{"mediaType":"application/octet-stream","digest":%q,"size":%d}]}`, kind, put("", row, ""), len(row), put("", file, ""),
		len(file))
	return "oci://" + host + "/evil@" + put("v1", []byte(manifest), "application/vnd.oci.image.manifest.v1+json")
}

// TestHostileRows has artifacts whose rows would act, lie or fill the memory: each is refused, and leaves
// nothing in the cache.
func TestHostileRows(t *testing.T) {
	host := ociRegistry(t)
	five := imageFile(t, "val/00003.png")
	home := t.TempDir()
	_, address := pushedModel(t, home, host)
	t.Chdir(t.TempDir())
	file := nanoBytes(t)
	row := func(edits ...string) []byte {
		text := fmt.Sprintf("[evil]\nfamily = \"cspnet\"\narch = \"cspresnet-nano\"\nclasses = 10\n"+
			"[evil.weights]\nsha256 = \"%x\"\nsize = %d\n[evil.input]\n"+
			"resize = { kind = \"none\" }\ncrop = 32\nmean = [0, 0, 0]\nstd = [1, 1, 1]\norder = \"rgb\"\nexif = \"apply\"\n",
			sha256.Sum256(file), len(file))
		return []byte(strings.NewReplacer(edits...).Replace(text))
	}
	if got := command(t, t.TempDir(), "predict", rowArtifact(t, host, row(), file), five); got.status != exitOK {
		t.Fatalf("the row that is edited below: %+v", got)
	}
	for name, tt := range map[string]struct {
		row  []byte
		says string
	}{
		"a file of this machine":   {row("\nsize =", "\nurl = \"file:/etc/passwd\"\nsize ="), "weights.url"},
		"a part of the program":    {row("\nsize =", "\nurl = \"embedded:x\"\nsize ="), "weights.url"},
		"another host":             {row("\nsize =", "\nurl = \"http://127.0.0.1:1/x\"\nsize ="), "weights.url"},
		"another file's":           {row("\nsize = ", "\nsize = 1"), "it is of a file of"},
		"no network":               {row("cspresnet-nano", "cspresnet-macro"), "cspresnet-macro"},
		"no family":                {row("\"cspnet\"", "\"nope\""), "nope"},
		"a control character":      {row("\nsize =", "\nlicence = \"\\u001b[2J\"\nsize ="), "licence"},
		"a base":                   {row("family", "base = \""+nanoModel+"\"\nfamily"), "base"},
		"two rows":                 {row("[evil]", "[other]\n[evil]"), "expected one row"},
		"a path for a name":        {row("[evil", "[\"../evil\""), "expected"},
		"another case":             {row("[evil", "[\"CSPResNet-nano_digits\""), "in case only"},
		"no text":                  {[]byte("\xff\xfe"), "UTF-8"},
		"more classes than memory": {row("classes = 10", "classes = 1000000000"), "classes"},
	} {
		cache := filepath.Join(t.TempDir(), "cache")
		got := command(t, cache, "predict", rowArtifact(t, host, tt.row, file), five)
		if got.status != exitCheckpoint || !strings.Contains(got.stderr, tt.says) || strings.Contains(got.stderr, "\x1b") {
			t.Errorf("%s: %+v, want exit status %d with %q", name, got, exitCheckpoint, tt.says)
		}
		if left, err := os.ReadDir(cache); err == nil {
			t.Errorf("%s: left %v", name, left)
		}
	}
	none := configArtifact(t, host, "application/vnd.oci.empty.v1+json", []byte("{}"), file)
	if got := command(t, t.TempDir(), "predict", none, five); got.status != exitCheckpoint || !strings.Contains(got.stderr, "has no row of zoo.toml") {
		t.Errorf("no row: %+v", got)
	}
	long := append(row(), bytes.Repeat([]byte("#"), 1<<20)...)
	if got := command(t, t.TempDir(), "predict", rowArtifact(t, host, long, file), five); got.status != exitNetwork ||
		!strings.Contains(got.stderr, "at most") {
		t.Errorf("a long row: %+v", got)
	}
	// A row of a name that is there stands for itself, once, and is told of.
	cache := t.TempDir()
	theirs := rowArtifact(t, host, row("[evil", "["+nanoModel), file)
	play(t, cache, []situation{
		{name: "before", args: []string{"predict", nanoModel, five}, says: []string{"0.9986"}},
		{name: "a built-in name", args: []string{"predict", theirs, five},
			says: []string{nanoModel + ": the built-in row is overridden: labels, "}},
		{name: "after", args: []string{"--offline", "predict", nanoModel, five}, says: []string{"0.9986"}, never: []string{"overridden"}},
		{name: "another's mine", args: []string{"predict", address, five}, says: []string{"cinq"}, never: []string{"overridden"}},
	})
	// What a project pins holds for what comes by an address, too.
	if got := command(t, cache, "lock", theirs); got.status != exitOK {
		t.Fatal(got)
	}
	other := append(bytes.Clone(file), 0)
	swapped := rowArtifact(t, host, bytes.ReplaceAll(row("[evil", "["+nanoModel, fmt.Sprintf("size = %d", len(file)),
		fmt.Sprintf("size = %d", len(other))),
		[]byte(fmt.Sprintf("%x", sha256.Sum256(file))), []byte(fmt.Sprintf("%x", sha256.Sum256(other)))), other)
	play(t, cache, []situation{
		{name: "pinned", args: []string{"download", theirs}, says: []string{"checked by sha256"}},
		{name: "pinned by nobody", args: []string{"download", address},
			says: []string{"mine: not added to zoo.lock", "zoo lock mine adds it"}},
		{name: "another file", args: []string{"download", swapped}, status: exitDigest, says: []string{"zoo.lock pins sha256"}},
	})
}

// TestArtifactAndKey: with a key, an address is used whose file the signed lock file pins, by its name.
func TestArtifactAndKey(t *testing.T) {
	host, home := ociRegistry(t), t.TempDir()
	tag, address := pushedModel(t, home, host)
	five := imageFile(t, "val/00003.png")
	t.Chdir(t.TempDir())
	cache := filepath.Join(t.TempDir(), "cache")
	key := []string{"--lock-key", "key.pub"}
	with := func(args ...string) []string { return append(key[:2:2], args...) }
	play(t, cache, []situation{
		{name: "key", args: []string{"lock", "key", "key"}},
		{name: "no lock file", args: with("predict", address, five), status: exitDigest, says: []string{"zoo.lock"}},
	})
	if left, err := os.ReadDir(cache); err == nil {
		t.Errorf("what was refused left %v", left)
	}
	play(t, cache, []situation{
		{name: "a tag is not pinned", args: with("lock", tag), status: exitDigest, says: []string{"a tag can be moved"}},
		{name: "pinned", args: with("lock", address), says: []string{"1 pinned", "not signed"}},
		{name: "not signed", args: with("predict", address, five), status: exitDigest},
		{name: "sign", args: []string{"lock", "sign", "--key", "key"}},
		{name: "signed", args: with("predict", address, five), says: []string{"cinq"}},
		{name: "again, offline", args: with("--offline", "predict", address, five), says: []string{"cinq"}},
		{name: "a tag", args: with("predict", tag, five), status: exitDigest, says: []string{"a tag can be moved"}},
		{name: "another model", args: with("push", nanoModel, "oci://"+host+"/nano:v1"), status: exitDigest},
		{name: "pushed without a key", args: []string{"push", nanoModel, "oci://" + host + "/nano:v1"}},
	})
	var nano struct {
		Reference string `json:"reference"`
	}
	got := command(t, cache, "push", nanoModel, "oci://"+host+"/nano:v1", "--format", "json")
	if err := json.Unmarshal([]byte(got.stdout), &nano); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{{name: "not in the lock file", args: with("predict", nano.Reference, five), status: exitDigest,
		says: []string{"it is not in zoo.lock"}}})
}
