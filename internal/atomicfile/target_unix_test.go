//go:build unix

package atomicfile_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/atomicfile"
)

const text = "new content"

func hello(w io.Writer) error { _, err := io.WriteString(w, text); return err }

// Links stay, and what they lead to is replaced, or made where it is not there.
func TestWriteFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a", "a/b", "c"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"relative":  "a/file",
		"absolute":  filepath.Join(dir, "a", "file"),
		"twice":     "relative",
		"c/up":      "../a/file",
		"folder":    "a/b",
		"dangling":  "a/new",
		"a/b/above": "../file", // of a/b, not of the folder that the link "folder" is in
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for link, file := range map[string]string{
		"relative": "a/file", "absolute": "a/file", "twice": "a/file", "c/up": "a/file", "folder/above": "a/file", "dangling": "a/new",
	} {
		t.Run(link, func(t *testing.T) {
			at := filepath.Join(dir, file)
			if file != "a/new" {
				if err := os.WriteFile(at, []byte("old"), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			if err := atomicfile.Write(filepath.Join(dir, link), hello); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(at); string(got) != text {
				t.Errorf("%q, %v", got, err)
			}
			if st, err := os.Lstat(filepath.Join(dir, link)); err != nil || st.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is gone: %v, %v", st, err)
			}
			if st, err := os.Stat(at); err != nil || file != "a/new" && st.Mode().Perm() != 0o640 {
				t.Errorf("permissions %v, %v", st.Mode(), err)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", ".*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// What is no file is written through, or refused by what it is, and stays.
func TestWriteIrregular(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for link, to := range map[string]string{"loop": "loop", "null": "/dev/null", "to-pipe": "pipe"} {
		if err := os.Symlink(to, path(link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		path("socket"): "is a socket", path("loop"): "too many", dir: "is a folder", "/dev/null": "", path("null"): "", "/dev/fd/77": "bad file descriptor",
	} {
		err := atomicfile.Write(name, hello)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if cerr := atomicfile.Check(name); (cerr == nil) != (err == nil) && want != "bad file descriptor" {
			t.Errorf("%s: Check says %v", name, cerr)
		}
	}
	for _, name := range []string{path("pipe"), path("to-pipe")} {
		read := make(chan string)
		go func() {
			got, _ := os.ReadFile(name)
			read <- string(got)
		}()
		if err := atomicfile.Write(name, hello); err != nil {
			t.Fatal(err)
		}
		if got := <-read; got != text {
			t.Errorf("%s: read %q", name, got)
		}
	}
	for _, name := range []string{path("pipe"), "/dev/null", "/dev/stdout"} {
		err := atomicfile.Replace(name, func(string) error { t.Error("asked to write"); return nil })
		if err == nil || !strings.Contains(err.Error(), "name a regular file") {
			t.Errorf("Replace %s: %v", name, err)
		}
	}
	for name, mode := range map[string]os.FileMode{"pipe": os.ModeNamedPipe, "socket": os.ModeSocket, "null": os.ModeSymlink, "to-pipe": os.ModeSymlink} {
		if st, err := os.Lstat(path(name)); err != nil || st.Mode().Type() != mode {
			t.Errorf("%s is now %v, %v", name, st, err)
		}
	}
}

// Nobody waits for ever for a reader that does not come, or does not read.
func TestWritePipeInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := atomicfile.WriteContext(ctx, path, func(io.Writer) error { t.Error("asked to write"); return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a reader: %v", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err = atomicfile.WriteContext(ctx, path, func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reader that does not read: %v", err)
	}
}

// Something that is no file, put there while a file is being written, is not replaced.
func TestWriteOvertaken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	err := atomicfile.Write(path, func(w io.Writer) error {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		return hello(w)
	})
	if err == nil || !strings.Contains(err.Error(), "a named pipe is there now") {
		t.Errorf("error %v", err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Type() != os.ModeNamedPipe {
		t.Errorf("left %v", entries)
	}
}

// Paths of open descriptors: what stands before in the file stays, what follows comes after.
func TestWriteDescriptor(t *testing.T) {
	if os.Getenv("ATOMICFILE_TEST_OUTPUT") != "" {
		os.Stdout.WriteString("before ")
		if err := atomicfile.Write(os.Getenv("ATOMICFILE_TEST_OUTPUT"), hello); err != nil {
			os.Stdout.WriteString(err.Error())
		}
		os.Stdout.WriteString(" after")
		os.Exit(0)
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/stdout", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", filepath.Join(dir, "link")} {
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			continue // not on this system
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestWriteDescriptor$")
		cmd.Env = append(os.Environ(), "ATOMICFILE_TEST_OUTPUT="+path)
		cmd.Stdout = out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		out.Close()
		if got, err := os.ReadFile(out.Name()); string(got) != "before "+text+" after" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// The longest names have room for a temporary one beside them.
func TestWriteLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 255))
	if err := atomicfile.Write(path, hello); err != nil {
		t.Error(err)
	}
}
