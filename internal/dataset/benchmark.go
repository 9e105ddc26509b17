package dataset

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gozoo/zoo/internal/imagenet"
)

// Names of benchmarks. ImageNetV2's is followed by that of its variant where it is known; those
// of imagenette and imagewoof are their archives', such as imagenette2-160.
const (
	// Adversarial is the Benchmark of a set whose images were chosen because networks fail on them.
	Adversarial = "ImageNet-A"
	renditions  = "ImageNet-R"
	sketches    = "ImageNet-Sketch"
	reassessed  = "ImageNet-Real" // ImageNet's own images with other labels: see readReal
	imageNetV2  = "ImageNetV2"
)

// Names that images have in one set only.
var (
	// adversarial is how ImageNet-A and ImageNet-O name their images, by what a network took
	// them for and how sure it was.
	adversarial = regexp.MustCompile(`^\d\.\d+_.+_\d\.\d+\.[A-Za-z]+$`)
	sketch      = regexp.MustCompile(`^sketch_\d+\.JPEG$`) // ImageNet-R's sketches are .jpg
	training    = regexp.MustCompile(`^n\d{8}_\d+\.JPEG$`) // ImageNet's training images
)

// Easier reports whether a benchmark is ImageNet's own images, with fewer classes to choose among or
// more labels that are right.
func Easier(benchmark string) bool {
	return strings.HasPrefix(benchmark, "imagenette") || strings.HasPrefix(benchmark, "imagewoof") || benchmark == reassessed
}

// called are the benchmarks by the names of their folders and archives, in small letters and digits.
var called = []struct {
	name      *regexp.Regexp
	benchmark string // $1 and so on stand for parts of the name
}{
	{regexp.MustCompile(`^imageneta$`), Adversarial},
	{regexp.MustCompile(`^imagenetr$`), renditions},
	{regexp.MustCompile(`^(imagenet)?sketch$`), sketches},
	{regexp.MustCompile(`^imagenetv2(matchedfrequency.*|b\d*)$`), imageNetV2 + " matched-frequency"},
	{regexp.MustCompile(`^imagenetv2(threshold.*|a\d*)$`), imageNetV2 + " threshold-0.7"},
	{regexp.MustCompile(`^imagenetv2(topimages.*|c\d*)$`), imageNetV2 + " top-images"},
	{regexp.MustCompile(`^imagenetv2$`), imageNetV2},
	{regexp.MustCompile(`^(imagenette2?|imagewoof2?)$`), "$1"},
	{regexp.MustCompile(`^(imagenette2?|imagewoof2?)(160|320)(px)?$`), "$1-$2"},
}

// archived are the suffixes of archives.
var archived = regexp.MustCompile(`\.(tar|zip|tgz|tar\.gz|tar\.zst|tzst)$`)

// byName returns the benchmark that the set is called by: by the innermost folder that is called
// so, of the last of the set's own path and those in which its classes lie; empty for none.
func (s *Set) byName(o Options) string {
	folders := strings.Split(path.Clean(strings.ReplaceAll(o.Name, `\`, "/")), "/")
	folders = append(folders[max(0, len(folders)-2):], strings.Split(s.dir, "/")...)
	for _, folder := range slices.Backward(folders) {
		name := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, archived.ReplaceAllString(strings.ToLower(folder), ""))
		for _, c := range called {
			if c.name.MatchString(name) {
				return c.name.ReplaceAllString(name, c.benchmark)
			}
		}
	}
	return ""
}

// named counts the images whose file has such a name.
func (s *Set) named(name *regexp.Regexp) int {
	n := 0
	for _, it := range s.Items {
		if name.MatchString(path.Base(it.Path)) {
			n++
		}
	}
	return n
}

// byImages returns the benchmark that images and classes prove; empty for none. ILSVRC's validation
// images are ImageNet's own, in folders that are numbered as ImageNetV2's are and in those of the
// classes of ImageNet-A or ImageNet-R too; imagenette has some.
func (s *Set) byImages(o Options) string {
	labels := make(map[int]bool)
	for _, it := range s.Items {
		labels[it.Label-o.Offset] = true
	}
	all := func(name *regexp.Regexp) bool { return len(s.Items) > 0 && s.named(name) == len(s.Items) }
	switch {
	case all(adversarial):
		return Adversarial
	case all(sketch):
		return sketches
	case s.Benchmark == "": // not told by its layout
		s.Benchmark = imagenet.Subset(labels)
	}
	if slices.Contains([]string{imageNetV2, Adversarial, renditions}, s.Benchmark) && s.named(validation) > 0 {
		return ""
	}
	return s.Benchmark
}

// recognise tells the benchmarks that ImageNet's classifiers are measured on beside ImageNet's own,
// and which classes are scored.
func (s *Set) recognise(o Options) {
	if !o.imageNet() {
		s.Benchmark = ""
		return
	}
	name := s.byName(o)
	if s.Benchmark = s.byImages(o); s.Benchmark == "" || strings.HasPrefix(name, s.Benchmark) {
		s.Benchmark = name // which may say more
	}
	if n := s.named(training); n > 0 {
		s.note("%d of %d images are named as those of ImageNet's training set: networks that were trained on it have seen them", n, len(s.Items))
	}
	if s.Benchmark == "" {
		return
	}
	s.note("the images are taken for those of %s: a figure published for ImageNet's own says nothing of them", s.Benchmark)
	for _, label := range imagenet.SubsetLabels(s.Benchmark) {
		s.Scored = append(s.Scored, label+o.Offset)
	}
	if s.Scored == nil {
		return
	}
	s.note("%s is about %d of the %d classes: the figure is of the best among these, and the one among all stands beside it",
		s.Benchmark, len(s.Scored), o.Classes-o.Offset)
	s.Items = slices.DeleteFunc(s.Items, func(it Item) bool {
		_, ok := slices.BinarySearch(s.Scored, it.Label)
		if !ok {
			s.leave("of classes that "+s.Benchmark+" does not have", it.Path, 1)
		}
		return !ok
	})
}
