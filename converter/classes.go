package converter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/textfile"
	"github.com/gozoo/zoo/printable"
)

// ReadClasses reads class names in label order from a text file: ReadClassIndex without the ids.
func ReadClasses(path string) ([]string, error) {
	names, _, err := ReadClassIndex(path)
	return names, err
}

// ReadClassIndex reads class names in label order from a text file, and the ids that it gives
// beside them; nil for none. The file holds
//
//	a name, a WordNet id or both, a line           n01440764 tench, Tinca tinca
//	a JSON list of names                           ["cat", "dog"]
//	a JSON object from label to name, or back      {"0": "cat", "1": "dog"}, {"cat": 0, "dog": 1}
//	a JSON object from label to id and name        {"0": ["n01440764", "tench"]}
func ReadClassIndex(path string) (names, ids []string, err error) {
	fail := func(format string, args ...any) ([]string, []string, error) {
		return nil, nil, fmt.Errorf("converter: class names in %q: "+format, append([]any{filepath.Base(path)}, args...)...)
	}
	data, err := bounded.ReadFile(path, bounded.Names)
	if errors.Is(err, bounded.ErrTooLong) {
		return fail("expected at most %d bytes, found more", bounded.Names)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("converter: class names: %w", err)
	}
	if data, err = textfile.Decode(data); err != nil {
		return fail("%w", err)
	}
	if !utf8.Valid(data) {
		return fail("expected text in UTF-8")
	}
	switch text := bytes.TrimSpace(data); {
	case bytes.HasPrefix(text, []byte("[")):
		if err := json.Unmarshal(text, &names); err != nil {
			return fail("expected a JSON list of names: %w", err)
		}
	case bytes.HasPrefix(text, []byte("{")):
		if names, ids, err = classObject(text); err != nil {
			return fail("%w", err)
		}
	default:
		names = strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		names, ids = wordNetLines(names)
	}
	for i, name := range names {
		if strings.TrimSpace(name) == "" || printable.Check(name) != nil {
			return fail("expected a printable name for label %d, found %q", i, name)
		}
	}
	for i, id := range ids {
		if strings.TrimSpace(id) == "" || printable.Check(id) != nil {
			return fail("expected a printable id for label %d, found %q", i, id)
		}
	}
	if len(names) == 0 {
		return fail("expected one name at least")
	}
	return names, ids, nil
}

// wordNetLine splits a line into the WordNet id that it begins with and the names behind it.
func wordNetLine(line string) (id, names string, ok bool) {
	const digits = 8
	if len(line) < 1+digits || line[0] != 'n' || strings.Trim(line[1:1+digits], "0123456789") != "" {
		return "", "", false
	}
	id, names = line[:1+digits], line[1+digits:]
	if names != "" && !strings.ContainsAny(names[:1], " \t") {
		return "", "", false
	}
	return id, strings.TrimLeft(names, " \t"), true
}

// wordNetLines takes WordNet ids off lines that all begin with one. Where nothing stands behind
// them the ids are the names.
func wordNetLines(lines []string) (names, ids []string) {
	for _, line := range lines {
		id, name, ok := wordNetLine(strings.TrimRight(line, " \t"))
		if !ok {
			return lines, nil
		}
		ids, names = append(ids, id), append(names, cmp.Or(name, id))
	}
	return names, ids
}

// classObject reads a JSON object between labels and names. Each label from 0 must be there once.
func classObject(text []byte) (names, ids []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.Token() // {
	named := make(map[int][2]string)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("expected a JSON object: %w", err)
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, nil, fmt.Errorf("expected a JSON object: %w", err)
		}
		label, id, name, err := classPair(key.(string), value)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := named[label]; twice {
			return nil, nil, fmt.Errorf("label %d is there twice", label)
		}
		named[label] = [2]string{id, name}
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, fmt.Errorf("expected a JSON object: %w", err)
	}
	if d.More() {
		return nil, nil, errors.New("expected one JSON object, found more behind it")
	}
	withIDs := 0
	for label := range len(named) {
		c, ok := named[label]
		if !ok {
			return nil, nil, fmt.Errorf("expected labels from 0 to %d, found none for %d", len(named)-1, label)
		}
		if c[0] != "" {
			withIDs++
		}
		ids, names = append(ids, c[0]), append(names, c[1])
	}
	if withIDs < len(ids) {
		ids = nil
	}
	return names, ids, nil
}

// classPair returns what one pair of a class object says.
func classPair(key string, value any) (label int, id, name string, err error) {
	switch v := value.(type) {
	case float64: // from name to label
		if label = int(v); float64(label) != v || label < 0 || label > bounded.Names {
			return 0, "", "", fmt.Errorf("expected a whole number as label of %.100q, found %v", key, v)
		}
		return label, "", key, nil
	case string:
		if _, err := strconv.Atoi(key); err != nil {
			if label, err = strconv.Atoi(v); err == nil && label >= 0 { // from name to label, as text
				return label, "", key, nil
			}
		}
		name = v
	case []any:
		for i, part := range v {
			s, ok := part.(string)
			switch {
			case !ok || i > 1:
				return 0, "", "", fmt.Errorf("expected an id and a name for label %.100q", key)
			case i == 0:
				id, name = s, s
			default:
				name = s
			}
		}
	default:
		return 0, "", "", fmt.Errorf("expected a name, a label, or an id and a name behind %.100q", key)
	}
	if label, err = strconv.Atoi(key); err != nil || label < 0 {
		return 0, "", "", fmt.Errorf("expected labels on one side of each pair, found %.100q and %.100q", key, name)
	}
	return label, id, name, nil
}
