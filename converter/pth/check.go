package pth

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnsupported is, by errors.Is, the error of what a sound file may hold and this package
// does not read: quantized and sparse tensors, big-endian files, programs.
var ErrUnsupported = errors.New("not supported")

type unsupportedError struct{ text string }

func (e *unsupportedError) Error() string        { return e.text }
func (e *unsupportedError) Is(target error) bool { return target == ErrUnsupported }

func unsupportedf(format string, args ...any) error {
	return &unsupportedError{fmt.Sprintf(format, args...)}
}

// Check returns an error where the file, though it was opened, is not sound: a tensor that its
// storage does not hold, views that together take far more than is stored, a name that two
// tensors have or that cannot be written, or a content that is no checkpoint's at all. Tensors
// of kinds that are not supported are passed over.
func (f *File) Check() error {
	limit := maxRepeats*f.storages.nbytes() + slackBytes
	left := limit
	found := 0
	seen := map[string]bool{}
	w := walk{holds: f.holds, sep: "/"}
	w.visit = func(path string, ref *tensorRef) error {
		found++
		name := strings.ReplaceAll(path, "/", ".")
		if path == "" { // the file is one tensor
			name = "(root)"
		} else if err := checkName(path); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("two tensors have the name %q", clip(name))
		}
		seen[name] = true
		t, err := ref.view()
		switch {
		case errors.Is(err, ErrUnsupported):
			return nil
		case err != nil:
			return fmt.Errorf("tensor %q: %w", clip(path), err)
		case t.Nbytes() > left:
			return fmt.Errorf("tensor %q: it and those before it take more than %d bytes, though all storages hold only %d",
				clip(path), limit, f.storages.nbytes())
		}
		left -= t.Nbytes()
		return nil
	}
	err := w.value(f.root, nil)
	if err == nil {
		err = f.checkRoot(found)
	}
	if err != nil {
		return fmt.Errorf("pth: %q: %w", f.name, err)
	}
	return nil
}

// checkRoot refuses a root that no checkpoint has, and that nobody could have a use for.
func (f *File) checkRoot(tensors int) error {
	entries, isMapping := entriesOf(f.root)
	for _, e := range entries {
		if _, text := e.Key.(string); !text {
			if _, ok := e.Value.(*tensorRef); ok {
				return fmt.Errorf("expected tensors under text keys, found one under a key of type %s", typeName(e.Key))
			}
		}
	}
	_, isObject := f.root.(*object)
	if tensors == 0 && !isObject && (!isMapping || len(entries) == 0) && len(f.storages.order) == 0 {
		return fmt.Errorf("no tensors in the file, which is of type %s", typeName(f.root))
	}
	return nil
}
