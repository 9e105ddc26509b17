// Package backbone holds the network families, one file each: what a network
// computes and wants, as an nn.Graph made from numbers, and how foreign
// checkpoints of the family are renamed. It knows no weights, no files and no
// registry rows.
//
//	f, err := backbone.ByName("cspnet")
//	g, err := f.Graph("cspresnet50", 1000)
package backbone

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// A Family is a set of networks that share their building rules.
type Family struct {
	// Name is the family's key in zoo.toml.
	Name string
	// Archs makes the graph of each network for a number of classes.
	Archs map[string]func(classes int) (*nn.Graph, error)
	// Deploy makes the graph of each network whose parallel branches can be fused, in
	// the form that they are fused to. Its convolution "PATH.branch_reparam" stands for
	// the sum of branches under PATH, a layer PATH for what is under PATH, and a norm
	// "PATH.norm_reparam" for a norm and what is made of it under PATH.
	Deploy map[string]func(classes int) (*nn.Graph, error)
	// Sources are the projects that publish checkpoints of the family's networks under
	// other names, by architecture and then by the project's name: see the constants.
	Sources map[string]map[string]recipe.Source
}

// families lists every family, by name.
var families = []*Family{
	&beit,
	&conformers,
	&convMixer,
	&convNeXt,
	&cspNet,
	&daViT,
	&denseNet,
	&edgeNeXt,
	&efficientFormer,
	&efficientNet,
	&efficientNetV2,
	&eva02,
	&hiViT,
	&horNet,
	&hrNet,
	&inceptionV3,
	&leViT,
	&mixMIM,
	&mlpMixer,
	&mobileNetV2,
	&mobileNetV3,
	&mobileOne,
	&mobileViT,
	&mViT,
	&poolFormer,
	&regNet,
	&repLKNet,
	&repMLP,
	&repVGG,
	&res2Net,
	&resNet,
	&resNeXt,
	&revvit,
	&riFormer,
	&seResNet,
	&shuffleNetV1,
	&shuffleNetV2,
	&swinTransformer,
	&swinTransformerV2,
	&t2tViT,
	&tinyViT,
	&tnt,
	&twinsFamily,
	&van,
	&vgg,
	&vig,
	&visionTransformer,
	&xcit,
}

// All returns every family, sorted by name.
func All() []*Family { return slices.Clone(families) }

// ByName returns the family of that name.
func ByName(name string) (*Family, error) {
	var known []string
	for _, f := range families {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return nil, fmt.Errorf("backbone: unknown family %q: known are %s", name, strings.Join(known, ", "))
}

// Find returns the family that has an architecture: no two families name one alike.
func Find(arch string) (*Family, error) {
	for _, f := range families {
		if f.Archs[arch] != nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("backbone: no family has an architecture %q: All lists them", arch)
}

// ErrNoDeploy says that an architecture has one form only.
var ErrNoDeploy = errors.New("no deploy form")

// Graph returns the graph of one architecture, as it is trained, with the given number of
// classes.
func (f *Family) Graph(arch string, classes int) (*nn.Graph, error) {
	return f.Build(arch, nn.AsTrained, classes)
}

// Build is Graph for either form of an architecture. The error is ErrNoDeploy where
// nn.Deploy is asked for and there is none.
func (f *Family) Build(arch string, form nn.Form, classes int) (*nn.Graph, error) {
	build, ok := f.Archs[arch]
	if !ok {
		return nil, fmt.Errorf("backbone: family %s has no architecture %q: known are %s", f.Name, arch,
			strings.Join(slices.Sorted(maps.Keys(f.Archs)), ", "))
	}
	if form == nn.Deploy {
		if build, ok = f.Deploy[arch]; !ok {
			return nil, fmt.Errorf("backbone: %s of family %s has %w", arch, f.Name, ErrNoDeploy)
		}
	}
	return checked(build, arch, classes)
}

// checked makes a graph of a number of classes that there can be.
func checked(build func(int) (*nn.Graph, error), arch string, classes int) (*nn.Graph, error) {
	if classes < 1 {
		return nil, fmt.Errorf("backbone: %s: %d classes: at least 1 is needed", arch, classes)
	}
	g, err := build(classes)
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", arch, err)
	}
	return g, nil
}

// Recipe returns the recipe that renames the checkpoints of the named project
// for one architecture.
func (f *Family) Recipe(arch, project string) (recipe.Recipe, error) {
	s, ok := f.Sources[arch][project]
	if !ok {
		return nil, fmt.Errorf("backbone: %s has no recipe %q: known are %q", arch, project, slices.Sorted(maps.Keys(f.Sources[arch])))
	}
	return s.Recipe(), nil
}
