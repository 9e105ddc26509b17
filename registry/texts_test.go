package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/registry"
)

// Whatever text of a row holds a character that does not print, the row is refused by the key.
func TestControlCharactersInRows(t *testing.T) {
	builtin, err := os.ReadFile(filepath.Join("..", "zoo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	base, err := registry.Parse("zoo.toml", builtin)
	if err != nil {
		t.Fatal(err)
	}
	const name = "cspresnet50_3rdparty_8xb32_in1k"
	for _, key := range []string{
		"family", "arch", "labels", "weights.url", "weights.licence", "weights.container", "weights.converted_from", "weights.recipe",
		"input.order", "input.exif", "input.resize.kind", "published.source", "published.note", "published.flops_convention", "published.form",
	} {
		for _, bad := range []string{`\u001B[2J`, `\u0007`, `\n`, `\t`, `\u007F`, `\u009B`, `\u202E`, `\u200B`, `\U000E0041`} {
			text := fmt.Sprintf("[%s]\n%s = \"https://host/x%s\"\n", name, key, bad)
			mine, err := base.Merge("mine.toml", []byte(text))
			if err == nil {
				_, err = mine.Lookup(name)
			}
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %s: error %v", key, bad, err)
			}
		}
	}
	text := fmt.Sprintf("[%s.published]\nnote = \"Käfer | <b> 浓缩咖啡 =1+1\"\n", name)
	mine, err := base.Merge("mine.toml", []byte(text))
	if err == nil {
		err = mine.Check()
	}
	if err != nil {
		t.Errorf("text that prints: %v", err)
	}
}
