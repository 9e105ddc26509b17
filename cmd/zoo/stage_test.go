package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
)

// A stage is a working directory for examples. What an example names is put there before it runs:
// pictures, checkpoints, logs, keys and bundles of their suffix, all made of the embedded
// networks. Models that are not embedded are played by one that is, under their names. Hubs
// and registries are a server on this machine.
type stage struct {
	*testing.T
	cache, server string
	nano, row     string // the embedded network's checkpoint, and its row in zoo.toml
	rows          string // the user's zoo.toml, with those that are played
	registry      *registry.Registry
	played        []string // names
}

func newStage(t *testing.T) *stage {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, dir)
	}
	settings, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, cache: filepath.Join(dir, "cache"), nano: filepath.Join(dir, "nano.pth")}
	s.rows = filepath.Join(settings, "zoo", "zoo.toml")
	work := filepath.Join(dir, "work")
	five, err := os.ReadFile("../../docs/five.png") // which the README shows
	if err != nil {
		t.Fatal(err)
	}
	s.write(s.rows, nil)
	s.write(s.nano, nanoBytes(t))
	s.write(filepath.Join(work, "docs", "five.png"), five)
	oci := ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			oci.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Repo-Commit", strings.Repeat("0", 40))
		w.Header().Set("X-Linked-Etag", `"`+digest.Of(sha256.Sum256(nanoBytes(t))).String()+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(nanoBytes(t))))
		w.Write(nanoBytes(t))
	}))
	t.Cleanup(server.Close)
	s.server = server.URL
	t.Setenv("HF_ENDPOINT", s.server)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // nothing leaves this machine
	z, err := zoo.New(zoo.Config{CacheDir: s.cache})
	if err != nil {
		t.Fatal(err)
	}
	s.registry = z.Registry()
	_, s.row, _ = strings.Cut(document(t, "zoo.toml"), "\n["+nanoModel+"]\n")
	s.row, _, _ = strings.Cut(s.row, "\n[cspresnext")
	t.Chdir(work)
	return s
}

func (s *stage) write(name string, data []byte) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		s.Fatal(err)
	}
}

// address returns an argument with the stage's server in place of others.
func (s *stage) address(arg string) string {
	for _, scheme := range []string{"oci://", "https://", "http://"} {
		if rest, ok := strings.CutPrefix(arg, scheme); ok {
			_, path, _ := strings.Cut(rest, "/")
			server := s.server + "/"
			if scheme == "oci://" {
				server = scheme + strings.TrimPrefix(server, "http://")
			}
			return server + path
		}
	}
	return arg
}

// own are the names that examples give to models of their own.
var own = []string{"flowers"}

// play has an embedded network play a model that is not, or all models of a pattern.
func (s *stage) play(name string) {
	if strings.ContainsAny(name, "*?[") {
		for _, known := range s.registry.Names() {
			if ok, err := path.Match(name, known); ok && err == nil {
				s.play(known)
			}
		}
		return
	}
	if entry, err := s.registry.Lookup(name); err == nil {
		name = entry.Name // of an alias
	} else if _, err := os.Stat("zoo.toml"); err == nil || !slices.Contains(own, name) {
		return
	}
	if strings.HasSuffix(name, "-nano_digits") || slices.Contains(s.played, name) {
		return
	}
	s.played = append(s.played, name)
	row := "[" + name + "]\n" + strings.ReplaceAll(s.row, nanoModel+".", name+".")
	_, url, _ := strings.Cut(row, "url = ")
	url, _, _ = strings.Cut(url, "\n")
	row = strings.Replace(row, url, fmt.Sprintf("%q", "file:"+filepath.ToSlash(s.nano)), 1)
	rows, err := os.ReadFile(s.rows)
	if err != nil {
		s.Fatal(err)
	}
	s.write(s.rows, append(rows, row+"\n"...))
}

// prop puts onto the stage what a word of a command line names, unless it is there: place
// is the command whose argument it is, or the flag whose value. It may be one of several.
func (s *stage) prop(place, word string, position ...int) {
	s.Helper()
	if !slices.Contains([]string{"zoo info", "zoo list", "zoo report", "--for", "--name"}, place) { // the others want weights
		s.play(word)
	}
	if _, err := os.Stat(word); err == nil || word == "" || strings.Contains(word, "://") {
		return
	}
	switch ext := filepath.Ext(word); {
	case strings.HasSuffix(word, "golden.safetensors"):
		s.golden(word)
	case ext == ".jpg", ext == ".jpeg", ext == ".png":
		s.write(word, s.picture(ext))
	case ext == ".pth", ext == ".pt", ext == ".ckpt", ext == ".bin":
		s.write(word, nanoBytes(s.T))
	case ext == ".safetensors", ext == ".onnx", ext == ".npz":
		s.zoo("convert", nanoModel, "-o", word)
	case ext == ".key":
		s.zoo("lock", "key", word)
	case ext == ".pub":
		s.prop("", strings.TrimSuffix(word, ext))
	case ext == ".lock":
		s.zoo("lock", nanoModel, "--lock", word)
	case ext == ".tar", strings.HasSuffix(word, ".tar.zst"):
		s.prop("", "release.key")
		s.zoo("bundle", "create", nanoModel, "-o", word, "--key", "release.key")
	case ext == ".jsonl":
		shard := "1/1"
		if len(position) == 2 {
			shard = fmt.Sprintf("%d/%d", position[0]+1, position[1])
		}
		s.zoo("eval", nanoModel, "-o", word, "--shard", shard, "--allow-chance")
	case ext == ".txt":
		s.write(word, []byte("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"))
	case ext == ".toml":
		s.write(word, nil)
	case place == "--data", place == "--images":
		if err := os.MkdirAll(word, 0o700); err != nil {
			s.Fatal(err)
		}
		if err := os.CopyFS(word, os.DirFS(digitsFolder(s.T, 20))); err != nil {
			s.Fatal(err)
		}
	case strings.HasSuffix(word, "/"):
		s.write(filepath.Join(word, "net.pth"), nanoBytes(s.T))
		s.write(filepath.Join(word, "picture.png"), s.picture(".png"))
	}
}

// zoo runs a command that makes something for the stage.
func (s *stage) zoo(args ...string) {
	s.Helper()
	if got := command(s.T, s.cache, args...); got.status != exitOK {
		s.Fatalf("zoo %q: exit status %d: %s", args, got.status, got.stderr)
	}
}

// picture returns an embedded image as a file with that suffix.
func (s *stage) picture(ext string) []byte {
	data := embedded(s.T, "val/00003.png")
	if ext == ".png" {
		return data
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		s.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.Image(img), nil); err != nil {
		s.Fatal(err)
	}
	return b.Bytes()
}

// golden writes a golden of the model that is played.
func (s *stage) golden(path string) {
	f, err := safetensors.Open(goldenFile(s.T, nanoModel, func(string, []float32) {}))
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	facts := f.Metadata()
	if len(s.played) > 0 {
		facts["model"] = s.played[0]
	}
	if err := safetensors.WriteFile(path, f.StateDict(), facts); err != nil {
		s.Fatal(err)
	}
}
