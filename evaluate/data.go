package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/internal/option"
)

// A DataError says that a data set or a log cannot be used as it is: images have no label, none
// can be read, a line is not what Run writes. By errors.Is it is model.ErrOption.
type DataError struct{ Err error }

func (e *DataError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DataError) Unwrap() error { return e.Err }

// Is reports whether target is model.ErrOption.
func (e *DataError) Is(target error) bool { return target == option.Err }

func dataErrorf(format string, args ...any) error { return &DataError{fmt.Errorf(format, args...)} }

// OpenData opens a labelled set of images for Run: a folder, a zip file, or a tar file, which are
// read in place, or a tar file compressed by gzip or zstd, which is unpacked to a temporary file
// of at most 32 times its size and 256 MB. What it holds is one of
//
//	val.txt                                 lines "PATH LABEL", labels from 0
//	LOC_val_solution.csv                    Kaggle's list of ILSVRC's validation images
//	val_annotations.txt                     Tiny ImageNet's list
//	ILSVRC2012_validation_ground_truth.txt  the ILSVRC development kit's numbers
//	n01440764/…                             a folder for each class, by WordNet id
//	cat/…                                   or by the name that the checkpoint gives it
//	0/…                                     or by its number from 0, as ImageNetV2 has them
//
// with the images beside a list or in a folder val or images, or below the folders of classes at any
// depth, by their suffix (dataset). All of it may lie in a folder val, in one that is alone, or in
// ILSVRC/Data/CLS-LOC/val. Lists may divide their columns by tabs or commas, with a heading, and
// label images by WordNet id or by the name of a class; a list that numbers ILSVRC's images as
// the development kit does, or from 1, is recognised by them. WordNet ids are labels only where
// the classes are ImageNet's. The sets that are measured beside ImageNet's own, such as ImageNet-A, are
// told by images, classes and names of folders: see Subject.Benchmark. Links are followed, files that are hidden or that Windows and
// macOS leave are not looked at. Close it after use.
func OpenData(ctx context.Context, path string) (fs.FS, io.Closer, error) {
	fsys, closer, err := dataset.Open(ctx, path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, dataErrorf("evaluate: data: %w", err)
	}
	return fsys, closer, nil
}

// ReadLabels reads a list for Options.Labels.
func ReadLabels(path string) ([]byte, error) {
	data, err := dataset.ReadList(dataset.Dir(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		var perr *fs.PathError
		if errors.As(err, &perr) {
			return nil, &DataError{err}
		}
		return nil, dataErrorf("%s: %w", path, err)
	}
	if data == nil {
		data = []byte{} // a list, though of nothing
	}
	return data, nil
}

// ListImages returns the paths of the images in a folder of the system and below, in the order of
// names, by the rule that evaluations follow: what has an image's suffix, in either case, and is
// neither hidden nor left by Windows or macOS. Links are followed, but not in circles. It is a
// *DataError where there is none.
func ListImages(ctx context.Context, dir string) ([]string, error) {
	paths, err := dataset.ListImages(ctx, dataset.Dir(dir), ".")
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no image in this folder: expected files ending in %v", dataset.Suffixes)
	}
	if err != nil {
		return nil, dataErrorf("%s: %w", dir, err)
	}
	for i, p := range paths {
		paths[i] = filepath.Join(dir, filepath.FromSlash(p))
	}
	return paths, nil
}

// openRegular opens a log to read.
func openRegular(path string) (*os.File, error) {
	f, err := bounded.Open(path)
	if err != nil {
		return nil, &DataError{err}
	}
	return f, nil
}
