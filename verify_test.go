package zoo_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bigtest"
	"github.com/gozoo/zoo/internal/nano"
)

// newZoo returns a Zoo with an empty cache that opens no connection.
func newZoo(t testing.TB, change ...func(*zoo.Config)) *zoo.Zoo {
	t.Helper()
	c := zoo.Config{CacheDir: t.TempDir(), Offline: true}
	for _, f := range change {
		f(&c)
	}
	z, err := zoo.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestVerifyEmbedded(t *testing.T) {
	z := newZoo(t)
	for _, name := range golden.Models() {
		t.Run(name, func(t *testing.T) {
			goldens, err := golden.Embedded(name)
			if err != nil {
				t.Fatal(err)
			}
			o := zoo.VerifyOptions{Precisions: []zoo.Precision{zoo.Highest, zoo.High}}
			if goldens[0].K == 1000 {
				if testing.Short() {
					t.Skip("a full-size network takes seconds")
				}
				bigtest.Alone(t)
				o.Precisions = nil // the default
			}
			checks, err := z.Verify(context.Background(), name, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := len(goldens) * max(1, len(o.Precisions)); len(checks) != want {
				t.Errorf("%d checks, expected %d", len(checks), want)
			}
			for _, c := range checks {
				t.Logf("%s %s: %v, pixels %+v", c.Input, c.Verdict.Precision, c.Verdict, c.Pixels)
				if !c.Pass() || !c.Verdict.Judged || len(c.Verdict.Probes) == 0 || c.Verdict.Probed == nil {
					t.Errorf("%s: %v, %d probes, pixels %+v", c.Input, c.Verdict, len(c.Verdict.Probes), c.Pixels)
				}
				if nano := goldens[0].K != 1000; nano != (c.Pixels != nil) {
					t.Errorf("%s: pixels %+v: expected for the embedded images only", c.Input, c.Pixels)
				}
			}
		})
	}
}

// altered returns a network's first embedded golden, changed.
func altered(t *testing.T, name string, change func(*golden.Golden)) *golden.Golden {
	t.Helper()
	goldens, err := golden.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	change(goldens[0])
	return goldens[0]
}

func TestVerifyAltered(t *testing.T) {
	z := newZoo(t)
	for _, tt := range []struct {
		name   string
		change func(*golden.Golden)
		bad    string // first bad layer; empty: no verdict at all
	}{
		{"logits", func(g *golden.Golden) { g.Logits[3] += 0.01 }, "logits"},
		{"probe", func(g *golden.Golden) { g.Probes[5].Values[7] += 0.1 }, "backbone.stages.0.atfer_blocks_conv"},
		{"another model", func(g *golden.Golden) { g.Model = nano.Names[0] }, ""},
		{"other weights", func(g *golden.Golden) { g.Weights = golden.FromFile(digest.Of([32]byte{})) }, ""},
		{"another network's probe", func(g *golden.Golden) { g.Probes[0].Path = "backbone.stages.9" }, ""},
		{"another number of classes", func(g *golden.Golden) { g.Logits, g.K = g.Logits[:8*5], 5 }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := altered(t, nano.Names[1], tt.change)
			checks, err := z.Verify(context.Background(), nano.Names[1], zoo.VerifyOptions{Goldens: []*golden.Golden{g}})
			if tt.bad == "" {
				if !errors.As(err, new(*zoo.GoldenError)) || len(checks) != 0 {
					t.Errorf("%d checks, %v: expected that the golden is refused", len(checks), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := checks[0]; c.Pass() || c.Verdict.FirstBad == nil || c.Verdict.FirstBad.Path != tt.bad {
				t.Errorf("%v: expected a failure at %s", c.Verdict, tt.bad)
			}
		})
	}
}
