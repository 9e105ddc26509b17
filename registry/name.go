package registry

import (
	"errors"
	"fmt"
	"strings"
)

// maxName bounds a name: names become file names in the cache.
const maxName = 128

// CheckName returns an error unless name can be a published name: ASCII letters,
// digits and "._+-", starting with a letter or a digit; or such a name of a zoo, a slash, and the
// name that the model has there.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("expected a name of 1 to %d characters, found %d", maxName, len(name))
	}
	before, first, slashes := byte('/'), true, 0
	for _, c := range []byte(name) {
		first = before == '/'
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if c == '/' {
			slashes++
		}
		if !letter && (first || !strings.ContainsRune("._+-/", rune(c)) || slashes > 1) {
			return fmt.Errorf("expected letters, digits and . _ + - after a letter or a digit, "+
				"and at most one slash before the last name, found %q", rune(c))
		}
		before = c
	}
	if before == '/' {
		return fmt.Errorf("expected a name behind the slash of %q", name)
	}
	return nil
}

// FileName returns a name as one element of a path. It stands for no other name.
func FileName(name string) string { return strings.ReplaceAll(name, "/", "@") } // which no name holds

// NameOfFile is the inverse of FileName.
func NameOfFile(element string) string { return strings.ReplaceAll(element, "@", "/") }

// IsPattern reports whether a name is a pattern of path.Match and not a name: whether it holds what no name does.
func IsPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// ErrUnknown is, by errors.Is, every *UnknownError.
var ErrUnknown = errors.New("the registry does not know the model")

// An UnknownError says that no entry has a name, or matches a pattern, and which come near it.
type UnknownError struct {
	Name string
	Near []string // rows, best first; may be empty
}

func (e *UnknownError) Error() string {
	if IsPattern(e.Name) {
		return fmt.Sprintf("registry: no model's name matches %q: %s", e.Name, hint(e.Near))
	}
	return fmt.Sprintf("registry: unknown model %q: %s", e.Name, hint(e.Near))
}

// hint returns what to do about a name that is none.
func hint(near []string) string {
	switch n := len(near); n {
	case 0:
		return "zoo list prints every name"
	case 1:
		return "did you mean " + near[0] + "?"
	default:
		return "did you mean " + strings.Join(near[:n-1], ", ") + " or " + near[n-1] + "?"
	}
}

// Is reports whether target is ErrUnknown.
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }
