// Package cpu says which vector instructions this process may use: what processor
// and operating system offer together, ordered into named levels, and the one that
// was chosen of them. It knows no kernels.
//
// The environment variable ZOO_CPU names a level to use instead of the best one:
//
//	ZOO_CPU=avx2 zoo bench …
package cpu

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// A Level is a set of vector instructions that includes the ones of lower levels.
type Level uint8

// The levels. A processor that offers only a part of one counts as the level below.
const (
	Generic Level = iota // what Go compiles to
	AVX2                 // AVX2 and FMA
	AVX512               // AVX-512 F, BW, DQ and VL
	AMX                  // and AVX512_BF16, and tiles with products of bf16
	levels
)

var names = [levels]string{"generic", "avx2", "avx512", "amx"}

// String returns the name of l as ZOO_CPU spells it.
func (l Level) String() string {
	if l < levels {
		return names[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// Parse returns the level of that name.
func Parse(name string) (Level, error) {
	for l, n := range names {
		if n == name {
			return Level(l), nil
		}
	}
	return Generic, fmt.Errorf("cpu: unknown level %q: expected one of %s", name, strings.Join(names[:], ", "))
}

// best is the highest level that processor and operating system offer.
var best = detect()

// Best returns the highest level that this process could use.
func Best() Level { return best }

// A Choice is the level in use.
type Choice struct {
	Level Level
	// Reason says why Level is not the one that was asked for; it is empty when it
	// is, and when none was asked for.
	Reason string
}

// Choose returns the choice for the level that is asked for by name; the empty name
// asks for the best. What is unknown or not offered here gives the best level that
// is, with the reason.
func Choose(name string) Choice {
	if name == "" {
		return Choice{Level: best}
	}
	want, err := Parse(name)
	if err != nil {
		return Choice{best, fmt.Sprintf("%v; using %s", err, best)}
	}
	if want > best {
		return Choice{best, fmt.Sprintf("cpu: this machine does not offer %s: using %s", want, best)}
	}
	return Choice{Level: want}
}

var active atomic.Pointer[Choice]

func init() {
	c := Choose(os.Getenv("ZOO_CPU"))
	active.Store(&c)
}

// Active returns the choice in force: the one for ZOO_CPU, unless Set changed it.
func Active() Choice { return *active.Load() }

// Set replaces the choice in force, for tests, and returns the function that puts
// the one before back. A level that is not offered here is an error: a test that
// asks for it could not tell what it tested.
func Set(l Level) (undo func(), err error) {
	if l > best {
		return nil, fmt.Errorf("cpu: this machine does not offer %s: its best level is %s", l, best)
	}
	old := active.Swap(&Choice{Level: l})
	return func() { active.Store(old) }, nil
}
