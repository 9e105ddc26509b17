package dataset

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
)

// readReal reads ImageNet-Real's real.json (arXiv:2006.07159): the labels, each of them right, of
// each of ILSVRC's validation images, in their order. These may lie in a folder at any depth. Images
// without a label are in no figure, as the authors have it.
func (s *Set) readReal(w *walker, o Options, dir, name string, text []byte) error {
	var real [][]int
	if err := json.Unmarshal(text, &real); err != nil {
		return fmt.Errorf("%s: expected a list of labels for each of ILSVRC's validation images, as in real.json: %w", name, err)
	}
	if !o.imageNet() {
		return fmt.Errorf("%s labels images with ImageNet's classes, which are not the model's", name)
	}
	s.Benchmark = reassessed
	for _, below := range nested {
		if st, err := fs.Stat(w.fsys, join(dir, below)); err == nil && st.IsDir() {
			dir = join(dir, below)
			break
		}
	}
	paths := make([]string, len(real))
	err := w.each(dir, func(p, odd string) error {
		n := 0
		if m := validation.FindStringSubmatch(path.Base(p)); m != nil {
			n, _ = strconv.Atoi(m[1]) // eight digits
		}
		switch {
		case n < 1 || n > len(real):
			s.leave("not named as one of those that "+name+" labels", p, 1)
		case odd != "": // it is not there, and noted
		case paths[n-1] != "":
			return fmt.Errorf("%q and %q are the same image", paths[n-1], p)
		default:
			paths[n-1] = p
		}
		return nil
	})
	if err != nil {
		return err
	}
	without := 0
	for i, labels := range real {
		it := Item{Path: paths[i]}
		for _, label := range labels {
			if label < 0 || label >= o.Classes-o.Offset || slices.Contains(it.Also, label+o.Offset) {
				return fmt.Errorf("%s: image %d has labels %v, expected each once, from 0 to %d", name, i+1, labels, o.Classes-o.Offset-1)
			}
			it.Also = append(it.Also, label+o.Offset)
		}
		switch {
		case len(labels) == 0:
			without++
			continue
		case it.Path == "":
			s.leave("that are not there", fmt.Sprintf(validationName, i+1), 1)
			continue
		}
		if it.Label, it.Also = it.Also[0], it.Also[1:]; len(it.Also) == 0 {
			it.Also = nil
		}
		s.Items = append(s.Items, it)
	}
	s.note("%s has no label for %s, which count in no figure", name, count(without, "image", "images"))
	return nil
}
