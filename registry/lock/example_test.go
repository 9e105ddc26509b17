package lock_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/registry/lock"
)

func ExampleParse() {
	text := "zoo-lock/1\nnet sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\n"
	f, err := lock.Parse("zoo.lock", []byte(text))
	if err != nil {
		log.Fatal(err)
	}
	pin, ok := f.Pin("net")
	fmt.Println(f.Names(), pin.Digest.Short(), pin.Size, ok)
	// Output:
	// [net] e3b0c442 0 true
}
