package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestList: what is listed, and in what order.
func TestList(t *testing.T) {
	cache := t.TempDir()
	flowers := filepath.Join(t.TempDir(), "flowers.toml")
	row := `[flowers]
base = "cspresnet50_3rdparty_8xb32_in1k"
class_names = ["rose", "tulip"]
published.top1 = "99"
published.source = "me"
`
	if err := os.WriteFile(flowers, []byte(row+strings.Replace(row, "flowers", "flowers102",
		1)+"published.dataset = \"flowers-102\"\n[bad]\nx = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const csp50, dark, next = "cspresnet50_3rdparty_8xb32_in1k", "cspdarknet50_3rdparty_8xb32_in1k", "cspresnext50_3rdparty_8xb32_in1k"
	const res, nextNano, resNano, darkNano = "resnet50_8xb32_in1k", "cspresnext-nano_digits", "cspresnet-nano_digits",
		"cspdarknet-nano_digits"
	for _, tt := range []struct {
		args  string   // between commas
		want  []string // names that come first
		count int      // of all but those of other zoos; 0: as many as those; below 0: more
		says  string
	}{
		{"resnet50", []string{res, "resnet50_8xb32-fp16_in1k"}, 24,
			`models have "resnet50" in its name or an alias; the nearest come first`},
		{"resnet50,--sort,name", []string{csp50, "resnet50_8xb256-rsb-a1-600e_in1k"}, 24, ""},
		{"mobile v3 large", []string{"mobilenet-v3-large_8xb128_in1k", "mobilenet-v3-large_3rdparty_in1k"}, 0, ""},
		{"cspdarknet53", []string{dark}, 0, ""},
		{dark, []string{dark}, 0, ""},
		{"resnt50", nil, 0, `unknown model "resnt50": did you mean resnet50_8xb32_in1k`},
		{"resnt50,human", []string{res}, 3, `no model has "resnt50" in its name; these come near`},
		{"nothing-like-that,human", nil, 0, "no model matches; zoo list prints all"},
		{"renset50*", nil, 0, `no model's name matches "renset50*": did you mean ` + res},
		{"csp*,--sort,-top1", []string{dark, next, csp50, nextNano, resNano, darkNano}, 0, ""},
		{"csp*,--sort,top1", []string{csp50, next, dark, darkNano, resNano, nextNano}, 0, ""},
		{"csp*,--sort,-params", []string{dark, csp50, next, nextNano, darkNano, resNano}, 0, ""},
		{"csp*,--filter,top1>=79.9", []string{dark, next}, 0,
			"left out: 3 with accuracies on digits, which say nothing beside those on imagenet-1k: --dataset all lists all"},
		{"csp*,--filter,top1>=79.9,--dataset,all,--sort,-top1", []string{dark, next, nextNano, resNano, darkNano}, 0, ""},
		{"csp*,--filter,params<30,--filter,top5>94.9", []string{dark, next}, 0, "accuracies on digits"},
		{"csp*,--filter,params<1", []string{darkNano, resNano, nextNano}, 0, ""},
		{"--dataset,digits", []string{darkNano, resNano, nextNano}, 0, ""},
		{"csp*,--dataset,imagenet-1k", []string{dark, csp50, next}, 0, ""},
		{"--filter,top1>=80,--sort,-top1", []string{"vit-large-p14_eva02_m38m-pre_in21k-medft_3rdparty_in1k-448px"}, -1, "digits"},
		{"torchvision/vit*,--filter,top1>=88", []string{"torchvision/vit_h_14.IMAGENET1K_SWAG_E2E_V1", "torchvision/vit_l_16.IMAGENET1K_SWAG_E2E_V1"}, 0, ""},
		{"torchvision mobilenet v3 large", []string{"torchvision/mobilenet_v3_large.IMAGENET1K_V1", "torchvision/mobilenet_v3_large.IMAGENET1K_V2"}, 0, ""},
		{"flowers*,--config," + flowers, []string{"flowers", "flowers102"}, 0, ""},
		{"*flowers*,--sort,-top1,--config," + flowers, []string{"flowers102", "flowers"}, 0, ""},
		{"flowers,--config," + flowers, []string{"flowers"}, 0, ""},
		{"flow,--filter,top1>1,--config," + flowers, nil, 0, "left out: 1 with accuracies on -, which"},
		{"flow,--dataset,flowers-102,--config," + flowers, []string{"flowers102"}, 0, ""},
		{"ba,--family,cspnet,--config," + flowers, nil, 0, `left out: registry: ` + flowers + `: entry "bad"`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			args := strings.Split(tt.args, ",")
			people := args[len(args)-1] == "human"
			if people {
				args = args[:len(args)-1]
			} else {
				args = append(args, "--format", "csv")
			}
			got := command(t, cache, append([]string{"list"}, args...)...)
			if got.status != exitOK || !strings.Contains(got.stderr, tt.says) {
				t.Fatalf("exit status %d, no %q in %s", got.status, tt.says, got.stderr)
			}
			var names []string
			if people {
				for line := range strings.Lines(got.stdout) {
					names = append(names, strings.Fields(line)[0])
				}
			} else {
				rows, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					names = append(names, row[0])
				}
			}
			names = names[1:] // the header
			if !strings.Contains(tt.args, "torchvision") {
				names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "/") })
			}
			count := tt.count
			if count == 0 {
				count = len(tt.want)
			}
			if count > 0 && len(names) != count || count < 0 && len(names) <= len(tt.want) {
				t.Errorf("%d models, want %d: %q", len(names), count, names)
			}
			if d := cmp.Diff(tt.want, names[:min(len(tt.want), len(names)):len(names)]); d != "" && len(tt.want)+len(names) > 0 {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
	play(t, cache, []situation{
		{name: "no data set", args: []string{"list", "--dataset", "imagenet"}, status: exitUsage,
			says: []string{"--dataset imagenet: expected digits or imagenet-1k or all"}},
		{name: "the column", args: []string{"list", "csp*"}, says: []string{"TOP-5   DATASET", "imagenet-1k", "digits  "}},
	})
}
