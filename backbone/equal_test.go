package backbone_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEqual compares every network that golden/gen/equal.py wrote into the folder of ZOO_EQUAL with what is computed here, within 1e-4 of
// its largest logit, and adds a line for each to the file of ZOO_EQUAL_TABLE, if any: catalogue/equal.tsv was written so.
func TestEqual(t *testing.T) {
	dir := os.Getenv("ZOO_EQUAL")
	if dir == "" {
		t.Skip("ZOO_EQUAL names no folder that golden/gen/equal.py wrote; .ci/long equal makes one")
	}
	var table strings.Builder
	for _, f := range foreignsIn(t, filepath.Join(dir, "*.zst")) {
		t.Run(f.file, func(t *testing.T) {
			g := f.golden
			logits := f.logits(t)
			most, scale := 0.0, 0.0
			for i, v := range g.Logits {
				most, scale = max(most, math.Abs(float64(logits[i])-float64(v))), max(scale, math.Abs(float64(v)))
			}
			if !(most < 1e-4*scale) {
				t.Errorf("differs by %g of %g", most, scale)
			}
			e := f.entry(t)
			fmt.Fprintf(&table, "%s\t%s\t%s\t%s\t%d\t%.2g\n", f.project, f.network, e.Family, e.Arch, g.Shape[2], most/scale)
		})
	}
	if path := os.Getenv("ZOO_EQUAL_TABLE"); path != "" {
		out, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err == nil {
			_, err = out.WriteString(table.String())
			out.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
