package zoo_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
)

// What is released is built from one version of zoo by one version of Go, with the same flags
// for archives and for the image; the image runs as nobody, and holds what was built alone.
func TestRelease(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	find := func(text, pattern string) string {
		t.Helper()
		m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("nothing is like %s", pattern)
		}
		return m[1]
	}
	dockerfile, build := read("Dockerfile"), read("release/build")
	if got, want := find(dockerfile, `^FROM golang:(\S+) AS build$`), find(read("go.mod"), `^go (\S+)$`); got != want {
		t.Errorf("the image is built by Go %s, go.mod says %s", got, want)
	}
	if got, want := find(dockerfile, `go build (.*) -o /out/zoo ./cmd/zoo$`), find(build, `^flags=\((.*)\)$`); got != want {
		t.Errorf("the image is built with %s, archives with %s", got, want)
	}
	if got := find(read("version.go"), find(build, `sed -n 's/(\^const.*)/\\1/p' version.go`)[:len(`^const Version = "`)]+`(.*)"$`); got != zoo.Version {
		t.Errorf("release/build reads version %s, the program says %s", got, zoo.Version)
	}
	_, last, _ := strings.Cut(dockerfile, "\n\nFROM ")
	for _, line := range []string{"scratch\n", "\nUSER 65532:65532\n", "\nENTRYPOINT [\"/zoo\"]\n", "\nENV ZOO_CACHE=/cache\n", "\nVOLUME /cache\n"} {
		if !strings.Contains("\n"+last, line) {
			t.Errorf("the image has no line %q", strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(last) {
		if strings.HasPrefix(line, "COPY ") && !strings.HasPrefix(line, "COPY --from=build ") {
			t.Errorf("the image takes something that was not built: %s", line)
		}
	}
	// The newest heading of the changelog is of a version before, or of this one.
	if heading := find(read("CHANGELOG.md"), `^## (\d\S*) - \d{4}-\d\d-\d\d$`); heading != zoo.Version {
		t.Errorf("version.go says %s, the newest release in CHANGELOG.md is %s", zoo.Version, heading)
	}
}
