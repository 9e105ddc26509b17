package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

// TestNear: what somebody types who knows networks and not the names of rows, and what a
// colleague would answer.
func TestNear(t *testing.T) {
	r := parse(t, string(builtin(t)))
	const resnet50, csp = "resnet50_8xb32_in1k", "_3rdparty_8xb32_in1k"
	for want, inputs := range map[string][]string{
		resnet50: {"resnet-50", "resnt50", "ResNet50", "ResNet-50", "resnet_50", "RESNET50", "resnet 50", "reset50", "resent50", "rsenet50",
			"resnett50", "resnet5", "resnet50x",
			"resnet", "res50", "r50", "rn50", "Resnet50.tv_in1k", "microsoft/resnet-50", "timm/resnet50.tv_in1k",
			"ResNet50_Weights.IMAGENET1K_V2", "resnet50_in1k",
			"resnet50_8xb32", "resnet50_8xb32_in1K", "resnet50-8xb32-in1k", "resnet51"},
		"resnet50_8xb256-rsb-a1-600e_in1k":                  {"timm/resnet50.a1_in1k", "resnet50-rsb-a1", "rsb-a1", "resnet50 a1"},
		"resnet50_mocov2-pre_8xb32-linear-steplr-100e_in1k": {"mocov2", "resnet50_moco"},
		"resnet18_8xb32_in1k":                               {"resnet-18", "resnet18.a1_in1k", "r18"},
		"resnet101_8xb32_in1k":                              {"resnet-101", "resnet-10", "resnt101"},
		"resnetv1d50_8xb32_in1k":                            {"resnet50-d", "ResNet50_D", "resnetv1d", "resnet50vd"},
		"wide-resnet50_3rdparty_8xb32_in1k":                 {"wide-resnet50", "wide-resnet-50-2", "wideresnet", "wrn50"},
		"resnext50-32x4d_8xb32_in1k":                        {"resnext50", "resnext-50", "resnext", "ResNeXt50_32x4d"},
		"seresnet50_8xb32_in1k":                             {"se-resnet50", "se_resnet_50", "seresnet"},
		"res2net50-w26-s8_3rdparty_8xb32_in1k":              {"res2net", "res2net50", "res2net50_26w_4s"},
		"cspdarknet50" + csp: {"cspdarknet", "csp-darknet53", "darknet53", "CSPDarkNet", "cspdraknet",
			"darknet"},
		"cspresnet50" + csp:                {"csp-resnet", "cspresnet51", "cspresnet-50", "csp"},
		"cspresnext50" + csp:               {"cspresnext", "csprensext50", "cspresnext500"},
		"cspresnet-nano_digits":            {"cspresnet-nano", "cspresnet_nano", "cspresnetnano_digit"},
		"vgg16_8xb32_in1k":                 {"vgg-16", "VGG16", "vgg", "vgg_16", "vgg61", "vgg15"},
		"vgg16bn_8xb32_in1k":               {"vgg16-bn", "vgg16bn"},
		"densenet121_3rdparty_in1k":        {"densenet", "dense-net-121", "densnet121", "desnenet121", "densenet120"},
		"inception-v3_3rdparty_8xb32_in1k": {"inception", "inceptionv3", "InceptionV3", "inception-v4"},
		"mobilenet-v2_8xb32_in1k": {"mobilenet", "mobilenetv2_100", "MobileNetV2", "mobilenet-v1",
			"mobile-net-v2", "mobilnetv2", "mbv2", "mobilenet v2"},
		"mobilenet-v3-small_8xb128_in1k": {"mobilenetv3small", "mobilenet-v3-small", "mobilenetv3_small_100",
			"mobilenetv3-smal", "MobileNetV3-Small"},
		"mobilenet-v3-large_8xb128_in1k": {"mobilenetv3", "mobilenet-v3", "mobilenetv3large",
			"mobilenetv3_large_100.ra_in1k", "mobile v3"},
		"mobileone-s0_8xb32_in1k":      {"mobileone", "mobile-one"},
		"shufflenet-v2-1x_16xb64_in1k": {"shufflenet", "shufflenetv2", "shufle_net_v2", "shufflenetv2_x1.0"},
		"efficientnet-b0_3rdparty_8xb32_in1k": {"efficientnet", "efficientnetb0", "efficientnet-b0", "effnet-b0", "b0",
			"tf_efficientnet_b0", "EfficientNetB0", "efficentnet_b0", "google/efficientnet-b0"},
		"efficientnet-lite1_3rdparty_in1k": {"lite1", "efficientnet-lite1", "efficientnetlite1"},
		"efficientnet-lite0_3rdparty_in1k": {"lite", "lite0", "efficientnet-lite", "tf_efficientnet_lite0.in1k"},
		"efficientnetv2-s_3rdparty_in1k":   {"efficientnetv2", "efficientnet-v2-s", "efficientnetv2s", "effnetv2"},
		"convnext-tiny_32xb128_in1k": {"convnext", "convnext-tiny", "convnextt", "ConvNeXt-T",
			"facebook/convnext-tiny-224", "convnxt_tiny"},
		"convnext-v2-tiny_fcmae-pre_3rdparty_in1k": {"convnext-v2", "convnextv2", "convnextv2-tiny"},
		"regnetx-400mf_8xb128_in1k": {"regnet", "regnetx", "regnety_400mf", "regnet_y_400mf", "regnety",
			"regnet-x-400mf"},
		"regnetx-1.6gf_8xb128_in1k":     {"regnet_x_1_6gf", "regnetx-1.6gf", "regnetx16gf"},
		"repvgg-A0_8xb32_in1k":          {"repvgg", "repvgg-a0", "RepVGG_A0", "a0"},
		"hrnet-w18_3rdparty_8xb32_in1k": {"hrnet", "hrnet-w18", "hrnet18", "hrnetv2_w18"},
		"vit-base-p16_32xb128-mae_in1k": {"vit", "vit-b-16", "ViT-B/16", "vit_base_patch16", "vitb16", "vit-base-p16",
			"google/vit-base-patch16-224"},
		"vit-huge-p14_mae-1600e-pre_8xb128-coslr-50e_in1k":    {"vit-huge-patch14", "vit-huge-p14_mae-1600e-pre"},
		"vit-large-p16_in21k-pre_3rdparty_in1k-384px":         {"vit_large_patch16_224", "vit-large"},
		"deit3-base-p16_3rdparty_in1k":                        {"deit3", "deit3-base", "deit3_base_patch16_224.fb_in1k"},
		"deit-base_16xb64_in1k":                               {"deit", "deit_base_patch16_224", "facebook/deit-base-patch16-224"},
		"hrnet-w48_3rdparty_8xb32-ssld_in1k":                  {"hrnet-w48-ssld"},
		"efficientnet-b7_3rdparty-ra-noisystudent_in1k":       {"efficientnet-b7-noisystudent"},
		"efficientnet-l2_3rdparty-ra-noisystudent_in1k-475px": {"efficientnet-l2", "efficientnet_l2"},
		"": {"maxvit_t", "yolov8", "", "a", "?", "alexnet", "googlenet", "squeezenet1_1", strings.Repeat("resnet50", 40), "../../etc/passwd",
			"é"},
	} {
		for _, input := range inputs {
			got := ""
			if near := r.Near(input); len(near) > 0 {
				got = near[0]
			}
			if got != want {
				t.Errorf("%s: offered %q, want %q first", input, r.Near(input), want)
			}
		}
	}
	for _, e := range r.All() { // each is nearest to itself
		if near := r.Near(e.Name); near[0] != e.Name {
			t.Errorf("%s: offered %q", e.Name, near)
		}
	}
}

// TestNearBounded: a catalogue as large as one may be, of names that are as near as they can be.
func TestNearBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("long names in a large catalogue")
	}
	var text strings.Builder
	for i := range 1 << 15 {
		fmt.Fprintf(&text, "[%s%d]\n", strings.Repeat("ab", 60), i)
	}
	r, err := new(registry.Registry).Merge("large", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{strings.Repeat("ab", 60) + "x7", strings.Repeat("a", 128), strings.Repeat("ab-", 80), strings.Repeat("é",
		1<<20)} {
		begin := time.Now()
		r.Near(name)
		r.Search(name)
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%.10s… of %d bytes took %v", name, len(name), d)
		}
	}
}

func TestSearch(t *testing.T) {
	r := parse(t, string(builtin(t)))
	for text, want := range map[string][]string{
		"mobile v3": {"mobilenet-v3-large_8xb128_in1k", "mobilenet-v3-small_8xb128_in1k", "mobilenet-v3-small-075_3rdparty_in1k",
			"mobilenet-v3-small-050_3rdparty_in1k",
			"mobilenet-v3-large_3rdparty_in1k", "mobilenet-v3-small_3rdparty_in1k"},
		"V3 Mobile-Net 3rdparty small 0": {"mobilenet-v3-small-075_3rdparty_in1k", "mobilenet-v3-small-050_3rdparty_in1k"},
		"cspdarknet53":                   {"cspdarknet50_3rdparty_8xb32_in1k"}, // an alias only
		"darknet 53 in1k":                {"cspdarknet50_3rdparty_8xb32_in1k"},
		"v2 nano": {"convnext-v2-nano_fcmae-pre_3rdparty_in1k", "convnext-v2-nano_fcmae-in21k-pre_3rdparty_in1k",
			"convnext-v2-nano_fcmae-in21k-pre_3rdparty_in1k-384px"},
		"resnt50": nil,
		" - ":     nil,
		"":        nil,
	} {
		got := r.Search(text)
		if text == "v2 nano" {
			slices.Sort(want)
			slices.Sort(got)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got)\n%s", text, d)
		}
	}
	if got := r.Search("resnet50"); got[0] != "resnet50_8xb32_in1k" || !slices.Contains(got, "wide-resnet50_3rdparty-timm_8xb32_in1k") ||
		!slices.Contains(got, "cspresnet50_3rdparty_8xb32_in1k") {
		t.Errorf("resnet50: %q", got)
	}
}

// TestPattern: what is said of a pattern that nothing matches.
func TestPattern(t *testing.T) {
	_, err := parse(t, string(builtin(t))).Lookup("renset50*")
	if want := `registry: no model's name matches "renset50*": did you mean resnet50_8xb32_in1k`; err == nil ||
		!strings.HasPrefix(err.Error(), want) {
		t.Errorf("error = %v, want %q", err, want)
	}
	if errors.Is(err, registry.ErrUnknown) != true {
		t.Error("it is not of an unknown model")
	}
}

func FuzzNear(f *testing.F) {
	for _, s := range []string{"resnet-50", "vgg", "b0", "timm/resnet50.a1_in1k", "é\xff", "0", "a_b c"} {
		f.Add(s, "")
	}
	f.Add("mobilenet", "[mobilenet_x]\n[aliases]\nmb = \"mobilenet_x\"")
	r, err := registry.Parse("zoo.toml", builtin(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		r, err := r.Merge("fuzz", []byte(text))
		if err != nil {
			return
		}
		for _, list := range [][]string{r.Near(name), r.Search(name)} {
			for i, n := range list {
				if !slices.Contains(r.Names(), n) || slices.Index(list, n) != i {
					t.Fatalf("%q: %q", name, list)
				}
			}
		}
		if n := len(r.Near(name)); n > 3 {
			t.Fatalf("%q: %d names", name, n)
		}
	})
}
