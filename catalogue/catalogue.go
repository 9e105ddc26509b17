// Package catalogue holds what other zoos publish of the networks that this one computes, as texts of
// rows: golden/gen/zoos.py writes them from the tables of timm and torchvision.
// equal.tsv says by how much the logits of networks here differ from theirs.
package catalogue

import (
	_ "embed"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

var (
	//go:embed timm.toml.zst
	timm []byte
	//go:embed torchvision.toml.zst
	torchvision []byte
)

// Timm returns the rows of timm, whose names begin with "timm/", in the form of a zoo.toml.
func Timm() string { return unpack(timm) }

// Torchvision returns the rows of torchvision, whose names begin with "torchvision/", in the form of a zoo.toml.
func Torchvision() string { return unpack(torchvision) }

// unpack decompresses a text that is part of the program.
func unpack(data []byte) string {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err == nil {
		defer d.Close()
		data, err = d.DecodeAll(data, nil)
	}
	if err != nil {
		panic(fmt.Sprintf("catalogue: %v", err)) // a test reads each
	}
	return string(data)
}
