package evaluate

import (
	"bytes"
	"strings"
	"testing"
)

// Whatever the bytes, what counts of a log is consistent, and reads the same again
// without what follows it.
func FuzzReadLog(f *testing.F) {
	const header = `{"format":"zoo-eval/1","model":"m","weights":"synthetic:1","pixels":"p","precision":"high","list_sha256":"01234567","set":4,"limit":4,"from":1,"to":3,"dataset":"d"}` + "\n"
	f.Add([]byte(header + `{"i":1,"path":"a","label":0,"top":[0,1]}` + "\n" + `{"i":2,"path":"b","label":1,"error":"e"}` + "\n"))
	f.Add([]byte(header + `{"i":1,"path":"a`))
	f.Add([]byte(header[:20]))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, lines, whole, err := readLog(bytes.NewReader(data))
		if err != nil {
			return
		}
		if whole > int64(len(data)) || len(lines) > 0 && len(lines) > h.To-h.From {
			t.Fatalf("%d bytes of %d, %d lines of %+v", whole, len(data), len(lines), h)
		}
		_, again, same, err := readLog(bytes.NewReader(data[:whole]))
		if err != nil || same != whole || len(again) != len(lines) {
			t.Errorf("the whole lines alone: %d bytes, %d lines, %v; were %d and %d", same, len(again), err, whole, len(lines))
		}
	})
}

// The ILSVRC development kit's numbers, taken for labels, are told.
func TestOtherNumbering(t *testing.T) {
	e := &Evaluation{Subject: Subject{Model: "m", Classes: 1000}}
	for i := range 300 {
		number := []int{149, 2, 3}[i%3]    // Eskimo dog, English setter, Siberian husky
		label := []int{248, 212, 250}[i%3] // as WordNet ids order them
		e.add(ImageResult{Label: number, Top: []int{label}})
	}
	err := e.chance()
	if err == nil || !strings.Contains(err.Error(), "if the labels were the ILSVRC development kit's, it would be 300") {
		t.Error(err)
	}
	e = &Evaluation{Subject: Subject{Model: "m", Classes: 100}}
	for i := range 300 {
		e.add(ImageResult{Label: i%99 + 1, Top: []int{i % 99}})
	}
	if err := e.chance(); err == nil || !strings.Contains(err.Error(), "if the labels were numbered from 1, it would be 300") {
		t.Error(err)
	}
}
