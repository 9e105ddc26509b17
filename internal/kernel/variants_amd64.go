//go:build !purego

package kernel

import "github.com/gozoo/zoo/internal/cpu"

var avx2 = Variant{
	Name: cpu.AVX2.String(), Width: 16, Pixels: 6, Lanes: 8, GroupSizes: []int{4, 8},
	Panel:      panelAVX2,
	Depthwise:  depthwiseAVX2,
	Slide:      slideAVX2,
	Grouped:    groupedAVX2,
	WinogradIn: winogradInAVX2, WinogradOut: winogradOutAVX2,
	Activate: activateAVX2,
	MaxPool:  maxPoolAVX2, AvgPool: avgPoolAVX2, NormPool: normPoolAVX2,
	LayerNorm: layerNormAVX2, Moments: momentsAVX2, Softmax: softmaxAVX2,
}

var avx512 = Variant{
	Name: cpu.AVX512.String(), Width: 32, Pixels: 14, Lanes: 16, GroupSizes: []int{4, 8},
	Panel:      panelAVX512,
	Depthwise:  depthwiseAVX512,
	Slide:      slideAVX512,
	Grouped:    groupedAVX512,
	WinogradIn: winogradInAVX512, WinogradOut: winogradOutAVX512,
	Activate: activateAVX512,
	MaxPool:  maxPoolAVX512, AvgPool: avgPoolAVX512, NormPool: normPoolAVX512,
	LayerNorm: layerNormAVX512, Moments: momentsAVX512, Softmax: softmaxAVX512,
}

// assembly returns the variants in assembly that this processor can run, best last.
func assembly() []*Variant {
	var vs []*Variant
	if cpu.Best() >= cpu.AVX2 {
		vs = append(vs, &avx2)
	}
	if cpu.Best() >= cpu.AVX512 {
		if cpu.FastBF16() {
			avx512.RoundBF16, avx512.PanelBF16 = roundBF16AVX512, panelBF16AVX512
		}
		vs = append(vs, &avx512)
	}
	if cpu.Best() >= cpu.AMX {
		amx := avx512 // but for products of bf16
		amx.Name = cpu.AMX.String()
		amx.RoundBF16, amx.PanelBF16 = roundBF16AVX512, panelBF16AMX
		amx.RoundSplit, amx.PanelSplit = roundSplitAVX512, panelSplitAMX
		amx.RoundPlanes, amx.RoundThirds, amx.Direct = roundPlanesAMX, roundThirdsAMX, directAMX
		vs = append(vs, &amx)
	}
	return vs
}

// Slower returns variants that this processor can run and is slower with than with
// others, so that nothing takes them: for tests, which prove them here all the same.
func Slower() []*Variant {
	if !cpu.HasBF16() || avx512.PanelBF16 != nil {
		return nil
	}
	bf16 := avx512
	bf16.Name = "avx512 bf16"
	bf16.RoundBF16, bf16.PanelBF16 = roundBF16AVX512, panelBF16AVX512
	return []*Variant{&bf16}
}
