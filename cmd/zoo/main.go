// Command zoo downloads, converts, verifies, runs and reports published vision
// checkpoints. It uses the public packages of its module only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends what does not heed the first
	// Memory that is never touched takes none, and counts: garbage is first collected when twice as much is
	// there. A short command ends before that, and is a third faster for it.
	untouched := make([]byte, 64<<20)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	runtime.KeepAlive(untouched)
	stop()
	os.Exit(status)
}

// Exit statuses, for scripts to act on.
const (
	exitOK          = 0
	exitInternal    = 1 // and whatever has no status of its own
	exitUsage       = 2
	exitUnknown     = 3
	exitVerify      = 4
	exitNetwork     = 5
	exitDigest      = 6
	exitCheckpoint  = 7
	exitInterrupted = 130
)

// run executes one command line and returns its exit status. Data go to stdout,
// everything else to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{args: args, stdin: &interruptible{ctx, stdin}, stderr: printable.NewWriter(stderr), terminal: stderr}
	out := &dataWriter{w: stdout, before: a.endProgress}
	text := printable.NewWriter(out)
	a.stdout, a.data = text, out
	root := a.command()
	root.SetArgs(args)
	root.SetIn(stdin)
	err := root.ExecuteContext(ctx)
	a.endProgress()
	if a.release != nil {
		a.release()
	}
	text.Flush()
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", ctx.Err())
	}
	status := exitStatus(err)
	if !errors.As(err, new(*silentError)) {
		a.printError(err, status)
	}
	return status
}

// interruptible is stdin. Reading from it ends with the context, whether anything is
// ever written there or not.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	type outcome struct {
		n   int
		err error
	}
	buf, done := make([]byte, len(p)), make(chan outcome, 1) // of the read, which may outlast this call
	go func() {
		n, err := i.r.Read(buf)
		done <- outcome{n, err}
	}()
	select {
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	case o := <-done:
		copy(p, buf[:o.n])
		return o.n, o.err
	}
}

// dataWriter is stdout, of text and of data. It remembers that a write failed, so that no command ends
// well whose data did not arrive.
type dataWriter struct {
	w      io.Writer
	before func() // called before each write
	err    error
}

func (d *dataWriter) Write(p []byte) (int, error) {
	d.before()
	n, err := d.w.Write(p)
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("standard output: %w", err)
	}
	return n, err
}

// silentError carries an exit status whose reason has been printed as data.
type silentError struct{ status int }

func (e *silentError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// exitStatus returns the exit status that an error ends the program with.
func exitStatus(err error) int {
	var silent *silentError
	switch {
	case errors.As(err, &silent):
		return silent.status
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(*usageError)), errors.Is(err, zoo.ErrOption), errors.As(err, new(*registry.RowError)):
		return exitUsage
	case errors.Is(err, zoo.ErrUnknown):
		return exitUnknown
	case errors.Is(err, zoo.ErrVerify):
		return exitVerify
	case errors.As(err, new(*nn.InputError)): // of --size and --batch
		return exitUsage
	case errors.Is(err, zoo.ErrNetwork):
		return exitNetwork
	case errors.Is(err, zoo.ErrDigest):
		return exitDigest
	case errors.Is(err, zoo.ErrCheckpoint), errors.As(err, new(*bundle.Error)):
		return exitCheckpoint
	case errors.As(err, new(*lock.Error)):
		return exitUsage
	}
	return exitInternal
}

// advice returns the command to go on with after an error that does not say so
// itself; empty for none.
func advice(err error) string {
	var mismatch *store.MismatchError
	var fetch *store.FetchError
	var refused *converter.CheckpointError
	var verify *zoo.VerifyError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Sprintf("bring the file from elsewhere: zoo import %s FILE, or --mirror URL for another host", mismatch.Name)
	case errors.As(err, &fetch) && fetch.Kept == 0 && fetch.Left == "" && fetch.Hint == "" && registry.CheckName(fetch.Name) == nil:
		return fmt.Sprintf("run again, or bring the file another way: zoo import %s FILE", fetch.Name)
	case errors.As(err, &refused):
		return "no file was written; zoo inspect FILE shows what a readable checkpoint holds"
	case errors.As(err, &verify):
		return fmt.Sprintf("zoo verify %s --format json prints every number", verify.Failed[0].Model)
	}
	return ""
}
