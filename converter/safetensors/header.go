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
// map would let the last of two equal keys win.
func decodeHeader(head []byte) ([]entry, map[string]string, error) {
	if !utf8.Valid(head) {
		return nil, nil, errors.New("not valid UTF-8")
	}
	if len(head) == 0 || head[0] != '{' {
		return nil, nil, errors.New("does not start with {")
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
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		e.name = key
		entries = append(entries, e)
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
			return fmt.Errorf("key %q is there twice", key)
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
		return fmt.Errorf("expected %v, found %v", want, tok)
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
		return "", fmt.Errorf("expected a string, found %v", tok)
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
			return nil, fmt.Errorf("expected an integer, found %v", tok)
		}
		n, err := strconv.ParseUint(num.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("expected an integer from 0, found %s", num)
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
	err := d.object(func(key string) error {
		s, err := d.text()
		if err != nil {
			return fmt.Errorf("metadata %q: %w", key, err)
		}
		m[key] = s
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
			e.dtype, err = tensor.ParseDType(s)
			return err
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
			return fmt.Errorf("unknown key %q", key)
		}
		return nil
	})
	if err == nil && fields != 3 {
		err = errors.New("expected dtype, shape and data_offsets")
	}
	return e, err
}
