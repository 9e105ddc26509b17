package tensor

import "fmt"

// A Precision says how a network's float32 products may be computed. The names are
// PyTorch's and JAX's for float32 matrix products.
type Precision string

// The precisions, most exact first.
const (
	Highest Precision = "highest" // float32 multiply-adds only
	High    Precision = "high"    // ways of float32 grade too: Winograd, products split into bf16 parts
	Medium  Precision = "medium"  // products of bf16 with float32 sums too, where the kernels have them
)

// Precisions lists all precisions, most exact first.
func Precisions() []Precision { return []Precision{Highest, High, Medium} }

// ParsePrecision returns the Precision of that name.
func ParsePrecision(s string) (Precision, error) {
	for _, p := range Precisions() {
		if s == string(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("tensor: unknown precision %q: known are highest, high, medium", s)
}
