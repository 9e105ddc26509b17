package backbone_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// catalogue returns the rows of the repository's zoo.toml.
func catalogue(t *testing.T) []*registry.Entry {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "zoo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Parse("zoo.toml", data)
	if err != nil {
		t.Fatal(err)
	}
	return r.All()
}

// build returns the graph of a row.
func build(t *testing.T, e *registry.Entry) *nn.Graph {
	t.Helper()
	return buildForm(t, e, nn.AsTrained)
}

// buildForm returns the graph of one form of a row.
func buildForm(t *testing.T, e *registry.Entry, form nn.Form) *nn.Graph {
	t.Helper()
	f, err := backbone.ByName(e.Family)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	g, err := f.Build(e.Arch, form, e.Classes)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	return g
}

// keys writes the wanted tensors of a graph as golden/gen/facts.py does: sorted
// lines "name dtype shape kind".
func keys(g *nn.Graph) []string {
	dtypes := map[tensor.DType]string{tensor.F32: "float32", tensor.I64: "int64"}
	var lines []string
	for _, p := range g.Params {
		kind := "param"
		if p.Buffer {
			kind = "buffer"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", p.Name, dtypes[p.DType], dims(p.Shape), kind))
	}
	slices.Sort(lines)
	return lines
}

// eps writes the eps of all norms, each once.
func eps(g *nn.Graph) string {
	var all []float64
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case nn.BatchNorm:
			all = append(all, op.Eps)
		case nn.LayerNorm:
			all = append(all, op.Eps)
		case nn.GroupNorm:
			all = append(all, op.Eps)
		}
	}
	slices.Sort(all)
	var out []string
	for _, e := range slices.Compact(all) {
		out = append(out, strconv.FormatFloat(e, 'g', -1, 64))
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, " ")
}

// dims writes a shape as 64x3x7x7, and that of a scalar as -.
func dims(s tensor.Shape) string {
	if len(s) == 0 {
		return "-"
	}
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "x")
}

// table reads a file of tab-separated columns under a line of names; a cell that
// a line lacks is empty.
func table(t *testing.T, path string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := make(map[string]string)
		for i, cell := range strings.Split(line, "\t") {
			row[header[i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// facts returns a path in the folder of facts extracted from the reference
// framework, and skips the test where the folder is not there.
func facts(t *testing.T, path ...string) string {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "facts")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no facts to compare with: %v", err)
	}
	return filepath.Join(append([]string{folder}, path...)...)
}

// count returns the FLOPs of a graph for a square input.
func count(t *testing.T, g *nn.Graph, size int, c metrics.Convention) metrics.Cost {
	t.Helper()
	cost, err := metrics.Count(g, tensor.Shape{1, 3, size, size}, c)
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

// TestReference compares every row of the catalogue with what golden/gen/facts.py
// read off the reference network: names, dtypes and shapes of its state dict,
// parameters, and what the reference's own counters say.
func TestReference(t *testing.T) {
	rows := make(map[string][]map[string]string)
	for _, row := range table(t, filepath.Join("testdata", "reference.tsv")) {
		rows[row["model"]] = append(rows[row["model"]], row)
	}
	compare := func(e *registry.Entry, model string, form nn.Form) {
		t.Run(model, func(t *testing.T) {
			g := buildForm(t, e, form)
			if len(rows[model]) == 0 {
				t.Fatal("testdata/reference.tsv has no line: golden/gen/facts.py writes it")
			}
			lines := keys(g)
			sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
			for _, want := range rows[model] {
				var size int
				if _, err := fmt.Sscanf(want["input"], "1x3x%d", &size); err != nil {
					t.Fatal(err)
				}
				cost := count(t, g, size, metrics.MMEngine)
				var macs int64
				for _, l := range cost.Layers {
					if l.Kind == (nn.Conv{}).Kind() {
						macs += l.MACs
					}
				}
				got := map[string]string{
					"model": model, "input": want["input"], "entries": strconv.Itoa(len(lines)), "keys": hex.EncodeToString(sum[:]),
					"params": strconv.FormatInt(cost.Params, 10), "eps": eps(g), "conv_macs": strconv.FormatInt(macs, 10),
					"mmengine":    strconv.FormatInt(cost.FLOPs, 10),
					"mmcv-legacy": strconv.FormatInt(count(t, g, size, metrics.MMCVLegacy).FLOPs, 10),
				}
				for _, c := range []string{"conv_macs", "mmengine", "mmcv-legacy"} {
					if want[c] == "" { // counted in the other way
						got[c] = ""
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("(-want +got)\n%s", d)
				}
			}
		})
	}
	for _, e := range catalogue(t) {
		compare(e, e.Name, nn.AsTrained)
		if hasDeployForm(t, e) {
			compare(e, e.Name+".deploy", nn.Deploy)
		}
	}
}

// hasDeployForm reports whether a row's network has branches to fuse.
func hasDeployForm(t *testing.T, e *registry.Entry) bool {
	t.Helper()
	f, err := backbone.ByName(e.Family)
	return err == nil && f.Deploy[e.Arch] != nil
}

// TestKeys compares the state dicts in full with the tables of facts.
func TestKeys(t *testing.T) {
	index := table(t, facts(t, "keys", "INDEX.tsv"))
	rows := make(map[string]*registry.Entry)
	for _, e := range catalogue(t) {
		rows[e.Name] = e
	}
	compared := 0
	for _, file := range index {
		for _, name := range strings.FieldsFunc(file["model_names"], func(r rune) bool { return strings.ContainsRune(", ;", r) }) {
			e, ok := rows[name]
			if !ok {
				continue
			}
			form := nn.AsTrained
			if file["form"] == "deploy" {
				form = nn.Deploy
			}
			compared++
			var want []string
			for _, k := range table(t, facts(t, "keys", file["file"])) {
				shape := k["shape"]
				if shape == "" || shape == "scalar" {
					shape = "-"
				}
				want = append(want, fmt.Sprintf("%s %s %s %s", k["name"], k["dtype"], shape, k["kind"]))
			}
			slices.Sort(want)
			if d := cmp.Diff(want, keys(buildForm(t, e, form))); d != "" {
				t.Errorf("%s (-want +got)\n%s", name, d)
			}
		}
	}
	if compared < 3 {
		t.Errorf("compared %d rows, want the 3 CSPNets at least", compared)
	}
}

// syncBN holds the networks that train with SyncBatchNorm, a class in which mmcv's
// counter does not see a batch norm. The table of facts counts them so; they were
// published with it, and here batch norm is batch norm.
var syncBN = map[string]bool{
	"resnet50_8xb256-rsb-a1-600e_in1k": true, "resnet50_8xb256-rsb-a2-300e_in1k": true, "resnet50_8xb256-rsb-a3-100e_in1k": true,
	"resnet50_spark-pre_300e_in1k": true,
}

// forgotten holds the network whose deploy form lacks squeeze-excitation in the
// framework that the table of facts counted. It was published with it.
var forgotten = map[string]bool{"repvgg-D2se_3rdparty_in1k": true}

// borders returns the products of convolutions whose border has TensorFlow's rule, and how many outputs they
// have, in the family whose figures were published before PyTorch had that border by name. The table of facts was counted
// after that: mmcv's counter sees those convolutions, and mmengine's does not.
func borders(t *testing.T, e *registry.Entry, g *nn.Graph, size int) (macs, outputs int64) {
	t.Helper()
	if e.Family != "convmixer" {
		return 0, 0
	}
	for i, l := range count(t, g, size, metrics.MMEngine).Layers {
		if op, ok := g.Nodes[i].Op.(nn.Conv); ok && op.Pad.Same {
			n, _ := l.Out.Numel()
			macs, outputs = macs+l.MACs, outputs+int64(n)
		}
	}
	return macs, outputs
}

// TestComplexity compares parameters and FLOPs with the table of facts, which was
// counted on the reference framework's networks.
func TestComplexity(t *testing.T) {
	exact := make(map[string]map[string]string)
	for _, row := range table(t, facts(t, "complexity.tsv")) {
		exact[row["name"]] = row
	}
	compared := 0
	for _, e := range catalogue(t) {
		row, ok := exact[e.Name]
		if !ok {
			continue
		}
		compared++
		g := build(t, e)
		legacy := func(size int) int64 {
			cost := count(t, g, size, metrics.MMCVLegacy)
			if !syncBN[e.Name] {
				macs, biases := borders(t, e, g, size)
				return cost.FLOPs + macs + biases
			}
			for _, op := range cost.ByOperator {
				if op.Kind == (nn.BatchNorm{}).Kind() {
					return cost.FLOPs - op.FLOPs
				}
			}
			return 0
		}
		mmengine := func(size int) int64 {
			macs, _ := borders(t, e, g, size)
			return count(t, g, size, metrics.MMEngine).FLOPs - macs
		}
		got := map[string]int64{
			"params_exact":        g.NumParams(),
			"flops_mmengine_crop": mmengine(e.Input.Crop),
			"flops_legacy_crop":   legacy(e.Input.Crop),
			"head_flops":          count(t, g, e.Input.Crop, metrics.FVCore).HeadFLOPs,
		}
		if _, err := g.Sizes(tensor.Shape{1, 3, 224, 224}); err == nil {
			got["flops_mmengine_224"], got["flops_legacy_224"] = mmengine(224), legacy(224)
		} else if row["flops_mmengine_224"]+row["flops_legacy_224"] != "" && e.Family != "eva02" { // whose tables are for one size
			t.Errorf("%s: the reference takes 224 x 224 pixels: %v", e.Name, err)
		}
		if hasDeployForm(t, e) {
			deploy := buildForm(t, e, nn.Deploy)
			got["params_deploy"] = deploy.NumParams()
			if e.Family == "levit" { // there the classifiers have taken in their norms, which the framework's own conversion leaves
				got["params_deploy"] -= normsOfClassifiers(deploy)
			}
			if !forgotten[e.Name] {
				if _, err := deploy.Sizes(tensor.Shape{1, 3, 224, 224}); err == nil {
					got["flops_deploy_224"] = count(t, deploy, 224, metrics.MMEngine).FLOPs
				}
				got["flops_deploy_crop"] = count(t, deploy, e.Input.Crop, metrics.MMEngine).FLOPs
			}
		}
		for column, n := range got {
			n -= unseen(row, column)
			// Counts of einsum make floats of a sum.
			if want := strings.TrimSuffix(row[column], ".0"); strconv.FormatInt(n, 10) != want && want != "" {
				t.Errorf("%s: %s = %d, want %s", e.Name, column, n, want)
			}
		}
		checkVerdicts(t, e, buildForm(t, e, e.Published.Form), row)
	}
	if compared < 3 {
		t.Errorf("compared %d rows, want the 3 CSPNets at least", compared)
	}
}

// rotaryTable is what the notes of rows say whose published figures leave it out, rightly.
const rotaryTable = "the RoPE table einsum (2*24*16)"

// normsOfClassifiers returns the parameters of batch norms between the features and the logits.
func normsOfClassifiers(g *nn.Graph) (n int64) {
	behind := g.BehindFeatures()
	for _, node := range g.Nodes {
		if norm, ok := node.Op.(nn.BatchNorm); ok && behind[node.Out] {
			n += 2 * int64(norm.C)
		}
	}
	return n
}

// unseen returns the products of attention that a column of the table of facts leaves out: the counter
// did not see them, unless a note says otherwise.
//
// It saw products of the table of rotary positions in its stead, where that was computed anew.
func unseen(row map[string]string, column string) int64 {
	if column == "flops_mmengine_crop" && strings.Contains(row["note"], rotaryTable) {
		return -2 * 24 * 16
	}
	size, ok := strings.CutPrefix(column, "flops_mmengine_")
	if !ok || strings.Contains(row["note"], size+" FLOPs counted by op dispatch") {
		return 0
	}
	n, _ := strconv.ParseInt(row["sdpa_"+size], 10, 64) // empty: none
	return n
}

// checkVerdicts checks that a row's figures reproduce where the table of facts says that
// some counter reproduces them, and that the row says why where none does.
func checkVerdicts(t *testing.T, e *registry.Entry, g *nn.Graph, row map[string]string) {
	t.Helper()
	p := &e.Published
	r, err := metrics.NewRow(e.Name, metrics.Published{
		Params: p.ParamsM.String(), FLOPs: p.FLOPsG.String(), Convention: metrics.Convention(p.FLOPsConvention),
		Input: tensor.Shape{1, 3, p.FLOPsSize, p.FLOPsSize},
	}, g)
	if err != nil {
		t.Fatal(err)
	}
	for column, f := range map[string]metrics.Figure{"params_match": r.Params, "flops_match": r.FLOPs} {
		match, _, _ := strings.Cut(strings.Trim(strings.TrimPrefix(row[column], "yes"), " ()"), ",")
		want := metrics.Verdict(match) // "exact" or "rounded"
		if (forgotten[e.Name] || e.Family == "convmixer" || strings.Contains(row["note"], rotaryTable)) && match == "no" {
			want = metrics.Exact
		} else if match == "no" || column == "flops_match" && strings.Contains(row["flops_match_counter"], "pre-fix code") {
			want = metrics.Differs // or of another network
		}
		if f.Verdict != want && !(f.Verdict == metrics.Exact && want == metrics.Rounded) {
			t.Errorf("%s: %s: %q (%d, published %s), want %q", e.Name, column, f.Verdict, f.Exact, f.Published, want)
		}
		if f.Verdict == metrics.Differs && p.Note == "" {
			t.Errorf("%s: %s: no note says why", e.Name, column)
		}
	}
}

// TestFineTuned checks that another number of classes changes the classifier only.
func TestFineTuned(t *testing.T) {
	for _, f := range backbone.All() {
		for arch := range f.Archs {
			full, err := f.Graph(arch, 1000)
			if err != nil {
				t.Fatal(err)
			}
			few, err := f.Graph(arch, 7)
			if err != nil {
				t.Fatal(err)
			}
			if n := few.NumClasses(); n != 7 {
				t.Errorf("%s: %d classes, want 7", arch, n)
			}
			head := make(map[string]bool)
			for _, node := range few.Classifiers() {
				for _, i := range node.Params {
					head[few.Params[i].Name] = true
				}
			}
			for i, p := range full.Params {
				if q := few.Params[i]; q.Name != p.Name || q.Shape.Equal(p.Shape) == head[p.Name] {
					t.Errorf("%s: %s %v with 7 classes is %s %v", arch, p.Name, p.Shape, q.Name, q.Shape)
				}
			}
		}
	}
}

// TestUnknown checks that what does not exist is refused by name.
func TestUnknown(t *testing.T) {
	cspnet, err := backbone.ByName("cspnet")
	if err != nil {
		t.Fatal(err)
	}
	_, family := backbone.ByName("cspnets")
	_, arch := cspnet.Graph("cspresnet51", 1000)
	_, classes := cspnet.Graph("cspresnet50", 0)
	_, project := cspnet.Recipe("cspresnet50", "keras")
	for want, err := range map[string]error{
		`unknown family "cspnets": known are beit, conformer, convmixer, convnext, cspnet,`: family,
		`family cspnet has no architecture "cspresnet51": known`:                            arch,
		`cspresnet50: 0 classes: at least 1 is needed`:                                      classes,
		`cspresnet50 has no recipe "keras": known are ["timm"]`:                             project,
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "backbone: ") {
			t.Errorf("error = %v, want %q in it", err, want)
		}
	}
}

// TestFamilies checks that the list is sorted and without repetition, and that an
// architecture is of one family.
func TestFamilies(t *testing.T) {
	var names []string
	for _, f := range backbone.All() {
		names = append(names, f.Name)
		for arch := range f.Archs {
			if found, err := backbone.Find(arch); err != nil || found != f {
				t.Errorf("%s of family %s is found in %v, %v", arch, f.Name, found, err)
			}
		}
	}
	if f, err := backbone.Find("cspresnet51"); err == nil {
		t.Errorf("cspresnet51 is found in %s", f.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("families = %q, want them sorted, each once", names)
	}
}
