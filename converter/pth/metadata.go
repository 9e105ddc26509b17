package pth

import (
	"encoding/json"
	"fmt"
	"maps"
)

// MetadataRecord is the record of a zip file in which zoo keeps what it knows of a
// file that it wrote: a JSON object of text. Others do not look at it.
const MetadataRecord = "zoo_metadata.json"

const maxMetadata = 16 << 20

// Metadata returns a copy of the text that zoo wrote into the file, if it did.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

func (f *File) readMetadata(r *record) error {
	if r == nil {
		return nil
	}
	text, err := r.content(maxMetadata, f.unprotected)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &f.metadata); err != nil {
		return fmt.Errorf("record %q: expected a JSON object of text: %w", clip(r.name), err)
	}
	return nil
}
