package backbone

import "strings"

// effPruned is an EfficientNet without the channels that mattered least, as timm has it
// (timm/models/_pruned). Squeeze-excitation is as narrow as before.
type effPruned struct {
	size     string      // of the network before
	out      []int       // channels that leave the blocks of each stage
	mid      [][]int     // channels inside each block, by stages
	squeezed map[int]int // the exceptions among squeeze-excitations, by the number of the block
}

var effPruneds = map[string]effPruned{
	"efficientnet-b1-pruned": {size: "b1", out: []int{16, 12, 35, 74, 67, 192, 320}, mid: [][]int{
		{32, 16},
		{48, 62, 48},
		{70, 61, 51},
		{175, 188, 137, 164},
		{399, 201, 160, 213},
		{637, 806, 798, 891, 990},
		{1152, 1912},
	}, squeezed: map[int]int{16: 27}},
	"efficientnet-b2-pruned": {size: "b2", out: []int{16, 17, 42, 85, 116, 208, 352}, mid: [][]int{
		{32, 16},
		{54, 69, 61},
		{86, 72, 98},
		{245, 274, 254, 292},
		{502, 315, 354, 443},
		{719, 1148, 1160, 1182, 1228},
		{1248, 2112},
	}},
	"efficientnet-b3-pruned": {size: "b3", out: []int{24, 12, 40, 93, 120, 232, 384}, mid: [][]int{
		{40, 24},
		{27, 49, 48},
		{83, 90, 85},
		{215, 261, 219, 254, 236},
		{480, 235, 217, 226, 340},
		{802, 1030, 924, 1016, 1130, 1266},
		{1392, 2301},
	}, squeezed: map[int]int{16: 33}},
}

// addEffPruneds adds them to their family. Borders and eps are TensorFlow's.
func addEffPruneds(f *Family) {
	for arch, p := range effPruneds {
		e := effScales[p.size]
		e.eps, e.pruned = effEps, &p
		f.Archs[arch] = e.graph
		f.Sources[arch] = projects{timm: named(e.timm, strings.ReplaceAll(arch, "-", "_"))}
	}
}

// prune gives a block the channels that are left; j is its number in the stage, n in the network.
func (p *effPruned) prune(r *inverted, stage, j, n int) {
	r.mid, r.out = p.mid[stage][j], p.out[stage]
	if c, ok := p.squeezed[n]; ok {
		r.squeezed = c
	}
}
