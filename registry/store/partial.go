package store

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
)

// start is what is noted beside a file that grows.
type start struct {
	URL       string `json:"url"`
	Validator string `json:"validator"`
}

// remember notes which file of the server's is being written, so that later
// attempts and later processes may go on with it. Without a strong validator they
// may not.
func (t *transfer) remember(h http.Header) error {
	t.validator = h.Get("ETag")
	if t.validator == "" || strings.HasPrefix(t.validator, "W/") {
		t.validator = h.Get("Last-Modified")
	}
	if t.validator == "" {
		return nil
	}
	data, err := json.Marshal(start{t.url, t.validator})
	if err != nil {
		return err
	}
	return os.WriteFile(t.path+".json", data, 0o600)
}

// recall finds what an earlier process left to go on with. Whatever is wrong with
// it, the digest of the whole file decides in the end.
func (t *transfer) recall() {
	var s start
	data, err := os.ReadFile(t.path + ".json")
	if err == nil && json.Unmarshal(data, &s) == nil && s.URL == t.url {
		t.validator = s.Validator
	}
}

// forget removes what there is to go on with.
func (t *transfer) forget() {
	t.validator, t.size = "", 0
	os.Remove(t.path)
	os.Remove(t.path + ".json")
}

// verifyStart computes the digest of what earlier attempts left in f, which is
// nothing when it cannot be gone on with. f is left at its end.
func (t *transfer) verifyStart(f *os.File) (*verifier, error) {
	v := newVerifier(t.want)
	if t.validator != "" {
		_, err := io.Copy(v, f)
		if err == nil {
			t.size = v.size
			return v, nil
		}
		if !errors.Is(err, errTooLong) {
			return nil, err
		}
	}
	t.validator, t.size = "", 0
	return newVerifier(t.want), rewind(f)
}

func rewind(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}
