package zoo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/tensor"
)

// A theirs is a network of another project: its weights under that project's names, and its logits.
type theirs struct {
	golden  *golden.Golden
	network string
	config  []byte // of transformers
	weights []byte // a safetensors file
}

// theirNetwork makes a network of golden/foreign.
func theirNetwork(t *testing.T, name string) theirs {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("golden", "foreign", name+".safetensors.zst"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	data, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	g, err := golden.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	meta := file.Metadata()
	var sd tensor.StateDict
	for line := range strings.SplitSeq(meta["state_dict"], "\n") {
		var key, dtype, size string
		if _, err := fmt.Sscan(line, &key, &dtype, &size); err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		var shape tensor.Shape
		for n := range strings.FieldsFuncSeq(size, func(r rune) bool { return r == 'x' || r == '-' }) {
			var side int
			if _, err := fmt.Sscan(n, &side); err != nil {
				t.Fatal(err)
			}
			shape = append(shape, side)
		}
		x, err := golden.SyntheticTensor(key, map[string]tensor.DType{"float32": tensor.F32, "int64": tensor.I64}[dtype], shape, g.Weights)
		if err == nil {
			err = sd.Add(key, x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, &sd, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	config := []byte(meta["config"])
	if len(config) > 0 { // what save_pretrained adds
		class := map[string]string{"vit_tiny": "ViT", "resnet18": "ResNet", "efficientnet_b0": "EfficientNet"}[meta["network"]]
		var said map[string]any
		if err := json.Unmarshal(config, &said); err != nil {
			t.Fatal(err)
		}
		said["architectures"], said["num_labels"] = []string{class + "ForImageClassification"}, 1000
		if config, err = json.Marshal(said); err != nil {
			t.Fatal(err)
		}
	}
	return theirs{g, meta["network"], config, b.Bytes()}
}

// A hubServer answers as a hub does, with files by their repository and name.
type hubServer struct {
	*httptest.Server
	mu    sync.Mutex
	main  string            // the commit of the branch
	files map[string][]byte // "org/name/file"
	gated bool
	seen  []string
}

const hubCommit = "0123456789abcdef0123456789abcdef01234567"

func startHubServer(t *testing.T, files map[string][]byte) *hubServer {
	h := &hubServer{files: files, main: hubCommit}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = append(h.seen, r.Method+" "+r.URL.Path)
		part := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 5) // org, name, resolve, revision, file
		data, ok := h.files[part[0]+"/"+part[1]+"/"+part[len(part)-1]]
		switch {
		case h.gated:
			w.WriteHeader(http.StatusUnauthorized)
			return
		case !ok || part[3] != "main" && part[3] != hubCommit && part[3] != h.main:
			w.WriteHeader(http.StatusNotFound)
			return
		}
		commit := part[3]
		if commit == "main" {
			commit = h.main
		}
		w.Header().Set("X-Repo-Commit", commit)
		if !strings.HasSuffix(r.URL.Path, ".json") {
			sum := sha256.Sum256(data)
			w.Header().Set("X-Linked-Etag", `"`+hex.EncodeToString(sum[:])+`"`)
			w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(h.Close)
	return h
}

// timmConfig is the config.json that timm writes of a network.
func timmConfig(t *testing.T, network string, changes map[string]any) []byte {
	t.Helper()
	pool := "avg"
	if strings.HasPrefix(network, "deit") || strings.HasPrefix(network, "vit") {
		pool = "token"
	}
	config := map[string]any{"architecture": network, "num_classes": 1000, "global_pool": pool, "model_args": map[string]any{"num_classes": 1000, "in_chans": 3, "global_pool": pool},
		"pretrained_cfg": map[string]any{"input_size": []int{3, 224, 224}, "interpolation": "bicubic", "crop_pct": 0.875, "num_classes": 1000, "license": "apache-2.0"}}
	for key, value := range changes {
		config[key] = value
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestHubModel serves networks of timm and transformers as a hub does, and wants their own logits from no more than the address
// of the repository, and again from the cache without a network.
func TestHubModel(t *testing.T) {
	const vitProcessor = `{"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}}`
	const convProcessor = `{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}}`
	for _, tt := range []struct{ file, arch, processor string }{
		{"timm.mobilenetv3_small_050", "mobilenet-v3-small-050", ""},
		{"timm.deit_tiny_patch16_224", "vit-tiny-p16", ""},
		{"transformers.vit_tiny", "vit-tiny-p16-eps1e-12", vitProcessor},
		{"transformers.resnet18", "resnet18", convProcessor},
		{"transformers.efficientnet_b0", "", convProcessor},
	} {
		t.Run(tt.file, func(t *testing.T) {
			n := theirNetwork(t, tt.file)
			repository := "org/" + n.network
			files := map[string][]byte{repository + "/model.safetensors": n.weights, repository + "/config.json": n.config}
			if tt.processor == "" {
				files[repository+"/config.json"] = timmConfig(t, n.network, nil)
			} else {
				files[repository+"/preprocessor_config.json"] = []byte(tt.processor)
			}
			h := startHubServer(t, files)
			dir := t.TempDir()
			config := func(c *zoo.Config) { c.CacheDir, c.Offline, c.Hub = dir, false, hub.Hub{Endpoint: h.URL} }
			for _, offline := range []bool{false, true} {
				z := newZoo(t, config, func(c *zoo.Config) { c.Offline = offline })
				e, err := z.HubModel(t.Context(), "hf://"+repository, zoo.PullOptions{})
				if err != nil {
					t.Fatalf("offline %v: %v", offline, err)
				}
				if tt.arch != "" && e.Arch != tt.arch || e.Name != repository || e.Weights.URL != "hf://"+repository+"/model.safetensors@"+hubCommit {
					t.Errorf("%+v", e)
				}
				z = newZoo(t, config, func(c *zoo.Config) { c.Offline, c.Entries = offline, []*registry.Entry{e} })
				m, err := z.Open(t.Context(), repository)
				if err != nil {
					t.Fatalf("offline %v: %v", offline, err)
				}
				defer m.Close()
				compareLogits(t, m, n.golden)
			}
			h.files[repository+"/model.safetensors"] = nil // nobody may ask for it again
		})
	}
}

// compareLogits wants a model's logits of a golden's input to be those of the golden, within 1e-4 of its largest.
func compareLogits(t *testing.T, m *model.Model, g *golden.Golden) {
	t.Helper()
	input, err := g.NetworkInput()
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(t.Context(), model.Tensor(g.Shape, input))
	if err != nil {
		t.Fatal(err)
	}
	scale, off := 0.0, 0.0
	for i, want := range g.Logits {
		scale = max(scale, math.Abs(float64(want)))
		off = max(off, math.Abs(float64(want-slices.Concat(logits...)[i])))
	}
	if off > 1e-4*scale {
		t.Errorf("logits are off by %g of %g", off, scale)
	}
}

// TestHubModelRefuses wants refusals that say what is wrong, and nothing that a later run would take.
func TestHubModelRefuses(t *testing.T) {
	n := theirNetwork(t, "timm.mobilenetv3_small_050")
	const repository = "timm/mobilenetv3_small_050.lamb_in1k"
	good := func() map[string][]byte {
		return map[string][]byte{repository + "/model.safetensors": n.weights, repository + "/config.json": timmConfig(t, n.network, nil)}
	}
	for _, tt := range []struct {
		name string
		edit func(h *hubServer)
		is   error
		text string
	}{
		{"unknown architecture", func(h *hubServer) { h.files[repository+"/config.json"] = timmConfig(t, "mobilenetv3_huge_050", nil) }, zoo.ErrUnknown, "mobilenetv3_huge_050"},
		{"one of the same tensors", func(h *hubServer) {
			h.files[repository+"/config.json"] = timmConfig(t, "mobilenetv3_large_075", nil)
		}, zoo.ErrUnknown, ""},
		{"changed arguments", func(h *hubServer) {
			h.files[repository+"/config.json"] = timmConfig(t, n.network, map[string]any{"model_args": map[string]any{"norm_eps": 1e-3}})
		}, zoo.ErrCheckpoint, `"norm_eps"`},
		{"no text", func(h *hubServer) { h.files[repository+"/config.json"] = []byte("<html>") }, zoo.ErrCheckpoint, "config.json"},
		{"no weights", func(h *hubServer) { delete(h.files, repository+"/model.safetensors") }, zoo.ErrDigest, "none of model.safetensors"},
		{"no repository", func(h *hubServer) { h.files = nil }, zoo.ErrNetwork, "404"},
		{"gated", func(h *hubServer) { h.gated = true }, zoo.ErrNetwork, "HF_TOKEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHubServer(t, good())
			tt.edit(h)
			dir := t.TempDir()
			z := newZoo(t, func(c *zoo.Config) { c.CacheDir, c.Offline, c.Hub = dir, false, hub.Hub{Endpoint: h.URL} })
			e, err := z.HubModel(t.Context(), "hf://"+repository, zoo.PullOptions{})
			if err == nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%+v, %v: want %v with %q", e, err, tt.is, tt.text)
			}
			z = newZoo(t, func(c *zoo.Config) { c.CacheDir = dir })
			if e, err := z.HubModel(t.Context(), "hf://"+repository, zoo.PullOptions{}); !errors.Is(err, zoo.ErrNetwork) {
				t.Errorf("afterwards, without a network: %+v, %v", e, err)
			}
		})
	}
	// A file that is another one than the hub states is not used.
	h := startHubServer(t, good())
	z := newZoo(t, func(c *zoo.Config) { c.Offline, c.Hub = false, hub.Hub{Endpoint: h.URL} })
	e, err := z.HubModel(t.Context(), "hf://"+repository, zoo.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Published.Top1.String() == "" {
		t.Errorf("the built-in row's figures are not there: %+v", e.Published)
	}
	z = newZoo(t, func(c *zoo.Config) {
		c.Offline, c.Hub, c.Entries = false, hub.Hub{Endpoint: h.URL}, []*registry.Entry{e}
	})
	h.mu.Lock()
	h.files[repository+"/model.safetensors"] = n.weights[:len(n.weights)-4]
	h.mu.Unlock()
	if m, err := z.Open(t.Context(), repository); err == nil {
		m.Close() // the hub states the digest of what it has
	}
}

// TestHubModelPinned pins a repository's model: its commit stays where the branch moves on, and where a key is asked for
// nothing else of the repository is used.
func TestHubModelPinned(t *testing.T) {
	n := theirNetwork(t, "timm.mobilenetv3_small_050")
	const repository = "org/net"
	h := startHubServer(t, map[string][]byte{repository + "/model.safetensors": n.weights, repository + "/config.json": timmConfig(t, n.network, nil)})
	dir := t.TempDir()
	private := filepath.Join(dir, "key.pem")
	if err := lock.WriteKeys(private); err != nil {
		t.Fatal(err)
	}
	open := func(change ...func(*zoo.Config)) *zoo.Zoo {
		return newZoo(t, append([]func(*zoo.Config){func(c *zoo.Config) {
			c.Offline, c.Hub, c.Lock = false, hub.Hub{Endpoint: h.URL}, filepath.Join(dir, "zoo.lock")
		}}, change...)...)
	}
	keyed := func(c *zoo.Config) { c.LockKey = private + ".pub" }
	row := func(address string, toPin bool, change ...func(*zoo.Config)) (*registry.Entry, error) {
		return open(change...).HubModel(t.Context(), address, zoo.PullOptions{ToPin: toPin})
	}
	if e, err := row("hf://"+repository, false, keyed); err == nil {
		t.Errorf("with a key and no lock file: %+v", e)
	}
	e, err := row("hf://"+repository, true)
	if err != nil {
		t.Fatal(err)
	}
	z := open(func(c *zoo.Config) { c.Entries = []*registry.Entry{e} })
	if _, err := z.Pin(t.Context(), []string{repository}, false); err != nil {
		t.Fatal(err)
	}
	if err := z.SignLock(private); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.main = strings.Repeat("f", 40)
	h.files[repository+"/config.json"] = timmConfig(t, "mobilenetv3_small_075", nil)
	h.mu.Unlock()
	for name, change := range map[string]func(*zoo.Config){"pinned": func(*zoo.Config) {}, "with a key": keyed} {
		e, err := row("hf://"+repository, false, change)
		if err != nil || !strings.HasSuffix(e.Weights.URL, "@"+hubCommit) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	if e, err := row("hf://"+repository+"@main", false, keyed); !errors.Is(err, zoo.ErrDigest) {
		t.Errorf("a branch, with a key: %+v, %v", e, err)
	}
	if e, err := row("hf://"+repository+"@main", false); err != nil || e.Arch != "mobilenet-v3-small-075" {
		t.Errorf("a branch, without a key: %+v, %v", e, err)
	}
}
