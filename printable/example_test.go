package printable_test

import (
	"fmt"

	"github.com/gozoo/zoo/printable"
)

func Example() {
	const name = "=cat\x1b[2J|<b>"
	fmt.Println(printable.Text(name))
	fmt.Println(printable.Cell(name))
	fmt.Println(printable.Markdown(name))
	fmt.Println(printable.HTML(name))
	// Output:
	// =cat\x1b[2J|<b>
	// '=cat\x1b[2J|<b>
	// =cat\\x1b\[2J\|&lt;b&gt;
	// =cat\x1b[2J|&lt;b&gt;
}
