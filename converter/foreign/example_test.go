package foreign_test

import (
	"fmt"

	"github.com/gozoo/zoo/converter/foreign"
)

// A failed download is told by its first bytes, whatever it is called.
func ExampleFile() {
	kind := foreign.File("model.pth", []byte("<!DOCTYPE html>"))
	fmt.Println(kind.What)
	// Output:
	// a web page, as a failed download leaves it: download it again
}
