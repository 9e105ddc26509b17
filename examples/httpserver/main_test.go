package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

// Many requests at once are answered as the reference framework would, and what is no image
// is the client's mistake.
func TestServer(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{Concurrency: 2})
	server := httptest.NewServer(handler(m))
	defer server.Close()
	post := func(body []byte) (status int, top []model.Prediction) {
		resp, err := http.Post(server.URL+"/predict?top=2", "image/png", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, nil
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			if err := json.NewDecoder(resp.Body).Decode(&top); err != nil {
				t.Error(err)
			}
		}
		return resp.StatusCode, top
	}
	images, want := nano.Predictions(t)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			status, top := post(nano.Digit(t, i))
			if first, _, _ := strings.Cut(want[nano.Names[1]][i], ","); status != http.StatusOK || len(top) != 2 ||
				string(rune('0'+top[0].Class)) != first {
				t.Errorf("%s: status %d, %+v, the reference has %s", images[i], status, top, first)
			}
		})
	}
	wg.Wait()
	for what, body := range map[string][]byte{"no image": []byte("hello"), "nothing": nil,
		"half an image": nano.Digit(t, 0)[:60], "too large": make([]byte, 21<<20)} {
		if status, _ := post(body); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", what, status)
		}
	}
	m.Close()
	if status, _ := post(nano.Digit(t, 0)); status != http.StatusServiceUnavailable {
		t.Errorf("a closed model: status %d", status)
	}
}
