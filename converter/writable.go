package converter

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/tensor"
)

// checkWritable refuses tensors that a file would make trouble with where it is read.
func checkWritable(sd *tensor.StateDict, f Format) error {
	for name, t := range sd.All() {
		if err := checkExtent(t); err != nil {
			return fmt.Errorf("converter: tensor %q: %w: leave it out of the source", name, err)
		}
		if f == NPZ {
			if err := checkMember(name); err != nil {
				return fmt.Errorf("converter: tensor %q: its name would be a file's in a numpy archive: %w: write another format", name, err)
			}
		}
	}
	return nil
}

// checkExtent refuses a shape that a tensor without elements can have and that others cannot
// read: torch, numpy and safetensors multiply all dimensions, those beside a zero too.
func checkExtent(t tensor.Tensor) error {
	n := uint(max(t.DType().Size(), 1))
	for _, d := range t.Shape() {
		var high uint
		if high, n = bits.Mul(n, uint(max(d, 1))); high > 0 || int(n) < 0 {
			return fmt.Errorf("shape %v has dimensions whose product no program can hold", t.Shape())
		}
	}
	return nil
}

// checkMember refuses a tensor's name that cannot be that of a file in an archive: programs
// that unpack one would write elsewhere, or the name would not be readable.
func checkMember(name string) error {
	if err := printable.Check(name); err != nil {
		return err
	}
	if strings.ContainsRune(name, '\\') {
		return errors.New("expected no backslash, which is a folder's mark on some systems")
	}
	if len(name) > 1 && name[1] == ':' && 'a' <= name[0]|0x20 && name[0]|0x20 <= 'z' {
		return errors.New("expected no drive's letter in front")
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return fmt.Errorf("expected a path below the archive, without an element %q", element)
		}
	}
	return nil
}
