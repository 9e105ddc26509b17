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
