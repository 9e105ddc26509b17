package imagenet

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// The expected names and their collisions are upstream's; see mmpretrain's
// IMAGENET_CATEGORIES.
func TestNames(t *testing.T) {
	names := Names()
	if len(names) != 1000 {
		t.Fatalf("%d names, want 1000", len(names))
	}
	want := map[int]string{
		0: "tench, Tinca tinca", 65: "sea snake", 134: "crane", 517: "crane",
		638: "maillot", 639: "maillot, tank suit", 999: "toilet tissue, toilet paper, bathroom tissue",
	}
	for i, w := range want {
		if names[i] != w {
			t.Errorf("class %d = %q, want %q", i, names[i], w)
		}
	}
	commas := 0
	for _, n := range names {
		if strings.Contains(n, ",") {
			commas++
		}
	}
	if commas != 492 {
		t.Errorf("%d names hold a comma, want 492", commas)
	}
	if !slices.IsSorted(table().ids) || len(slices.Compact(slices.Clone(table().ids))) != 1000 {
		t.Error("WordNet ids are not sorted and unique")
	}
	if label, ok := ByID("n01440764"); !ok || label != 0 {
		t.Errorf("ByID(n01440764) = %d, %v", label, ok)
	}
}

func TestWalk(t *testing.T) {
	file := &fstest.MapFile{}
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	tests := []struct {
		name    string
		fsys    fstest.MapFS
		classes int
		want    []Item
		err     string // part of the message
	}{
		{"list beside the images", fstest.MapFS{"val.txt": text("b.JPEG 3\n\na c.JPEG 0\n"), "b.JPEG": file, "a c.JPEG": file}, 10, []Item{{"a c.JPEG", 0}, {"b.JPEG", 3}}, ""},
		{"list with a val folder", fstest.MapFS{"val.txt": text("b.JPEG 3"), "val/b.JPEG": file}, 10, []Item{{"val/b.JPEG", 3}}, ""},
		{"class folders", fstest.MapFS{"n01443537/x.JPEG": file, "n01440764/y.JPEG": file, "n01440764/.DS_Store": file, "other/z.JPEG": file}, 1000, []Item{{"n01440764/y.JPEG", 0}, {"n01443537/x.JPEG", 1}}, ""},
		{"class folders in val", fstest.MapFS{"val/n01443537/x.JPEG": file}, 1000, []Item{{"val/n01443537/x.JPEG", 1}}, ""},
		{"label too large", fstest.MapFS{"val.txt": text("b.JPEG 10"), "b.JPEG": file}, 10, nil, "from 0 to 9"},
		{"negative label", fstest.MapFS{"val.txt": text("b.JPEG -1"), "b.JPEG": file}, 10, nil, "from 0 to 9"},
		{"no label", fstest.MapFS{"val.txt": text("b.JPEG"), "b.JPEG": file}, 10, nil, "PATH LABEL"},
		{"image missing", fstest.MapFS{"val.txt": text("b.JPEG 1")}, 10, nil, "not there"},
		{"twice", fstest.MapFS{"val.txt": text("b.JPEG 1\nb.JPEG 2"), "b.JPEG": file}, 10, nil, "twice"},
		{"leaves the folder", fstest.MapFS{"val.txt": text("../b.JPEG 1")}, 10, nil, "leaves"},
		{"empty list", fstest.MapFS{"val.txt": text("\n")}, 10, nil, "no image"},
		{"nothing known", fstest.MapFS{"cats/x.JPEG": file}, 10, nil, "WordNet"},
		{"class beyond the model", fstest.MapFS{"n15075141/x.JPEG": file}, 10, nil, "10 classes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Walk(tt.fsys, tt.classes)
			if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
