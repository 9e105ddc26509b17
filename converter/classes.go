package converter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxClassesFile bounds a file of class names, in bytes.
const maxClassesFile = 1 << 20

// ReadClasses reads class names in label order from a text file: one name a line, or
// a JSON list.
func ReadClasses(path string) ([]string, error) {
	fail := func(format string, args ...any) ([]string, error) {
		return nil, fmt.Errorf("converter: class names in %q: "+format, append([]any{filepath.Base(path)}, args...)...)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("converter: class names: %w", err)
	}
	if st.Size() > maxClassesFile {
		return fail("%d bytes, expected at most %d", st.Size(), maxClassesFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("converter: class names: %w", err)
	}
	if !utf8.Valid(data) {
		return fail("expected text in UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var names []string
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := json.Unmarshal(data, &names); err != nil {
			return fail("expected a JSON list of names: %w", err)
		}
	} else {
		text := strings.ReplaceAll(string(data), "\r\n", "\n")
		names = strings.Split(strings.TrimRight(text, "\n"), "\n")
	}
	for i, name := range names {
		if strings.TrimSpace(name) == "" || strings.ContainsFunc(name, unicode.IsControl) {
			return fail("expected a printable name for label %d, found %q", i, name)
		}
	}
	if len(names) == 0 {
		return fail("expected one name at least")
	}
	return names, nil
}
