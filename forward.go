package zoo

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Variant returns the name of the kernels that networks are computed with on this
// machine, such as "generic" or "avx2".
func Variant() string { return engine.Variant() }

// Variants returns the names of the kernels that this machine can run.
func Variants() []string { return engine.Variants() }

// network computes a bound graph. It compiles a plan for each input size and
// precision at first use, and may be used from several goroutines.
type network struct {
	bound   *nn.Bound
	engine  *engine.Network
	threads int

	mu    sync.Mutex
	plans map[planKey]*sessions
}

// planKey tells compiled plans apart.
type planKey struct {
	n, h, w   int
	precision Precision
	keep      string
}

// maxPlans bounds how many plans, with the memory of their sessions, are kept:
// images of many sizes, without a crop, would ask for as many.
const maxPlans = 8

// sessions is a plan with the sessions that are free to use it.
type sessions struct {
	plan *engine.Plan
	free sync.Pool
}

// forward computes the logits (N,K) of an input (N,C,H,W), and copies of the
// values to keep, each flattened in (N,C,H,W) order.
func (net *network) forward(ctx context.Context, p Precision, input []float32, shape tensor.Shape, keep ...int) (logits []float32, kept [][]float32, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s, err := net.plan(p, shape, keep)
	if err != nil {
		return nil, nil, err
	}
	session := s.free.Get().(*engine.Session)
	defer s.free.Put(session)
	logits = make([]float32, shape[0]*s.plan.Classes())
	if err := session.Run(logits, input); err != nil {
		return nil, nil, err
	}
	for _, v := range keep {
		x, err := session.Value(v)
		if err != nil {
			return nil, nil, err
		}
		kept = append(kept, x)
	}
	return logits, kept, nil
}

// plan returns the compiled plan for an input shape, compiling it at first use.
func (net *network) plan(p Precision, shape tensor.Shape, keep []int) (*sessions, error) {
	keep = slices.Clone(keep)
	slices.Sort(keep)
	keep = slices.Compact(keep)
	key := planKey{shape[0], shape[2], shape[3], p, fmt.Sprint(keep)}
	net.mu.Lock()
	defer net.mu.Unlock()
	if s, ok := net.plans[key]; ok {
		return s, nil
	}
	plan, err := net.engine.Compile(shape, engine.Options{Threads: net.threads, Precision: enginePrecision(p), Keep: keep})
	if err != nil {
		return nil, err
	}
	s := &sessions{plan: plan}
	s.free.New = func() any { return plan.NewSession() }
	if net.plans == nil || len(net.plans) >= maxPlans {
		net.plans = make(map[planKey]*sessions)
	}
	net.plans[key] = s
	return s, nil
}

// enginePrecision maps the public names to the engine's.
func enginePrecision(p Precision) engine.Precision {
	switch p {
	case High:
		return engine.High
	case Medium:
		return engine.Medium
	}
	return engine.Highest
}
