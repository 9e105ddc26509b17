package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/internal/race"
)

const standInDigest = "21405014b243628603fc67f8913a24a61b5ed7530505f8d1e43db8d37d0d56df"

// slowInRace leaves a test out that computes EfficientNet-Lite0 many times. What the race detector could
// find there it finds in package zoo, whose stand-in is small.
func slowInRace(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("takes long under the race detector")
	}
}

// photograph writes one of the program's photographs into a folder.
func photograph(t testing.TB, dir, name string) string {
	t.Helper()
	data, err := embeddedFS.ReadFile("embedded/" + name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A picture is named without a model's name, a network or anything in the cache, and what was taken
// for what is said, by one rule.
func TestSubjects(t *testing.T) {
	slowInRace(t)
	dir := t.TempDir()
	cache := filepath.Join(dir, "cache")
	t.Chdir(dir)
	for _, name := range []string{"coffee.jpg", "chelsea.jpg"} {
		photograph(t, dir, name)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	coffee, err := os.ReadFile("coffee.jpg")
	if err != nil {
		t.Fatal(err)
	}
	write("espresso", coffee) // a picture without a suffix
	write("digit.png", embedded(t, "val/00003.png"))
	for _, args := range [][]string{
		{"convert", nanoModel, "-o", "digits.safetensors"}, {"convert", nanoModel, "-o", "digits.pth"},
	} {
		if got := command(t, cache, args...); got.status != exitOK {
			t.Fatal(got)
		}
	}
	said, err := os.ReadFile("digits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) []byte { return []byte(strings.Replace(string(said), old, new, 1)) }
	write("nameless.safetensors", replaced(`"model":`, `"modem":`))
	write("stranger.safetensors", replaced(`"model":"cspresnet`, `"model":"cspresnot`))
	write(nanoModel, embedded(t, "val/00003.png")) // a picture that is called as a model is
	shown := "is shown to " + standInName
	play(t, cache, []situation{
		{name: "a picture", args: []string{"predict", "coffee.jpg"},
			says: []string{"967  0.95", "espresso", "coffee.jpg is taken for a picture", shown, "published file 57934424 is not here",
				"float16", "sha256:" + standInDigest}},
		{name: "without a network", args: []string{"predict", "--offline", "coffee.jpg"}, says: []string{"espresso"}},
		{name: "by an alias", args: []string{"predict", "efficientnet_lite0", "coffee.jpg"}, says: []string{"967  0.95",
			"sha256:" + standInDigest}},
		{name: "two pictures", args: []string{"predict", "coffee.jpg", "chelsea.jpg", "--top", "1"}, says: []string{"espresso", "tiger cat"}},
		{name: "a folder", args: []string{"predict", ".", "--top", "1"}, says: []string{"espresso", "tiger cat", ". is taken for a picture"}},
		{name: "a picture without a suffix", args: []string{"predict", "./espresso"},
			says: []string{"967  0.95", "./espresso is taken for a picture"}},
		{name: "quietly", args: []string{"predict", "-q", "coffee.jpg"}, says: []string{"espresso"}, never: []string{"taken", "here"}},
		{name: "features", args: []string{"embed", "coffee.jpg"}, says: []string{"coffee.jpg,0", "is taken for a picture"}},
		{name: "other preprocessing", args: []string{"predict", "coffee.jpg", "--resize", "224"}, says: []string{"espresso"}},
		{name: "a name", args: []string{"predict", nanoModel, "digit.png"}, says: []string{"./" + nanoModel + " would be the file"}},
		{name: "a name that is a file too", args: []string{"predict", nanoModel, "./" + nanoModel},
			says: []string{"5  0.99", "is taken for the model of that name, not for the file"}},
		{name: "that file", args: []string{"predict", "./" + nanoModel}, says: []string{"is taken for a picture", shown}},
		{name: "a name alone", args: []string{"predict", nanoModel}, status: exitUsage,
			says: []string{"is taken for the model: expected an IMAGE after it"}},
		{name: "a checkpoint", args: []string{"predict", "digits.safetensors", "digit.png"},
			says: []string{"5  0.99", "digits.safetensors is taken for a checkpoint: it says that it is of " + nanoModel}},
		{name: "one of torch", args: []string{"predict", "digits.pth", "digit.png"},
			says: []string{"5  0.99", "it says that it is of " + nanoModel}},
		{name: "a checkpoint by a flag", args: []string{"predict", "--checkpoint", "digits.safetensors", "digit.png"},
			says: []string{"5  0.99", "digits.safetensors says that it is of"}},
		{name: "its preprocessing", args: []string{"pixels", "digit.png", "--for", "digits.safetensors", "-o", "seen.png"},
			says: []string{"32 x 32 pixels"}},
		{name: "a checkpoint that does not say", args: []string{"predict", "nameless.safetensors", "digit.png"}, status: exitUsage,
			says: []string{"nameless.safetensors does not say which model it is of: name it, as in: NAME --checkpoint nameless.safetensors IMAGE", "the tensors are those of " + nanoModel}},
		{name: "as it advises", args: []string{"predict", nanoModel, "--checkpoint", "nameless.safetensors", "digit.png"},
			says: []string{"5  0.99"}},
		{name: "a checkpoint of a model that is not known", args: []string{"predict", "stranger.safetensors", "digit.png"}, status: exitUnknown,
			says: []string{"stranger.safetensors says that it is of a model that is not known here", "did you mean " + nanoModel}},
		{name: "a checkpoint alone", args: []string{"predict", "digits.safetensors"}, status: exitUsage,
			says: []string{"expected an IMAGE after it"}},
		{name: "a slip in a name", args: []string{"predict", "cspresnet-nano_digit", "digit.png"}, status: exitUnknown,
			says: []string{"did you mean " + nanoModel}},
		{name: "no such picture", args: []string{"predict", "nothing.jpg"}, status: exitUsage,
			says: []string{"nothing.jpg: there is no such file"}},
		{name: "no such checkpoint", args: []string{"predict", "nothing.safetensors", "digit.png"}, status: exitUsage,
			says: []string{"nothing.safetensors: there is no such file"}},
		{name: "nothing", args: []string{"predict"}, status: exitUsage},
	})
	if _, err := os.Stat(filepath.Join(cache, "refs", standInName)); err == nil {
		t.Error("the stand-in is in the cache")
	}
}

// What the program brings along says what it is wherever it is met, and claims nothing for the
// published file.
func TestStandInIsSaid(t *testing.T) {
	slowInRace(t)
	dir := t.TempDir()
	cache := filepath.Join(dir, "cache")
	t.Chdir(dir)
	if err := os.MkdirAll(filepath.Join("set", "espresso"), 0o755); err != nil {
		t.Fatal(err)
	}
	photograph(t, filepath.Join("set", "espresso"), "coffee.jpg")
	if got := command(t, cache, "lock", "key", "k"); got.status != exitOK {
		t.Fatal(got)
	}
	computed, err := embeddedFS.ReadFile("embedded/" + standIns()[0].Golden)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("g.zst", computed, 0o600); err != nil {
		t.Fatal(err)
	}
	const published = "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
	play(t, cache, []situation{
		{name: "list", args: []string{"list", standInName}, says: []string{"embedded float16"}},
		{name: "info", args: []string{"info", standInName},
			says: []string{published, "embedded       sha256:" + standInDigest + ", float16 of that file, used as long as the published file is not here"}},
		{name: "as JSON", args: []string{"info", standInName, "--format", "json"},
			says: []string{`"kind": "float16"`, `"sha256": "` + standInDigest}},
		{name: "overview", says: []string{"4 embedded"}},
		{name: "verify", args: []string{"verify", standInName}, says: []string{
			"PASS " + standInName + " 1x3x224x224 synthetic:0", "PASS " + standInName + " 2x3x224x224 sha256:" + standInDigest,
			"these weights are float16 of the published file " + published, "301056 values, equal to the reference's"}},
		{name: "verify by that golden", args: []string{"verify", standInName, "--golden", "g.zst"}, says: []string{"PASS", standInDigest},
			never: []string{"is not here"}},
		{name: "report", args: []string{"report", standInName},
			says: []string{"75.1 -        - -  rounded  -"}, never: []string{standInDigest[:12]}},
		{name: "evaluated", args: []string{"eval", standInName, "--data", "set", "-o", "run.jsonl", "--no-strict"}, says: []string{"1 of 1"}},
		{name: "not entered as the published file's", args: []string{"report", "--measured", "run.jsonl"}, status: exitUsage,
			says: []string{"was evaluated with weights sha256:" + standInDigest + ", the published ones are " + published}},
		{name: "the published file", args: []string{"download", standInName}, status: exitNetwork,
			says: []string{"zoo import " + standInName}},
		{name: "ONNX", args: []string{"convert", standInName, "-o", "net.onnx"},
			says: []string{"net.onnx", "float16 weights that are part of the program"}},
		{name: "a key without a lock file", args: []string{"predict", "--lock-key", "k.pub", "set"}, status: exitDigest},
		{name: "lock", args: []string{"lock", standInName}, says: []string{standInDigest}},
		{name: "sign", args: []string{"lock", "sign", "--key", "k"}},
		{name: "a key", args: []string{"predict", "--lock-key", "k.pub", "set"}, says: []string{"espresso", "sha256:" + standInDigest}},
		{name: "verify with a key", args: []string{"verify", standInName, "--lock-key", "k.pub"}, says: []string{standInDigest}},
		{name: "a bundle has no room for it", args: []string{"bundle", "create", standInName, "-o", "b.tar"}, status: exitDigest},
		{name: "another lock file", args: []string{"lock", nanoModel, "--lock", "other.lock"}},
		{name: "signed too", args: []string{"lock", "sign", "--key", "k", "--lock", "other.lock"}},
		{name: "not in it", args: []string{"predict", "--lock", "other.lock", "--lock-key", "k.pub", "set"}, status: exitDigest,
			says: []string{"it is not in other.lock"}},
		{name: "nor verified by a golden that is named", args: []string{"verify", standInName, "--lock", "other.lock", "--lock-key",
			"k.pub", "--golden", "g.zst"},
			status: exitDigest, says: []string{"it is not in other.lock"}},
		{name: "nor shown", args: []string{"demo", "--lock", "other.lock", "--lock-key", "k.pub"}, status: exitDigest,
			says: []string{"it is not in other.lock"}},
		{name: "a demo without a network", args: []string{"demo", "--offline", "-o", "set"}, says: []string{
			"967  0.95", "espresso", "@ speaking most for it", "17 layers and the outcome differ by at most",
			"cspresnext50_3rdparty_8xb32_in1k  20.57 20.57"}},
		{name: "one of them", args: []string{"predict", filepath.Join("set", "chelsea.jpg"), "--top", "1"}, says: []string{"282", "tiger cat"}},
		{name: "a folder that is not there", args: []string{"demo", "-o", "none"}, status: exitUsage,
			says: []string{"none: expected a folder that is there"}, never: []string{"espresso"}},
		{name: "nor verified", args: []string{"verify", standInName, "--lock", "other.lock", "--lock-key", "k.pub"},
			says:  []string{"synthetic:0", "the weights that are part of the program are not verified", "it is not in other.lock"},
			never: []string{"301056"}},
	})
}

// The float16 weights call pictures as the published ones do, wherever these are sure.
func TestStandInLabels(t *testing.T) {
	slowInRace(t)
	real := corpus(t, "real")
	cache := t.TempDir()
	if got := command(t, cache, "import", standInName, filepath.Join(real, "efficientnet-lite0-57934424.pth")); got.status != exitOK {
		t.Fatal(got)
	}
	pictures := []string{filepath.Join(real, "images"), photograph(t, t.TempDir(), coffeePicture), photograph(t, t.TempDir(), chelseaPicture)}
	label := func(cache, digest string) (top [][]int, scores [][]float64) {
		got := command(t, cache, append([]string{"predict", "--format", "json", "--top", "2", standInName}, pictures...)...)
		var out struct {
			Weights string
			Results []struct {
				Top []struct {
					Class int
					Score float64
				}
			}
		}
		if err := json.Unmarshal([]byte(got.stdout), &out); err != nil || out.Weights != "sha256:"+digest {
			t.Fatalf("weights %s, %v; want %s: %s", out.Weights, err, digest, got.stderr)
		}
		for _, r := range out.Results {
			top = append(top, []int{r.Top[0].Class, r.Top[1].Class})
			scores = append(scores, []float64{r.Top[0].Score, r.Top[1].Score})
		}
		return top, scores
	}
	half, _ := label(t.TempDir(), standInDigest)
	whole, scores := label(cache, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")
	if len(whole) != 7 {
		t.Errorf("%d pictures, want 7", len(whole))
	}
	for i := range whole {
		// Two logits differ as the logarithms of their scores do.
		if margin := math.Log(scores[i][0] / scores[i][1]); margin > 0.05 && half[i][0] != whole[i][0] {
			t.Errorf("picture %d: class %d in float16, %d as published, by %.3f", i, half[i][0], whole[i][0], margin)
		}
	}
}

// The embedded checkpoint is the published one, each number rounded once, and says so.
func TestStandInIsThePublishedFile(t *testing.T) {
	slowInRace(t)
	published := filepath.Join(corpus(t, "real"), "efficientnet-lite0-57934424.pth")
	rounded := filepath.Join(t.TempDir(), "rounded.safetensors")
	if got := command(t, t.TempDir(), "convert", published, "--model", standInName, "--dtype", "f16", "-o", rounded); got.status != exitOK {
		t.Fatal(got)
	}
	want, err := converter.Open(rounded)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	brought := standIns()[0]
	data, err := fs.ReadFile(brought.Files, brought.File)
	if err != nil {
		t.Fatal(err)
	}
	got, err := converter.Parse(brought.File, data)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	for _, key := range []string{converter.MetaModel, converter.MetaSHA256, converter.MetaSource} {
		if got.Metadata[key] == "" || got.Metadata[key] != want.Metadata[key] {
			t.Errorf("%s: %q, want %q", key, got.Metadata[key], want.Metadata[key])
		}
	}
	if brought.Of.String() != want.Metadata[converter.MetaSHA256] {
		t.Errorf("made of %s, want %s", brought.Of, want.Metadata[converter.MetaSHA256])
	}
	tensors, err := got.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	expected, err := want.Tensors()
	if err != nil || tensors.Len() != expected.Len() || tensors.Len() == 0 {
		t.Fatalf("%d tensors, want %d: %v", tensors.Len(), expected.Len(), err)
	}
	for name, w := range expected.All() {
		if g, ok := tensors.Lookup(name); !ok || g.DType() != w.DType() || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("%s is another tensor", name)
		}
	}
}
