package zoo

import (
	"runtime"

	"github.com/gozoo/zoo/internal/cpu"
	"github.com/gozoo/zoo/model"
)

// CPU returns what the processor calls itself; empty where it cannot be asked.
func CPU() string { return cpu.Name() }

// KernelsRefused says why the kernels that the environment variable ZOO_CPU asks for
// are not the ones in use; empty when they are, or none are asked for.
func KernelsRefused() string { return cpu.Active().Reason }

// PortableCost says what computing without kernels costs. It was measured with zoo bench --threads 1 at
// High, as the ratio of medians: ResNet-50, CSPResNet-50, EfficientNet-Lite0 and MobileNetV2 took 16 to
// 17 times as long as with AVX2, and 30 to 32 times as long as with AVX-512.
const PortableCost = "portable Go is about 16 times slower than kernels with AVX2 and 30 times slower than with AVX-512, " +
	"measured on an Intel Xeon that has both"

// Portable says why networks are computed in portable Go, without kernels for the processor; empty where
// there are kernels in use. chosen tells that ZOO_CPU asks for that, though there are some.
func Portable() (reason string, chosen bool) {
	return portable(model.Variant(), model.Variants(), runtime.GOARCH, cpu.Written)
}

// portable is Portable of the variant in use, of those that the processor can run, worst first, on an
// architecture, and whether the program has code for more.
func portable(active string, variants []string, arch string, written bool) (reason string, chosen bool) {
	switch {
	case active != variants[0]:
		return "", false
	case len(variants) > 1:
		return "ZOO_CPU asks for none of the kernels that this processor has", true
	case arch != "amd64":
		return "there are no kernels for " + arch + ", only for amd64", false
	case !written:
		return "this program was built without kernels, with the tag purego", false
	}
	return "this processor does not offer AVX2 and FMA, which all kernels need", false
}
