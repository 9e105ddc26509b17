// Command archive packs a folder so that the same files give the same bytes, whenever and
// wherever it runs:
//
//	archive OUT.tar.gz|OUT.zip FOLDER SECONDS
//
// Files are in the order of their paths, below the folder's own name. All have one time, in
// seconds since 1970, one owner, and of their modes only whether they can be run.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "archive: expected OUT.tar.gz or OUT.zip, a folder, and seconds since 1970")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func run(out, folder, seconds string) error {
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("%q: expected seconds since 1970", seconds)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	write := writeTar
	if strings.HasSuffix(out, ".zip") {
		write = writeZip
	}
	if err := write(f, os.DirFS(folder), filepath.Base(folder), time.Unix(at, 0).UTC()); err != nil {
		return err
	}
	return f.Close()
}

// each calls add with every file of a folder, in the order of their paths.
func each(folder fs.FS, add func(name string, mode fs.FileMode, data []byte) error) error {
	return fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: expected a file", name)
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return add(name, mode, data)
	})
}

func writeTar(w io.Writer, folder fs.FS, under string, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = each(folder, func(name string, mode fs.FileMode, data []byte) error {
		h := &tar.Header{Name: path.Join(under, name), Mode: int64(mode), Size: int64(len(data)), ModTime: at, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeZip(w io.Writer, folder fs.FS, under string, at time.Time) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	err := each(folder, func(name string, mode fs.FileMode, data []byte) error {
		h := &zip.FileHeader{Name: path.Join(under, name), Method: zip.Deflate, Modified: at}
		h.SetMode(mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return z.Close()
}
