package imagenet

import (
	"slices"
	"strings"
	"testing"
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

// Numbers of the development kit: the table that ILSVRC2015 gives in map_clsloc.txt.
func TestByKitNumber(t *testing.T) {
	for number, id := range map[int]string{1: "n02119789", 383: "n01514668", 449: "n01440764", 490: "n01751748", 1000: "n03255030"} {
		label, ok := ByKitNumber(number)
		if want, _ := ByID(id); !ok || label != want {
			t.Errorf("number %d = class %d, %v: want %d (%s)", number, label, ok, want, id)
		}
	}
	seen := make(map[int]bool)
	for number := 1; number <= 1000; number++ {
		label, ok := ByKitNumber(number)
		if !ok || seen[label] {
			t.Errorf("number %d = class %d, %v: want a class of its own", number, label, ok)
		}
		seen[label] = true
	}
	for _, number := range []int{-1, 0, 1001} {
		if _, ok := ByKitNumber(number); ok {
			t.Errorf("number %d is a class", number)
		}
	}
}

// The classes of the benchmarks that have some: see gen/subsets.py. Their numbers are those of
// the papers, and the ten of imagenette stand in its README.
func TestSubsets(t *testing.T) {
	for name, want := range map[string]int{"ImageNet-A": 200, "ImageNet-R": 200, "imagenette": 10, "imagewoof2-160": 10, "imagenette2": 10,
		"ImageNet-Sketch": 0, "ImageNetV2": 0, "imagenette3": 0, "": 0} {
		labels := SubsetLabels(name)
		if len(labels) != want || !slices.IsSorted(labels) {
			t.Errorf("%s has %d classes, want %d", name, len(labels), want)
		}
		set := make(map[int]bool)
		for _, label := range labels {
			set[label] = true
		}
		if found := Subset(set); want > 0 && !strings.HasPrefix(name, found) || want == 0 && found != "" {
			t.Errorf("the classes of %s are told to be those of %q", name, found)
		}
		if set[1000] = true; Subset(set) != "" {
			t.Errorf("the classes of %s and another are told to be those of %q", name, Subset(set))
		}
	}
	var found []string
	for _, label := range SubsetLabels("imagenette2-320") {
		name, _, _ := strings.Cut(Names()[label], ",")
		found = append(found, name)
	}
	want := []string{"tench", "English springer", "cassette player", "chain saw", "church", "French horn", "garbage truck", "gas pump",
		"golf ball", "parachute"}
	if !slices.Equal(found, want) {
		t.Errorf("imagenette has %q, want %q", found, want)
	}
}
