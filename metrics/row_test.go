package metrics_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

func TestMeasureRefuses(t *testing.T) {
	r, err := metrics.NewRow("net", metrics.Published{Convention: metrics.MMEngine, Input: tensor.Shape{1, 3, 8, 8},
		Top1: "80.05", Images: 50000}, network(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, -1, 50001} {
		if err := r.Measure(metrics.Evaluation{Accuracy: metrics.Accuracy{N: n}}); err == nil || r.Evaluation != nil {
			t.Errorf("%d images are accepted", n)
		}
	}
}

func TestNewRowRefuses(t *testing.T) {
	good := metrics.Published{Convention: metrics.MMEngine, Input: tensor.Shape{1, 3, 8, 8}}
	for want, edit := range map[string]func(p *metrics.Published){
		`params of "net"`:             func(p *metrics.Published) { p.Params = "x" },
		`FLOPs of "net"`:              func(p *metrics.Published) { p.FLOPs = "1e9" },
		`Top-1 of "net"`:              func(p *metrics.Published) { p.Top1 = "8O" },
		`Top-5 of "net"`:              func(p *metrics.Published) { p.Top5 = " 1" },
		`unknown FLOPs convention ""`: func(p *metrics.Published) { p.Convention = "" },
		`expected (N,3,H,W)`:          func(p *metrics.Published) { p.Input = nil },
	} {
		p := good
		edit(&p)
		if _, err := metrics.NewRow("net", p, network(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q in it", err, want)
		}
	}
}

// TestReason sees that what differs is said with what is known of it, and nothing else.
func TestReason(t *testing.T) {
	input := tensor.Shape{1, 3, 8, 8}
	for _, tt := range []struct {
		name      string
		published metrics.Published
		right     metrics.Accuracy // N of 0: not measured
		want      string
	}{
		{"all is well", metrics.Published{Params: "0.000349", FLOPs: "0.000004032", Note: "a note"}, metrics.Accuracy{}, ""},
		{"nothing is published", metrics.Published{}, metrics.Accuracy{}, ""},
		{"another convention", metrics.Published{Params: "0.000349", FLOPs: "0.000004072"}, metrics.Accuracy{},
			"FLOPs 0.98 % below published; the published FLOPs are what fvcore counts"},
		{"no convention", metrics.Published{FLOPs: "0.000002", Note: "of another network"}, metrics.Accuracy{},
			"FLOPs 101.6 % above published; of another network"},
		{"parameters", metrics.Published{Params: "0.000698"}, metrics.Accuracy{}, "parameters 50.0 % below published"},
		{"nothing at all", metrics.Published{Params: "0.000000"}, metrics.Accuracy{}, "parameters 349 above published"},
		{"accuracy of the whole set", metrics.Published{Top1: "98.33", Top5: "100.00", Images: 360}, metrics.Accuracy{N: 360, Top1: 342,
			Top5: 360},
			"Top-1 off by -3.33 on 360 images, 95 % interval 92.2 to 96.8"},
		{"accuracy of a part", metrics.Published{Top1: "98.33", Images: 360}, metrics.Accuracy{N: 100, Top1: 98, Top5: 100}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.published.Convention, tt.published.Input = metrics.MMEngine, input
			r, err := metrics.NewRow("net", tt.published, network(t))
			if err != nil {
				t.Fatal(err)
			}
			if tt.right.N > 0 {
				if err := r.Measure(metrics.Evaluation{Accuracy: tt.right}); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.Reason(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
