package converter_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/internal/torchfile"
)

// lookalike is the target with a source that publishes the network as "net", another of the
// same tensors as "tf_net", and builds a third, "net_blur"; and with one whose network depends
// on a setting.
func lookalike(plain bool) converter.Target {
	t := target()
	s := t.Sources["timm"]
	s.Networks, s.Alike, s.Unpublished, s.Plain = []string{"net"}, []string{"tf_net"}, []string{"net_blur"}, plain
	s.Settings = func(config map[string]any) error {
		if pool, ok := config["pool"]; ok && pool != "avg" {
			return fmt.Errorf(`"pool" is %v`, pool)
		}
		return nil
	}
	s.Doubtful = map[string]string{"bignet": "of 2 heads in Dino, and of 4 in Moco"}
	t.Sources["timm"] = s
	t.Sources["transformers"] = recipe.Source{
		Recipe: func() recipe.Recipe {
			return recipe.Recipe{recipe.Rename("net.conv.*", "stem.conv.*"), recipe.Rename("net.norm.*", "stem.bn.*"), recipe.Rename("classifier.*", "head.*")}
		},
		Settings: func(config map[string]any) error {
			if config["eps"] != 1e-5 {
				return errors.New(`"eps" is not 1e-05`)
			}
			return nil
		},
		NeedsSettings: true,
	}
	t.Renamed = map[string]string{"gluon_net": "net", "net_ns": "tf_net"}
	return t
}

// TestNetworks fits files that say which network they hold, in every place that is looked at,
// to a network that another has the same tensors as.
func TestNetworks(t *testing.T) {
	sd := weights(t, 3, map[string]string{"stem.conv.": "conv1.", "stem.bn.": "bn1.", "head.": "fc."}, nil)
	hf := weights(t, 3, map[string]string{"stem.conv.": "net.conv.", "stem.bn.": "net.norm.", "head.": "classifier."}, nil)
	training := func(more ...any) torchfile.Dict { return append(torchfile.Dict{"state_dict", sd}, more...) }
	args := func(pairs ...any) torchfile.Object {
		return torchfile.Object{Class: "argparse.Namespace", State: pairs}
	}
	const same, plain, refused, other = "same", "assumed where plain", "refused where not", "another"
	for _, tt := range []struct {
		name   string
		file   any
		config string // config.json beside it; empty for none
		base   string // name of the file; "#" stands for the first digits of its sha256
		arch   string // as asked for
		recipe string
		want   string // outcome, and a text of its error
		text   string
	}{
		{name: "nothing says", file: sd, want: plain},
		{name: "arch", file: training("arch", "net"), want: same},
		{name: "arch of the other", file: training("arch", "tf_net"), want: other, text: `tf_net, by "arch" in the file`},
		{name: "arch of one without weights", file: training("arch", "net_blur"), want: other, text: "net_blur"},
		{name: "arch of either", file: training("arch", "bignet"), want: other, text: `it holds bignet, by "arch" in the file, a network of 2 heads in Dino, and of 4 in Moco: if it is timm/net, say --arch net`},
		{name: "arch of either, asked for", file: training("arch", "bignet"), arch: "net", want: same},
		{name: "arch with hub and tag", file: training("arch", "hf_hub:timm/TF_Net.ra_in1k"), want: other},
		{name: "an older name", file: training("arch", "gluon_net"), want: same},
		{name: "an older name of the other", file: training("arch", "net_ns"), want: other},
		{name: "a name that nobody knows", file: training("arch", "my_net"), want: plain},
		{name: "args", file: training("args", args("lr", 0.1, "model", "net")), want: same},
		{name: "args of the other", file: training("args", args("model", "tf_net")), want: other, text: `"args.model"`},
		{name: "args as a dict", file: training("args", torchfile.Dict{"arch", "tf_net"}), want: other},
		{name: "arch before args", file: training("args", args("model", "tf_net"), "arch", "net"), want: same},
		{name: "Lightning", file: training("hyper_parameters", torchfile.Dict{"model_name", "tf_net"}), want: other},
		{name: "OpenMMLab's wrapper", file: training("meta", torchfile.Dict{"cfg", "model = dict(type='TimmClassifier', model_name='tf_net', pretrained=True)"}), want: other},
		{name: "config.json", file: sd, config: `{"architecture": "net"}`, want: same},
		{name: "config.json of the other", file: sd, config: `{"architecture": "tf_net", "num_classes": 3}`, want: other, text: "config.json"},
		{name: "config.json with a setting", file: sd, config: `{"architecture": "net", "pool": "avg"}`, want: same},
		{name: "config.json with another setting", file: sd, config: `{"architecture": "net", "pool": "max"}`, want: other, text: `config.json beside the file: "pool" is max`},
		{name: "another setting, of a name that nobody knows", file: sd, config: `{"architecture": "my_net", "pool": "max"}`, want: other, text: `"pool"`},
		{name: "another setting, against the file", file: training("arch", "net"), config: `{"architecture": "net", "pool": "max"}`, want: other, text: `"pool"`},
		{name: "the file before config.json", file: training("arch", "net"), config: `{"architecture": "tf_net"}`, want: same},
		{name: "config.json that is none", file: sd, config: `[1, 2`, want: plain},
		{name: "its name", file: sd, base: "net_ra2-#.pth", want: same},
		{name: "its name, of the other", file: sd, base: "tf_net_ra-#.pth", want: other, text: "its name"},
		{name: "its name with an older name", file: sd, base: "net_ns-#.pth", want: other},
		{name: "its name with other digits", file: sd, base: "tf_net-01234567.pth", want: plain},
		{name: "its name without digits", file: sd, base: "tf_net.pth", want: plain},
		{name: "a longer name", file: sd, base: "network-#.pth", want: plain},
		{name: "asked for", file: sd, arch: "net", want: same},
		{name: "asked for with the project", file: sd, arch: "timm/net", want: same},
		{name: "asked for by recipe", file: sd, recipe: "timm/net", want: same},
		{name: "asked for against the file", file: training("arch", "tf_net"), arch: "net", want: same},
		{name: "the other, asked for", file: sd, arch: "tf_net", want: other},
		{name: "a recipe names no network", file: sd, recipe: "timm", want: plain},
		{name: "transformers", file: hf, config: `{"model_type": "net", "eps": 1e-5}`, want: same},
		{name: "transformers with another eps", file: hf, config: `{"model_type": "net", "eps": 1e-3}`, want: other, text: `"eps"`},
		{name: "transformers without settings", file: hf, want: other, text: "config.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			data := torchfile.Bytes(tt.file)
			sum := sha256.Sum256(data)
			base := "model.pth"
			if tt.base != "" {
				base = strings.Replace(tt.base, "#", hex.EncodeToString(sum[:4]), 1)
			}
			path := filepath.Join(dir, base)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.config != "" {
				if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(tt.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := converter.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, isPlain := range []bool{true, false} {
				target := lookalike(isPlain)
				target.Network, target.Recipe = tt.arch, tt.recipe
				fitted, err := target.FitFile(c, "")
				want := tt.want
				if want == plain && !isPlain {
					want = refused
				}
				switch want {
				case same:
					if err != nil || fitted.Assumed != "" {
						t.Errorf("plain %v: %v, fitted %+v: want it taken without a word", isPlain, err, fitted)
					}
				case plain:
					if err != nil || !strings.Contains(fitted.Assumed, "timm/tf_net") || !strings.Contains(fitted.Assumed, "--arch") {
						t.Errorf("plain: %v, fitted %+v: want it taken with a notice", err, fitted)
					}
				default:
					if !errors.Is(err, converter.ErrNetwork) || !strings.Contains(err.Error(), tt.text) {
						t.Errorf("plain %v: error %v, want one with %q", isPlain, err, tt.text)
					}
					if want == refused && err != nil && !strings.Contains(err.Error(), "--arch net") {
						t.Errorf("%v does not say what helps", err)
					}
				}
			}
		})
	}
	// Nobody knows the name that was asked for: the caller is to blame.
	target := lookalike(true)
	target.Network = "nte"
	if _, err := target.Fit(sd); !errors.Is(err, option.Err) {
		t.Errorf("an unknown name that was asked for: %v", err)
	}
	// The network's own names are nobody else's.
	if _, err := lookalike(false).Fit(weights(t, 3, nil, nil)); err != nil {
		t.Errorf("own names: %v", err)
	}
}
