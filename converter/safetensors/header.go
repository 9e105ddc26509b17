package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/gozoo/zoo/tensor"
)

// decodeHeader reads the JSON header token by token: the standard decoder into a
// map would let the last of two equal keys win. More than so many tensors are an
// error.
func decodeHeader(head []byte, most int) ([]entry, map[string]string, error) {
	if !utf8.Valid(head) {
		return nil, nil, errors.New("not valid UTF-8")
	}
	if len(head) == 0 || head[0] != '{' {
		return nil, nil, errors.New("does not start with {")
	}
	head = bytes.TrimRight(head, " \t\r\n") // padding
	if err := checkSizes(head, most); err != nil {
		return nil, nil, err
	}
	d := headerDecoder{json.NewDecoder(bytes.NewReader(head))}
	d.UseNumber()
	var entries []entry
	var metadata map[string]string
	err := d.object(func(key string) (err error) {
		if key == metadataKey {
			metadata, err = d.metadata()
			return err
		}
		e, err := d.tensor()
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(key), err)
		}
		e.name = key
		if entries = append(entries, e); len(entries) > most {
			return fmt.Errorf("more than %d tensors for the data that follow", most)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("text after the closing brace")
	}
	return entries, metadata, nil
}

// checkSizes refuses what would fill the memory before the decoder could show how
// long it is: texts, all of them together, the marks between them, and whatever else
// stands between two marks. So many tensors may be in the header.
func checkSizes(head []byte, tensors int) error {
	text, plain := -1, 0 // where a text, or else what is none, starts
	total, marks := 0, 0
	for i := 0; i < len(head); i++ {
		switch c := head[i]; {
		case text >= 0 && c == '\\':
			i++
		case text >= 0 && c == '"':
			if i-text > maxText {
				return fmt.Errorf("a text of %d bytes at byte %d, at most %d are allowed", i-text, text, maxText)
			}
			if total += i - text; total > tensors*textPerTensor {
				return fmt.Errorf("more than %d bytes of text", tensors*textPerTensor)
			}
			text, plain = -1, i+1
		case text >= 0:
		case c == '"':
			text = i
		case c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':':
			if marks++; marks > tensors*marksPerTensor {
				return fmt.Errorf("more than %d punctuation marks", tensors*marksPerTensor)
			}
			plain = i + 1
		case i-plain > maxPlain:
			return fmt.Errorf("more than %d bytes that are no text at byte %d", maxPlain, plain)
		}
	}
	if text >= 0 {
		return fmt.Errorf("a text without end at byte %d", text)
	}
	return nil
}

// kind returns what a token is, without the text that it may hold.
func kind(tok json.Token) string {
	switch tok := tok.(type) {
	case nil:
		return "null"
	case bool:
		return "a bool"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case json.Delim:
		return tok.String()
	}
	return "something else"
}

type headerDecoder struct{ *json.Decoder }

// object reads an object, calling value after each key. A key that comes twice is
// an error.
func (d headerDecoder) object(value func(key string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		key := tok.(string) // the decoder lets nothing else stand for a key
		if seen[key] {
			return fmt.Errorf("key %s is there twice", quote(key))
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return d.delim('}')
}

func (d headerDecoder) delim(want json.Delim) error {
	tok, err := d.Token()
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("expected %v, found %s", want, kind(tok))
	}
	return nil
}

func (d headerDecoder) text() (string, error) {
	tok, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("expected a string, found %s", kind(tok))
	}
	return s, nil
}

// ints reads a list of plain non-negative integers, at most limit of them.
func (d headerDecoder) ints(limit int) ([]int, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	list := []int{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		num, ok := tok.(json.Number)
		if !ok {
			return nil, fmt.Errorf("expected an integer, found %s", kind(tok))
		}
		n, err := strconv.ParseUint(num.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("expected an integer from 0, found %s", quote(num.String()))
		}
		if len(list) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		list = append(list, int(n))
	}
	return list, d.delim(']')
}

func (d headerDecoder) metadata() (map[string]string, error) {
	m := make(map[string]string)
	size := 0
	err := d.object(func(key string) error {
		s, err := d.text()
		if err != nil {
			return fmt.Errorf("metadata %s: %w", quote(key), err)
		}
		m[key] = s
		if size += len(key) + len(s) + metadataEntry; size > maxMetadata {
			return fmt.Errorf("more than %d bytes of metadata", maxMetadata)
		}
		return nil
	})
	return m, err
}

func (d headerDecoder) tensor() (entry, error) {
	var e entry
	fields := 0
	err := d.object(func(key string) error {
		fields++
		switch key {
		case "dtype":
			s, err := d.text()
			if err != nil {
				return fmt.Errorf("dtype: %w", err)
			}
			if e.dtype, err = tensor.ParseDType(s); err != nil {
				return fmt.Errorf("unknown dtype %s", quote(s))
			}
			return nil
		case "shape":
			dims, err := d.ints(maxRank)
			if err != nil {
				return fmt.Errorf("shape: %w", err)
			}
			e.shape = dims
		case "data_offsets":
			at, err := d.ints(2)
			if err != nil || len(at) != 2 {
				return fmt.Errorf("data_offsets: expected two integers from 0: %w", errors.Join(err))
			}
			e.begin, e.end = at[0], at[1]
		default:
			return fmt.Errorf("unknown key %s", quote(key))
		}
		return nil
	})
	if err == nil && fields != 3 {
		err = errors.New("expected dtype, shape and data_offsets")
	}
	return e, err
}
