package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

func TestAlias(t *testing.T) {
	base := parse(t, row+"[aliases]\nnet = \"net_in1k\"\nother-net = \"net_in1k\"\n")
	pairs := func(r *registry.Registry) (out []string) {
		for _, a := range r.Aliases() {
			out = append(out, a.Name+" "+a.Row)
		}
		return out
	}
	mine := strings.ReplaceAll(row, "net_in1k", "mine")
	for _, tt := range []struct {
		name, text string
		aliases    []string // beside those of the base
		says       string   // the error; empty for none
	}{
		{"none", "", nil, ""},
		{"the same again", "[aliases]\nnet = \"net_in1k\"", nil, ""},
		{"another", "[aliases]\nn = \"net_in1k\"", []string{"n net_in1k"}, ""},
		{"quoted, with points", "[\"aliases\"]\n\"n.1\" = 'net_in1k'", []string{"n.1 net_in1k"}, ""},
		{"of a row of the file", "[aliases]\nm = \"mine\"\n" + mine, []string{"m mine"}, ""},
		{"in two parts", "[aliases]\nm = \"mine\"\n" + mine + "[aliases]\nn = \"mine\"", nil, "aliases: line "},
		{"empty", "[aliases]", nil, ""},
		{"a row of its name, later", strings.ReplaceAll(row, "net_in1k", "net"), nil, ""},
		{"a row of its name, before", "[aliases]\nnet_in1k = \"net_in1k\"", nil,
			`registry: more.toml: alias "net_in1k" of "net_in1k": there is a row "net_in1k", and a row comes before an alias`},
		{"a row of its name, beside", "[aliases]\nmine = \"net_in1k\"\n" + mine, nil, `alias "mine" of "net_in1k": there is a row "mine"`},
		{"a row in other case", "[aliases]\nNET_in1k = \"net_in1k\"", nil, `alias "NET_in1k" of "net_in1k": there is a row "net_in1k"`},
		{"another's alias", "[aliases]\nnet = \"mine\"\n" + mine, nil,
			`alias "net" of "mine": "net" is an alias of net_in1k already, in zoo.toml: choose another`},
		{"another's alias in other case", "[aliases]\nNet = \"net_in1k\"", nil, `"net" is an alias of net_in1k already`},
		{"of no row", "[aliases]\nx = \"net_in2k\"", nil, `alias "x" of "net_in2k": no row is called so: did you mean net_in1k?`},
		{"of an alias", "[aliases]\nx = \"net\"", nil, `alias "x" of "net": no row is called so`},
		{"not a name", "[aliases]\n\"a/b/c\" = \"net_in1k\"", nil, `alias "a/b/c" of "net_in1k": expected letters`},
		{"not a text", "[aliases]\nx = 1", nil, `alias "x": expected the name of a row in quotes, found 1`},
		{"a table", "[aliases.x]\ny = \"net_in1k\"", nil, `alias "x": expected the name of a row in quotes, found map`},
		{"points without quotes", "[aliases]\nn.1 = \"net_in1k\"", nil, `alias "n": expected the name of a row in quotes`},
		{"an array of tables", "[[aliases]]\nx = \"net_in1k\"", nil, `aliases: expected one table [aliases]`},
		{"twice", "[aliases]\nx = \"net_in1k\"\nx = \"net_in1k\"", nil, `aliases: line 3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := base.Merge("more.toml", []byte(tt.text))
			if tt.says != "" || err != nil {
				if tt.says == "" || err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want %q", err, tt.says)
				}
				return
			}
			if d := cmp.Diff(append(pairs(base), tt.aliases...), pairs(r)); d != "" {
				t.Errorf("aliases (-want +got)\n%s", d)
			}
			for _, pair := range pairs(r) {
				name, row, _ := strings.Cut(pair, " ")
				if e, err := r.Lookup(name); err != nil || e.Name != row && name != e.Name {
					t.Errorf("%s: %v %v, want %s", name, e, err, row)
				}
				if _, err := r.Row(name); (err == nil) != (tt.name == "a row of its name, later" && name == "net") {
					t.Errorf("Row of the alias %s: %v", name, err)
				}
			}
			again, err := r.Merge("zoo.toml", []byte(row+"[aliases]\nnet = \"net_in1k\"\n"))
			if err != nil {
				t.Fatalf("read again: %v", err)
			}
			if d := cmp.Diff(pairs(r), pairs(again)); d != "" {
				t.Errorf("read again (-before +after)\n%s", d)
			}
		})
	}
	over, err := base.Merge("more.toml", []byte(strings.ReplaceAll(row, "net_in1k", "net")))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := over.Lookup("net"); err != nil || e.Name != "net" {
		t.Errorf("a row of an alias's name: %v %v, want the row", e, err)
	}
	outside := base.Under(map[string]func() (*registry.Entry, error){"net": func() (*registry.Entry,
		error) {
		return &registry.Entry{Name: "net"}, nil
	}})
	if e, err := outside.Lookup("net"); err != nil || e.Name != "net_in1k" {
		t.Errorf("a row from outside of an alias's name: %v %v, want what the alias stands for", e, err)
	}
	if len(pairs(base)) != 2 {
		t.Error("merging changed the registry below")
	}
}

// TestBuiltinAliases: each stands for a row about ImageNet-1k, and what most people mean.
func TestBuiltinAliases(t *testing.T) {
	r := parse(t, string(builtin(t)))
	for name, want := range map[string]string{
		"resnet50": "resnet50_8xb32_in1k", "cspresnet50": "cspresnet50_3rdparty_8xb32_in1k", "cspdarknet50": "cspdarknet50_3rdparty_8xb32_in1k",
		"cspdarknet53": "cspdarknet50_3rdparty_8xb32_in1k", "cspresnext50": "cspresnext50_3rdparty_8xb32_in1k", "vgg16": "vgg16_8xb32_in1k",
		"mobilenetv2": "mobilenet-v2_8xb32_in1k", "mobilenet_v2": "mobilenet-v2_8xb32_in1k",
		"efficientnet_b0": "efficientnet-b0_3rdparty_8xb32_in1k",
		"convnext_tiny":   "convnext-tiny_32xb128_in1k", "densenet121": "densenet121_3rdparty_in1k",
	} {
		if e, err := r.Lookup(name); err != nil || e.Name != want {
			t.Errorf("%s: %v, %v, want %s", name, e, err, want)
		}
	}
	for _, a := range r.Aliases() {
		e, err := r.Lookup(a.Name)
		if err != nil {
			t.Fatal(err)
		}
		top1 := e.Published.Top1.Float()
		if e.Dataset() != string(registry.LabelsImageNet) || top1 == 0 {
			t.Errorf("%s is %s, of the data set %q with Top-1 %v", a.Name, e.Name, e.Dataset(), top1)
		}
		for _, other := range []string{"noisystudent", "ssld", "linear-", "rsb-", "noema"} {
			if strings.Contains(e.Name, other) {
				t.Errorf("%s is %s, which is not the plain recipe", a.Name, e.Name)
			}
		}
	}
}
