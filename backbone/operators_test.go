package backbone_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A published is a network of another project as golden/gen/lookalikes.py saw it run.
type published struct {
	project, network string
	size             int      // of a square image
	names            []string // of its state dict, with shapes
	operators        []string // how often each runs, sorted
}

// tables returns the texts of all files in testdata that match a pattern; those that end in .zst are decompressed.
func tables(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var texts []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && strings.HasSuffix(file, ".zst") {
			data, err = d.DecodeAll(data, nil)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		texts = append(texts, string(data))
	}
	return texts
}

// publishedNetworks returns all of testdata/operators*.tsv.zst, by project and name: one that is
// published for several sizes of image stands there once for each, in whatever files it is.
func publishedNetworks(t *testing.T) map[string][]*published {
	t.Helper()
	all := make(map[string][]*published)
	var last *published
	for line := range strings.SplitSeq(strings.Join(tables(t, "operators*.tsv.zst"), ""), "\n") {
		switch {
		case line == "":
		case strings.HasPrefix(line, "# "):
			f := strings.Fields(line)
			last = &published{project: f[1], network: f[2]}
			var err error
			if last.size, err = strconv.Atoi(f[3]); err != nil {
				t.Fatal(err)
			}
			known := all[f[1]+"/"+f[2]]
			if !slices.ContainsFunc(known, func(p *published) bool { return p.size == last.size }) {
				all[f[1]+"/"+f[2]] = append(known, last)
			}
		case strings.HasPrefix(line, "= "):
			last.names = append(last.names, line[2:])
		default:
			last.operators = append(last.operators, line)
		}
	}
	for _, sizes := range all {
		for _, p := range sizes {
			slices.Sort(p.operators)
		}
	}
	return all
}

// bind renames the network's tensors, which have no values, and binds them to a graph.
func (p *published) bind(r recipe.Recipe, g *nn.Graph) error {
	var sd tensor.StateDict
	for _, line := range p.names {
		name, size, _ := strings.Cut(line, " ")
		if slices.ContainsFunc(computed, func(table string) bool { return strings.HasSuffix(name, table) }) {
			continue // Bind would look at its numbers; TestRecipes does
		}
		dtype := tensor.F32
		if strings.HasSuffix(name, "num_batches_tracked") {
			dtype = tensor.I64
		}
		var shape tensor.Shape
		for _, d := range strings.FieldsFunc(size, func(r rune) bool { return r == 'x' || r == '-' }) {
			n, err := strconv.Atoi(d)
			if err != nil {
				return err
			}
			shape = append(shape, n)
		}
		n, err := shape.Bytes(dtype)
		if err != nil {
			return err
		}
		if len(zeros) < n {
			zeros = make([]byte, n)
		}
		x, err := tensor.New(dtype, shape, zeros[:n:n])
		if err == nil {
			err = sd.Add(name, x)
		}
		if err != nil {
			return err
		}
	}
	renamed, _, err := r.Apply(&sd)
	if err != nil {
		return err
	}
	_, err = nn.Bind(g, renamed)
	return err
}

// computed are the tables that networks compute themselves.
var computed = []string{"relative_position_index", "relative_coords_table", "attention_bias_idxs"}

// zeros are the values of all tensors.
var zeros []byte

// operators writes what a graph runs on one image as lookalikes.py does.
func operators(t *testing.T, g *nn.Graph, size int) []string {
	t.Helper()
	sizes, err := g.Sizes(tensor.Shape{1, 3, size, size})
	if err != nil {
		t.Fatal(err)
	}
	shapes := make([]tensor.Shape, len(sizes))
	for i, s := range sizes {
		shapes[i] = s.Shape()
	}
	count := make(map[string]int)
	for _, n := range g.Nodes {
		in, out := shapes[n.In[0]], shapes[n.Out]
		numel, _ := out.Numel()
		switch op := n.Op.(type) {
		case nn.Conv:
			bias := "-"
			if op.Bias {
				bias = "bias"
			}
			top, bottom, left, right := op.Pads(in[2], in[3])
			border := [4]int{top, bottom, left, right}
			runs := max(op.Runs, 1) // which elsewhere are a batch of more images
			x := tensor.Shape{in[1] / runs, in[2], in[3]}
			op.Out, op.Groups = op.Out/runs, op.Groups/runs
			pointwise := op.KH == 1 && op.KW == 1 && op.StrideH == 1 && op.Groups == 1
			if (pointwise || op.KH == in[2] && op.KW == in[3]) && border == [4]int{} {
				count[fmt.Sprintf("linear %d %d %s", op.In/op.Groups*op.KH*op.KW, op.Out, bias)]++
				continue
			}
			count[fmt.Sprintf("conv %s %d %dx%d stride %d groups %d %s border (%d, %d, %d, %d)", dims(x), op.Out, op.KH, op.KW, op.StrideH, op.Groups, bias, top, bottom, left, right)]++
		case nn.Linear:
			bias := "bias"
			if op.Plain {
				bias = "-"
			}
			count[fmt.Sprintf("linear %d %d %s", op.In, op.Out, bias)]++
		case nn.BatchNorm:
			count[fmt.Sprintf("batchnorm %d of %d eps %s", op.C, numel, strconv.FormatFloat(op.Eps, 'g', -1, 64))]++
		case nn.LayerNorm:
			count[fmt.Sprintf("layernorm %d of %d eps %s", op.C, numel, strconv.FormatFloat(op.Eps, 'g', -1, 64))]++
		case nn.GroupNorm:
			count[fmt.Sprintf("groupnorm %s groups 1 eps %s", dims(in[1:]), strconv.FormatFloat(op.Eps, 'g', -1, 64))]++
		case nn.MaxPool:
			count[fmt.Sprintf("maxpool %s %dx%d stride %d border (%d, %d, %d, %d) -> %d", dims(in[1:]), op.K, op.K, op.Stride, op.Pad, op.Pad, op.Pad, op.Pad, out[2])]++
		case nn.AvgPool:
			if op.K == in[2] {
				count[fmt.Sprintf("mean of %d pixels of %d", op.K*op.K, in[1])]++
			} else {
				count[fmt.Sprintf("avgpool %s %dx%d stride %d border (%d, %d, %d, %d) -> %d", dims(in[1:]), op.K, op.K, op.Stride, op.Pad, op.Pad, op.Pad, op.Pad, out[2])]++
			}
		case nn.Attention:
			heads, queries, keys := op.Heads, in[1], shapes[n.In[1]][1]
			if side := op.Window.Side; side > 0 {
				heads, queries, keys = heads*in[1]/(side*side), side*side, side*side
				if op.Window.Grid { // of pixels that far apart
					heads, queries, keys = op.Heads*side*side, in[1]/(side*side), in[1]/(side*side)
				}
			}
			count[fmt.Sprintf("attention %d of %dx%d times %.6g", heads, queries, keys, op.Scale)]++
			if queries == 1 { // of the class token
				count[fmt.Sprintf("token 0 of %d", in[2])]++
			}
			if of := op.Bias.Of; of.Hidden > 0 { // two layers and a sigmoid make it
				offsets := (2*of.H - 1) * (2*of.W - 1)
				trained := of.Trained
				if trained == 0 {
					trained = of.W
				}
				count[fmt.Sprintf("coordinates of %dx%d by %d", of.H, of.W, trained-1)]++
				count[fmt.Sprintf("linear 2 %d bias", of.Hidden)]++
				count[fmt.Sprintf("relu %d", offsets*of.Hidden)]++
				count[fmt.Sprintf("linear %d %d -", of.Hidden, op.Heads)]++
				count[fmt.Sprintf("sigmoid %d", op.Heads*queries*keys)]++
			}
		case nn.DecomposedAttention:
			count[fmt.Sprintf("attention %d of %dx%d times %.6g", op.Heads, in[1], shapes[n.In[1]][1], op.Scale)]++
		case nn.ChannelAttention:
			count[fmt.Sprintf("attention %d of %dx%d times 1", op.Heads, in[2]/op.Heads, in[2]/op.Heads)]++
		case nn.Token:
			count[fmt.Sprintf("token %d of %d", op.At, in[2])]++
		case nn.GlobalAvgPool:
			if x := sizes[n.In[0]]; x.H*x.W > 1 {
				count[fmt.Sprintf("mean of %d pixels of %d", x.H*x.W, x.C)]++
			}
		case nn.Act:
			count[fmt.Sprintf("%s %d", op.Kind(), numel)]++
		}
	}
	var lines []string
	for op, n := range count {
		lines = append(lines, fmt.Sprintf("%d %s", n, op))
	}
	slices.Sort(lines)
	return lines
}

// TestNetworksOfSources compares every network that a recipe is for with the graph that it
// leads to: not only tensors, but the operators that run, with their borders, eps and pooling.
// The networks that only look like it must differ there, and have the same tensors.
func TestNetworksOfSources(t *testing.T) {
	all := publishedNetworks(t)
	seen := make(map[*published]bool)
	for _, f := range backbone.All() {
		for _, arch := range slices.Sorted(maps.Keys(f.Sources)) {
			g, err := f.Graph(arch, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for project, s := range f.Sources[arch] {
				if project != "timm" && project != "torchvision" {
					continue // transformers has one class for all networks of a family: see TestSettings
				}
				for _, network := range slices.Concat(s.Networks, s.Alike) {
					name := project + "/" + network
					var p *published
					err := fmt.Errorf("it is not among the published networks")
					for _, p = range all[name] {
						if err = p.bind(s.Recipe(), g); err == nil {
							break
						}
					}
					if err != nil {
						t.Errorf("%s: %s: %v", arch, name, err)
						continue
					}
					seen[p] = true
					same := slices.Contains(s.Networks, network)
					if _, err := g.Sizes(tensor.Shape{1, 3, p.size, p.size}); err != nil && !same {
						continue // another network: this one has no use for such images
					}
					diff := cmp.Diff(p.operators, operators(t, g, p.size))
					if same && diff != "" {
						t.Errorf("%s: %s computes something else (-theirs +ours)\n%s", arch, name, diff)
					} else if !same && diff == "" {
						t.Errorf("%s: %s computes the same", arch, name)
					}
				}
			}
		}
	}
	for name, sizes := range all {
		for _, p := range sizes {
			if !seen[p] {
				t.Errorf("%s for %d pixels has the tensors of one of these networks, and no source names it", name, p.size)
			}
		}
	}
}

// TestLookalikes compares the names of sources with the table of all networks, published or
// not, that have the same tensors.
func TestLookalikes(t *testing.T) {
	unpublished := make(map[string]map[string]bool) // by the network that it is like
	old := make(map[string]string)
	for line := range strings.SplitSeq(strings.Join(tables(t, "lookalikes*.tsv"), ""), "\n") {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "project\t") {
			continue
		}
		cells := strings.Split(line, "\t")
		project, like, network, weights := cells[0], cells[1], cells[2], cells[3]
		if weights == "-" {
			if unpublished[project+"/"+like] == nil {
				unpublished[project+"/"+like] = make(map[string]bool)
			}
			unpublished[project+"/"+like][network] = true
		}
		for _, name := range strings.Fields(cells[4]) {
			old[name] = network
		}
	}
	for _, f := range backbone.All() {
		for arch, projects := range f.Sources {
			for project, s := range projects {
				want := make(map[string]bool)
				for _, n := range slices.Concat(s.Networks, s.Alike) {
					maps.Copy(want, unpublished[project+"/"+n])
				}
				got := make(map[string]bool)
				for _, n := range s.Unpublished {
					got[n] = true
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s of %s: unpublished networks with the same tensors (-want +got)\n%s", arch, project, d)
				}
			}
		}
	}
	for name, now := range old {
		if backbone.Renamed()[name] != now {
			t.Errorf("timm renamed %s to %s, the table says %q", name, now, backbone.Renamed()[name])
		}
	}
	if len(old) != len(backbone.Renamed()) {
		t.Errorf("the table of renamed networks has %d names, %d are of these families", len(backbone.Renamed()), len(old))
	}
}
