package main

import (
	"embed"
	"io/fs"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
)

// embeddedFS holds a network that knows photographs, two of these, and what the reference computed
// on them: see embedded/README.md. It is the program's alone: libraries do not grow by it.
//
//go:embed embedded/*.zst embedded/*.jpg
var embeddedFS embed.FS

// standInName is the model that pictures are shown to where no model is named.
const standInName = "efficientnet-lite0_3rdparty_in1k"

// The photographs that are part of the program.
const (
	coffeePicture  = "coffee.jpg"
	chelseaPicture = "chelsea.jpg"
)

// embeddedFiles returns the files of the folder embedded.
func embeddedFiles() fs.FS {
	files, err := fs.Sub(embeddedFS, "embedded")
	if err != nil {
		panic(err) // only for an invalid path
	}
	return files
}

// standIns returns the checkpoints that are part of the program beside those of package golden.
func standIns() []zoo.StandIn {
	return []zoo.StandIn{{
		Name: standInName, Kind: "float16",
		Of:     allDigits("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
		Digest: allDigits("21405014b243628603fc67f8913a24a61b5ed7530505f8d1e43db8d37d0d56df"),
		Files:  embeddedFiles(),
		File:   "efficientnet-lite0-f16-21405014.safetensors.zst",
		Golden: standInName + ".images.safetensors.zst",
	}}
}

// allDigits parses a digest of this file.
func allDigits(hex string) digest.Digest {
	d, err := digest.Parse(hex)
	if err != nil {
		panic(err) // only for a slip of the pen
	}
	return d
}

// standInJSON is a zoo.StandIn as JSON.
type standInJSON struct {
	Kind   string        `json:"kind"` // what it is of the published file
	Digest digest.Digest `json:"sha256"`
	Of     digest.Digest `json:"source_sha256"`
}

func toStandInJSON(t *zoo.StandIn) *standInJSON {
	if t == nil {
		return nil
	}
	return &standInJSON{t.Kind, t.Digest, t.Of}
}
