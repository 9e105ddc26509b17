package scan_test

import (
	"fmt"

	"github.com/gozoo/zoo/converter/scan"
)

// A pickle that would run a command is followed, and not run.
func ExampleBytes() {
	r := scan.Bytes("model.pkl", []byte("cos\nsystem\n(S'true'\ntR."))
	fmt.Println(r.Unsafe(), r.Worst())
	for _, f := range r.Findings {
		fmt.Println(f.Opcode, f.Offset, f.Global)
	}
	// Output:
	// true dangerous
	// GLOBAL 0 os.system
	// REDUCE 21 os.system
}
