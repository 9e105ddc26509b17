package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gozoo/zoo/printable"
)

// plain returns an error's message with what Go and the system say of files and numbers in
// the words of everybody else.
func plain(err error) string {
	text := err.Error()
	say := func(cause error, words string) { text = strings.ReplaceAll(text, cause.Error(), words) }
	eachCause(err, func(cause error) {
		switch cause := cause.(type) {
		case *fs.PathError:
			words := reason(cause.Err)
			if errors.Is(cause.Err, fs.ErrNotExist) {
				words = missing(cause.Path)
			}
			say(cause, cause.Path+": "+words)
			text = strings.ReplaceAll(text, cause.Path+": "+cause.Path+": ", cause.Path+": ") // of a message that named the file already
		case *os.LinkError:
			say(cause, cause.New+": "+reason(cause.Err))
		case *os.SyscallError:
			say(cause, reason(cause.Err))
		case *strconv.NumError:
			words := "expected a number, found " + strconv.Quote(cause.Num)
			if errors.Is(cause.Err, strconv.ErrRange) {
				words = fmt.Sprintf("%s is too large a number", cause.Num)
			}
			say(cause, words)
		}
		if cause == io.ErrUnexpectedEOF {
			say(cause, "it ends too early")
		}
	})
	return text
}

// eachCause calls f with an error and with all that it wraps.
func eachCause(err error, f func(error)) {
	f(err)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if cause := err.Unwrap(); cause != nil {
			eachCause(cause, f)
		}
	case interface{ Unwrap() []error }:
		for _, cause := range err.Unwrap() {
			eachCause(cause, f)
		}
	}
}

// missing says that there is nothing at a path, and what there is in its place.
func missing(path string) string {
	if _, err := os.Lstat(path); err == nil {
		return "it is a link to nothing"
	}
	folder := filepath.Dir(path)
	f, err := os.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no folder %s", folder)
	}
	if err == nil {
		defer f.Close()
		names, _ := f.Readdirnames(1000) // of a folder that has more, some
		slices.Sort(names)
		if near := nearest(filepath.Base(path), names); near != "" {
			return fmt.Sprintf("there is no such file or folder: did you mean %s?", printable.Text(filepath.Join(folder, near)))
		}
	}
	return reason(fs.ErrNotExist)
}

// reason says why the system did not do something with a file.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file or folder"
	case errors.Is(err, fs.ErrExist):
		return "it is there already"
	case errors.Is(err, syscall.EISDIR):
		return "expected a file, found a folder"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of this path is a file, not a folder"
	}
	return err.Error()
}
