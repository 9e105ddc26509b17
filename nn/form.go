package nn

import "fmt"

// A Form tells apart the two shapes that a network with parallel branches has: sums of
// branches while it is trained, and single convolutions that stand for them. LeViT's layers
// have norms in the first, and have taken them in in the second; RIFormer's norms have factors behind them, and RepMLP's
// layers over whole channels convolutions beside them. Any other network has the first only.
type Form string

// The forms.
const (
	AsTrained Form = ""       // as the checkpoint holds it
	Deploy    Form = "deploy" // branches and norms fused into single layers
)

// ParseForm returns the form of that name, which is empty for AsTrained.
func ParseForm(s string) (Form, error) {
	if f := Form(s); f == AsTrained || f == Deploy {
		return f, nil
	}
	return "", fmt.Errorf("nn: form %.40q: expected %q or nothing", s, Deploy)
}
