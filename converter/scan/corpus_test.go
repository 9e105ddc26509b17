package scan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/scan"
)

// TestHostileCorpus wants every hostile file refused, those that would run something as dangerous,
// and every genuine one passed.
func TestHostileCorpus(t *testing.T) {
	shared := filepath.Join("..", "..", "..", "shared")
	for _, corpus := range []string{"hostile", "oddpth"} {
		text, err := os.ReadFile(filepath.Join(shared, corpus, "MANIFEST.tsv"))
		if err != nil {
			t.Skipf("the corpora are not beside the repository: %v", err)
		}
		seen := map[string]bool{"file": true}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			row := strings.Split(line, "\t")
			name, kind := row[0], row[1]
			if seen[name] {
				continue
			}
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r, err := scan.File(filepath.Join(shared, corpus, name))
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case strings.HasPrefix(name, "exec_") && name != "exec_ext1.pth" && r.Worst() != scan.Dangerous,
					corpus == "hostile" && kind == "reject" && !r.Unsafe():
					t.Errorf("%v, and must be refused: %s: %+v", r.Worst(), row[2], r.Findings)
				case (corpus == "oddpth" || strings.HasPrefix(kind, "accept")) && r.Unsafe():
					t.Errorf("%v, and is genuine: %+v", r.Worst(), r.Findings)
				}
			})
		}
	}
}
