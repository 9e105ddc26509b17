package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostile2Scan plays the scan of every hostile file, and of every odd one.
func TestHostile2Scan(t *testing.T) {
	var list []situation
	for _, name := range []string{"hostile", "oddpth"} {
		dir := corpus(t, name)
		text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{"file": true}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			row := strings.Split(line, "\t")
			file, kind := row[0], row[1]
			if seen[file] || name == "hostile" && kind == "either" {
				continue
			}
			seen[file] = true
			s := situation{name: file, args: []string{"scan", filepath.Join(dir, file)}, says: []string{"safe"}, never: []string{"UNSAFE"}}
			if name == "hostile" && kind == "reject" {
				s = situation{name: file, args: s.args, status: exitCheckpoint, says: []string{"UNSAFE"}}
			}
			list = append(list, s)
		}
	}
	list = append(list,
		situation{name: "real", args: []string{"scan", corpus(t, "real")}, never: []string{"UNSAFE"}},
		situation{name: "nowhere", args: []string{"scan", "none.pth"}, status: exitUsage},
		situation{name: "no address", args: []string{"scan", "hf://nothing"}, status: exitUsage},
		situation{name: "offline", args: []string{"--offline", "scan", "hf://timm/resnet18.a1_in1k/pytorch_model.bin"}, status: exitNetwork},
	)
	play(t, t.TempDir(), list)
}
