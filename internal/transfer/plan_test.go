package transfer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlanClaims(t *testing.T) {
	type claim struct {
		from, to int64
		ok       bool
	}
	tests := []struct {
		name  string
		size  int64
		done  []int64 // of segments of 10 bytes
		alone bool
		want  []claim // one after the other, none given back
	}{
		{"new", 25, nil, false, []claim{{0, 10, true}, {10, 20, true}, {20, 25, true}}},
		{"new, alone", 25, nil, true, []claim{{0, 25, true}}},
		{"begun", 25, []int64{4, 10, 1}, false, []claim{{4, 10, true}, {21, 25, true}}},
		{"begun, alone", 45, []int64{4, 0, 10, 2, 0}, true, []claim{{4, 20, true}, {32, 45, true}}},
		{"segment of another size at the end", 21, []int64{10, 10}, false, []claim{{20, 21, true}}},
		{"whole", 20, []int64{10, 10}, false, []claim{{0, 0, false}}},
		{"empty", 0, nil, false, []claim{{0, 0, false}}},
		{"of no known size", -1, []int64{7}, false, []claim{{7, -1, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan()
			p.lay(tt.size, 10)
			copy(p.done, tt.done)
			for i, want := range tt.want {
				from, to, ok := p.claim(t.Context(), tt.alone, 1<<40)
				if got := (claim{from, to, ok}); got != want {
					t.Errorf("claim %d = %+v, want %+v", i, got, want)
				}
			}
			if tt.size >= 0 && !p.complete() {
				// The rest is claimed: who asks now waits for what may come back.
				synctest.Test(t, func(t *testing.T) { testClaimWaits(t, tt.size, tt.done) })
			}
		})
	}
}

// testClaimWaits claims everything, then gives one claim back.
func testClaimWaits(t *testing.T, size int64, done []int64) {
	p := newPlan()
	p.lay(size, 10)
	copy(p.done, done)
	var back [2]int64
	for p.missing() > 0 {
		from, to, _ := p.claim(t.Context(), true, 1<<40)
		back = [2]int64{from, to}
		if to == size {
			break
		}
	}
	got := make(chan [2]int64, 1)
	go func() {
		from, to, _ := p.claim(t.Context(), true, 1<<40)
		got <- [2]int64{from, to}
	}()
	synctest.Wait()
	select {
	case c := <-got:
		t.Fatalf("claimed %v, which others fetch", c)
	default:
	}
	p.release(back[0], back[1])
	if c := <-got; c != back {
		t.Errorf("claimed %v, want %v, which was given back", c, back)
	}
}

func TestPlanKeepsNearTheHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlan()
		p.lay(100, 10)
		for want := int64(0); want <= 20; want += 10 {
			if from, _, _ := p.claim(t.Context(), false, 20); from != want {
				t.Fatalf("claimed from %d, want %d", from, want)
			}
		}
		claimed := make(chan int64, 1)
		go func() {
			from, _, _ := p.claim(t.Context(), false, 20)
			claimed <- from
		}()
		time.Sleep(time.Hour)
		select {
		case from := <-claimed:
			t.Fatalf("claimed from %d, more than 20 bytes before the hash", from)
		default:
		}
		p.wrote(0, 10)
		if to, more := p.nextHash(); to != 10 || !more {
			t.Errorf("next to hash = %d, %v, want 10", to, more)
		}
		p.setHashed(10)
		if from := <-claimed; from != 30 {
			t.Errorf("claimed from %d, want 30", from)
		}
	})
}

func TestPlanFrontier(t *testing.T) {
	p := newPlan()
	p.lay(25, 10)
	for _, step := range []struct{ off, n, frontier int64 }{
		{10, 3, 0}, {20, 5, 0}, {0, 4, 4}, {4, 6, 13}, {13, 7, 25},
	} {
		p.wrote(step.off, step.n)
		if got := p.frontier(); got != step.frontier {
			t.Errorf("frontier after %d bytes at %d = %d, want %d", step.n, step.off, got, step.frontier)
		}
	}
	if !p.complete() || p.there() != 25 {
		t.Errorf("complete = %v with %d bytes", p.complete(), p.there())
	}
	p = newPlan()
	p.lay(25, 10)
	p.wrote(0, 25) // over the ends of segments
	if !p.complete() {
		t.Errorf("not complete after one write of all: %v", p.done)
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	p := newPlan()
	p.validator = `"tag"`
	p.lay(25, 10)
	j, err := createJournal(path, "https://example.org/f", p)
	if err != nil {
		t.Fatal(err)
	}
	defer j.f.Close()
	p.save = j.write
	p.wrote(0, 4)
	p.wrote(4, 3)
	p.wrote(20, 5)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	url, got, err := readJournal(bytes.NewReader(data), 25)
	if err != nil {
		t.Fatal(err)
	}
	if url != "https://example.org/f" || got.validator != `"tag"` || got.size != 25 || got.segment != 10 {
		t.Errorf("journal = %s %s %d %d", url, got.validator, got.size, got.segment)
	}
	if d := cmp.Diff([]int64{7, 0, 5}, got.done); d != "" {
		t.Errorf("done (-want +got)\n%s", d)
	}

	lines := strings.SplitAfter(string(data), "\n")
	for name, text := range map[string]string{
		"empty":             "",
		"no first line":     strings.TrimSuffix(lines[0], "\n"),
		"not JSON":          "x\n" + lines[1],
		"other format":      strings.Replace(string(data), "zoo-partial/1", "zoo-partial/2", 1),
		"a segment lacking": strings.Join(lines[:3], ""),
		"half a line":       string(data[:len(data)-1]),
		"too many segments": strings.Replace(string(data), `"size":25`, `"size":9000000000000000000`, 1),
		"negative segment":  strings.Replace(string(data), `"segment":10`, `"segment":-10`, 1),
		"no segment":        strings.Replace(string(data), `"segment":10`, `"segment":0`, 1),
		"negative size":     strings.Replace(string(data), `"size":25`, `"size":-25`, 1),
		"done negative":     strings.Replace(string(data), "0000000000000000007", "-000000000000000007", 1),
		"done too much":     strings.Replace(string(data), "0000000000000000007", "0000000000000000011", 1),
		"done signed":       strings.Replace(string(data), "0000000000000000007", "+000000000000000007", 1),
		"not a number":      strings.Replace(string(data), "0000000000000000007", "000000000000000000x", 1),
	} {
		if _, _, err := readJournal(strings.NewReader(text), 25); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := readJournal(bytes.NewReader(data), 24); err == nil {
		t.Error("accepted beside a file that has fewer bytes")
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"format":"zoo-partial/1","url":"u","validator":"\"t\"","size":25,"segment":10}`+"\n"+
		strings.Repeat("0000000000000000005\n", 3)), int64(25))
	f.Add([]byte(`{"format":"zoo-partial/1","size":-1}`+"\n0000000000000000000\n"), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, fileSize int64) {
		_, p, err := readJournal(bytes.NewReader(data), fileSize)
		if err != nil {
			return
		}
		var there int64
		for i, done := range p.done {
			from, to := p.span(i)
			if done < 0 || to >= 0 && from+done > to || done > 0 && from+done > fileSize {
				t.Fatalf("segment %d of %d to %d: %d bytes", i, from, to, done)
			}
			there += done
		}
		if p.size >= 0 && there > p.size || p.frontier() > max(p.size, fileSize, 0) {
			t.Fatalf("%d bytes of %d, frontier %d", there, p.size, p.frontier())
		}
	})
}

func ExampleJournalPath() {
	fmt.Println(JournalPath("net.part"))
	// Output: net.part.journal
}
