package evaluate

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/gozoo/zoo/internal/imagenet"
)

// OpenData opens a labelled set of images for Run: a folder, a zip file or an
// uncompressed tar file, which are read in place. What it holds is one of
//
//	val.txt                                 lines "PATH LABEL", labels from 0
//	ILSVRC2012_validation_ground_truth.txt  the ILSVRC development kit's numbers
//	n01440764/…                             a folder for each class, by WordNet id
//	cat/…                                   or by the name that the checkpoint gives it
//
// with the images beside it or in a folder val. A val.txt that numbers ILSVRC's images
// as the development kit does, or from 1, is recognised by them. Close it after use.
func OpenData(path string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate: data: %w", err)
	}
	if info.IsDir() {
		return os.DirFS(path), io.NopCloser(nil), nil
	}
	if strings.HasSuffix(path, ".tar") {
		t, err := imagenet.OpenTar(path)
		if err != nil {
			return nil, nil, err
		}
		return t, t, nil
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate: data: %s: expected a folder, a .zip or a .tar file: %w", path, err)
	}
	return z, z, nil
}
