package dataset

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/internal/imagenet"
)

// wordNet matches WordNet ids.
var wordNet = regexp.MustCompile(`^n\d{8}$`)

// labeller finds labels by the names that sets use. It is made once for a set.
type labeller struct {
	o        Options
	byName   map[string]int
	imageNet bool
}

func (o Options) labeller() *labeller {
	l := &labeller{o: o, byName: make(map[string]int), imageNet: o.imageNet()}
	for _, names := range [][]string{o.IDs, o.Names} {
		shift := o.shift(names)
		clear := make(map[string]bool) // names that more than one class has name none
		for i, name := range names {
			if clear[name] {
				delete(l.byName, name)
			} else if _, ok := l.byName[name]; !ok {
				l.byName[name], clear[name] = i+shift, true
			}
		}
	}
	return l
}

// shift returns the row of the first of some names.
func (o Options) shift(names []string) int {
	if len(names) == o.Classes {
		return 0
	}
	return o.Offset
}

// label returns the row of a class by its name or WordNet id.
func (l *labeller) label(name string) (int, bool) {
	if label, ok := l.byName[name]; ok {
		return label, true
	}
	if l.imageNet {
		if label, ok := imagenet.ByID(name); ok {
			return label + l.o.Offset, true
		}
	}
	return 0, false
}

// named returns what messages call a class.
func (o Options) named(label int) string {
	for _, names := range [][]string{o.Names, o.IDs} {
		if i := label - o.shift(names); i >= 0 && i < len(names) {
			return names[i]
		}
	}
	if o.imageNet() {
		return imagenet.Names()[label-o.Offset]
	}
	return strconv.Itoa(label)
}

// imageNet reports whether the classes are ImageNet's 1000 in their order: by their number,
// and by their names where they have any, of which most must be ImageNet's.
func (o Options) imageNet() bool {
	ids, names := imagenet.IDs(), imagenet.Names()
	if o.Classes-o.Offset != len(ids) {
		return false
	}
	for _, own := range [][]string{o.IDs, o.Names} {
		if own == nil {
			continue
		}
		same := 0
		for i, id := range ids {
			row := i + o.Offset - o.shift(own)
			if name := own[row]; name == id || isLemma(name, names[i]) {
				same++
			}
		}
		return 2*same > len(ids)
	}
	return true
}

// isLemma reports whether a name is a class's whole name or one of its lemmas.
func isLemma(name, class string) bool {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), "_", " ")) }
	if name = plain(name); name == plain(class) {
		return true
	}
	first, _, _ := strings.Cut(name, ",")
	for lemma := range strings.SplitSeq(class, ",") {
		if plain(lemma) == first {
			return true
		}
	}
	return false
}

// folderLabels returns the labels of those folders that are classes, and a sentence where
// they were understood in a way that is not plain.
func (s *Set) folderLabels(w *walker, o Options, folders []entry) (map[string]int, string, error) {
	l := o.labeller()
	labels := make(map[string]int)
	numbers := make(map[string]int)
	var others []entry // that are no numbers
	tooHigh := false
	for _, f := range folders {
		if label, ok := l.label(f.name); ok {
			labels[f.name] = label
		}
		n, err := strconv.Atoi(f.name)
		if err != nil || n < 0 || f.name[0] == '+' || f.name[0] == '-' {
			others = append(others, f)
		} else if n < o.Classes-o.Offset {
			numbers[f.name] = n + o.Offset
		} else {
			tooHigh = true
		}
	}
	if tooHigh { // one number is no class, so that none is
		numbers = nil
	}
	if len(labels) > 0 || len(numbers) == 0 {
		return labels, "", nil
	}
	for _, f := range others {
		found := errors.New("an image")
		err := newWalker(w.ctx, w.fsys).each(f.path, func(string, string) error { return found })
		if err == found {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
	}
	if len(numbers) == len(imagenet.IDs()) && o.imageNet() {
		s.Benchmark = imageNetV2
	}
	return numbers, fmt.Sprintf("the folders are whole numbers below %d: they were taken for labels, counted from 0", o.Classes-o.Offset), nil
}

// readFolders reads the folders of classes, whose images may lie at any depth.
func (s *Set) readFolders(w *walker, o Options, entries []entry, labels map[string]int) error {
	var empty []string
	for _, e := range entries {
		label, known := labels[e.name]
		if !e.folder {
			if IsImage(e.name) {
				s.leave("beside the folders of classes", e.name, 1)
			}
			continue
		}
		n := 0
		err := w.each(e.path, func(path, odd string) error {
			switch n++; {
			case odd != "":
				s.leave("that are no regular files", fmt.Sprintf("%s (%s)", path, odd), 1)
			case known:
				s.Items = append(s.Items, Item{Path: path, Label: label})
			}
			return nil
		})
		if err != nil {
			return err
		}
		switch {
		case n == 0 && known:
			empty = append(empty, fmt.Sprintf("%s (class %d)", e.path, label))
		case n == 0:
			s.note("the folder %s is no class, and holds no image", listed([]string{e.path}))
		case !known:
			s.leave("in folders that are no class", e.name, n)
		}
	}
	if len(empty) > 0 {
		s.note("%s no image: %s", count(len(empty), "folder of a class holds", "folders of classes hold"), some(empty))
	}
	if len(s.Items) == 0 && len(s.Left) == 0 {
		text := "the folders of classes hold no image"
		for _, note := range w.notes() {
			text += "; " + note
		}
		return fmt.Errorf("%s: expected files ending in %s", text, strings.Join(Suffixes, ", "))
	}
	if len(s.Left) > 0 && !slices.ContainsFunc(s.Left, func(l Left) bool { return l.Why != "in folders that are no class" }) {
		s.note("%s", o.hint())
	}
	return nil
}

// hint says what the classes are called.
func (o Options) hint() string {
	var names []string
	for label := o.Offset; label < o.Classes && len(names) <= shown; label++ {
		names = append(names, o.named(label))
	}
	return "expected the names of classes: " + listedOf(names, o.Classes-o.Offset)
}

// errNoFolders says that a folder holds none, so that none can be a class.
var errNoFolders = errors.New("no folder")

// unknown says why no folder is a class, and what to do.
func (o Options) unknown(folders []entry, images int) error {
	text := fmt.Sprintf("no %s and no folder of images named by class", ListFile)
	if len(folders) == 0 {
		if images > 0 {
			return fmt.Errorf("%s, but %w and %s without labels: name their list with --labels FILE", text, errNoFolders, count(images, "image", "images"))
		}
		return fmt.Errorf("%s, such as n01440764, but %w", text, errNoFolders)
	}
	ids := 0
	var names []string
	for _, f := range folders {
		names = append(names, f.name)
		if wordNet.MatchString(f.name) {
			ids++
		}
	}
	text += ": found " + some(names)
	if ids == len(folders) {
		return errors.New(text + o.notImageNets())
	}
	if o.Names == nil && o.IDs == nil {
		if o.imageNet() {
			return fmt.Errorf("%s, expected WordNet ids such as %s: rename them, or name the classes with --classes FILE", text, imagenet.IDs()[0])
		}
		return fmt.Errorf("%s; the %d classes of the classifier have no names: name them in label order with --classes FILE", text, o.Classes-o.Offset)
	}
	return fmt.Errorf("%s; %s: rename the folders, or name the classes with --classes FILE", text, o.hint())
}

// notImageNets says why WordNet ids are no labels here, and what to do.
func (o Options) notImageNets() string {
	all := len(imagenet.IDs())
	switch n := o.Classes - o.Offset; {
	case n == all && (o.Names != nil || o.IDs != nil):
		return fmt.Sprintf(": WordNet ids label ImageNet's %d classes, and the classifier's are called otherwise (%s, …): name its ids in label order with --classes FILE", all, o.named(o.Offset))
	case n == all:
		return fmt.Sprintf(": none of them is one of ImageNet's %d classes", all)
	case n == all+1:
		return fmt.Sprintf(": WordNet ids label ImageNet's %d classes, and the classifier has %d rows: where row 0 means background, say so with --classes-offset 1", all, o.Classes)
	}
	return fmt.Sprintf(": WordNet ids label ImageNet's %d classes, and the classifier has %d: name their ids in label order with --classes FILE", all, o.Classes-o.Offset)
}
