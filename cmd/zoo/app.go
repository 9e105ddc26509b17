package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// app is one run of the program: its streams and its global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer // of text
	data           io.Writer // standard output for what is no text: see stream
	terminal       io.Writer // standard error for bars

	cacheDir, mirror, format   string
	lock, lockKey              string
	configs                    []string
	offline                    bool
	jobs                       int
	quiet, verbose, noProgress bool
	wide                       bool
	colour                     string

	onTerminal bool         // whether people read standard output, as screen says
	screen     table.Screen // of standard output: see findScreen
	hints      table.Screen // of standard error

	args        []string          // of the command line
	computes    bool              // the command that is run computes networks
	precision   zoo.Precision     // of the command that is run; empty for the default
	maxPixels   int               // of one picture, where the command has the flag; 0 for the default
	pixelMemory int64             // bytes of all pictures in work
	pulled      []*registry.Entry // rows of artifacts that the command line names
	subject     *subject          // what the arguments mean, once that is known
	ownLock     string            // of a command that makes a lock file where none is configured
	warned      bool              // that the kernels are not those asked for
	release     func()            // lets go of the cache; nil where it was not opened

	bars     progressBars
	events   progressEvents
	stderrMu sync.Mutex // of hints and events, which several goroutines may have
}

// command returns the whole command tree.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "zoo",
		Short:         "The whole life of a published vision checkpoint, in one binary",
		Long:          "zoo downloads, converts, verifies, runs and reports published vision checkpoints,\nwithout Python and without ever running pickled code.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	var version bool
	root.RunE = func(c *cobra.Command, args []string) error {
		if version {
			return a.printVersion()
		}
		return a.runOverview(c, args)
	}
	root.Flags().BoolVar(&version, "version", false, "print the version, as zoo version does")
	root.Args = cobra.NoArgs
	f := root.PersistentFlags()
	f.StringVar(&a.format, "format", formatAuto, "output format: auto, human, json, ndjson, csv, md, html (each command says which it knows)")
	f.StringVar(&a.cacheDir, "cache-dir", "", "folder of downloads and converted files (default $"+zoo.EnvCache+", else zoo in the user's cache folder)")
	f.StringArrayVar(&a.configs, "config", nil, "zoo.toml with rows to add or override; may be repeated (also $"+zoo.EnvConfig+")")
	f.BoolVar(&a.offline, "offline", false, "open no network connection (also $"+zoo.EnvOffline+")")
	f.StringVar(&a.mirror, "mirror", "", "URL that replaces scheme and host of download addresses (also $"+zoo.EnvMirror+")")
	f.StringVar(&a.lock, "lock", "", "lock file whose digests hold and that learns new ones (default $"+zoo.EnvLock+", else ./zoo.lock where it is there)")
	f.StringVar(&a.lockKey, "lock-key", "", "public key that must have signed the lock file; without one that it signed no model is used (also $"+zoo.EnvLockKey+")")
	f.IntVarP(&a.jobs, "jobs", "j", 0, "goroutines to compute with (default one per core)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress and no hints")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "print each step that is done, also without a terminal")
	f.BoolVar(&a.noProgress, "no-progress", false, "print no progress")
	a.screenFlags(root)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := expandFlags(c); err != nil {
			return err
		}
		return a.findScreen()
	}
	root.AddCommand(
		a.listCommand(), a.infoCommand(),
		a.downloadCommand(), a.importCommand(), a.convertCommand(), a.inspectCommand(), a.scanCommand(), a.rowCommand(),
		a.demoCommand(),
		a.verifyCommand(), a.predictCommand(), a.embedCommand(), a.pixelsCommand(), a.evalCommand(), a.reportCommand(), a.benchCommand(),
		a.cacheCommand(), a.lockCommand(), a.bundleCommand(), a.pushCommand(), a.envCommand(), a.versionCommand(), a.manCommand(),
	)
	a.takeAddresses(root)
	a.completeFlags(root)
	root.SetOut(a.stdout) // before the commands that keep it
	root.SetErr(a.stderr)
	root.SetHelpCommand(a.helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	helpWithTopics(root)
	ownUsage(root)
	return root
}

// open returns the Zoo that flags and environment describe. Settings that cannot be
// used are usage errors.
func (a *app) open() (*zoo.Zoo, error) {
	c := zoo.ConfigOf(".")
	if a.cacheDir != "" {
		c.CacheDir = a.cacheDir
	}
	if a.mirror != "" {
		c.Mirror = a.mirror
	}
	if a.lock != "" {
		c.Lock = a.lock
	}
	if a.lockKey != "" {
		c.LockKey = a.lockKey
	}
	c.Registries = append(c.Registries, a.configs...)
	c.StandIns = standIns()
	c.Offline = c.Offline || a.offline
	c.Threads = a.jobs
	c.Precision = a.precision
	c.MaxPixels = cmp.Or(a.maxPixels, vision.MaxPixels)
	c.PixelMemory = a.pixelMemory
	c.Lock = cmp.Or(c.Lock, a.ownLock)
	c.Entries = a.pulled
	c.Progress = a.progress
	c.Notice = func(text string) { a.hint("%s", text) }
	z, err := zoo.New(c)
	if errors.Is(err, zoo.ErrDigest) { // of a key that proves nothing
		return nil, err
	}
	if err != nil {
		return nil, &usageError{err}
	}
	before := a.release
	a.release = func() {
		if z.Store().Release(); before != nil {
			before()
		}
	}
	if !a.warned {
		a.warned = true
		a.sayKernels()
	}
	return z, nil
}

// sayKernels says that the kernels are not those asked for, or that a command which computes has none.
// Who asked for none by ZOO_CPU is not told: zoo env says what that costs.
func (a *app) sayKernels() {
	if reason := zoo.KernelsRefused(); reason != "" {
		a.hint("zoo: ZOO_CPU: %s", reason)
	}
	if reason, chosen := zoo.Portable(); a.computes && reason != "" && !chosen {
		a.hint("zoo: %s: %s", reason, zoo.PortableCost)
	}
}

// openFor is open for a command that knows some formats: see formatOf.
func (a *app) openFor(known ...string) (format string, z *zoo.Zoo, err error) {
	if format, err = a.formatOf(known...); err == nil {
		z, err = a.open()
	}
	return format, z, err
}

// flags are the flags that stand for a field of options, for which they are named otherwise.
var flags = map[string]string{
	"Threads": "jobs", "Format": "to", "DType": "dtype", "Shards": "shard", "Log": "output", "LockKey": "lock-key", "CacheDir": "cache-dir",
	"MaxPixels": "max-pixels", "PixelMemory": "pixel-memory", "WeightsKey": "weights", "Network": "arch",
}

// flagged returns an error's message, behind the flag that is to blame where options are.
func flagged(err error) string {
	text := strings.TrimPrefix(plain(err), "zoo: ")
	var option *zoo.OptionError
	if !errors.As(err, &option) || option.Field == "" {
		return text
	}
	return fmt.Sprintf("--%s: %s", cmp.Or(flags[option.Field], strings.ToLower(option.Field)), text)
}

// precisionFlag gives a command that computes the flag --precision, which open heeds.
func (a *app) precisionFlag(c *cobra.Command, def zoo.Precision) {
	var text string
	c.Flags().StringVar(&text, "precision", string(def), "how to compute: highest, high or medium")
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		a.computes = true
		var err error
		if a.precision, err = zoo.ParsePrecision(text); err != nil {
			return usage("--precision: %w", err)
		}
		return run(cmd, args)
	}
}

// pictureFlags gives a command the flags that bound pictures, which open heeds.
func (a *app) pictureFlags(c *cobra.Command) {
	var pixels int
	var memory string
	c.Flags().IntVar(&pixels, "max-pixels", vision.MaxPixels, "largest picture that is decoded, width times height")
	c.Flags().StringVar(&memory, "pixel-memory", "1GiB", "memory that all pictures in work may take while they are decoded")
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if pixels < 1 || pixels > vision.MostPixels {
			return usage("--max-pixels %d: expected 1 to %d", pixels, vision.MostPixels)
		}
		bytes, err := parseBytes(memory)
		if err != nil || bytes < 1 {
			return usage("--pixel-memory %s: expected a size with a unit, such as 500MB or 4GiB", memory)
		}
		a.maxPixels, a.pixelMemory = pixels, bytes
		return run(cmd, args)
	}
}

// checkpointFile is inputFile of a checkpoint, which may be a folder that holds one.
func checkpointFile(path string) error {
	if converter.IsFolder(path) {
		return nil
	}
	return inputFile(path)
}

// inputFile returns a usage error unless a file, not a folder, is there to be read.
func inputFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &usageError{err}
	}
	if info.IsDir() {
		return usage("%s: expected a file, found a folder", path)
	}
	if info.Mode().IsRegular() { // opening anything else may wait, or take bytes away
		f, err := os.Open(path)
		if err != nil {
			return &usageError{err}
		}
		f.Close()
	}
	return nil
}

// hint prints a line that helps but is not data.
func (a *app) hint(format string, args ...any) {
	if a.quiet {
		return
	}
	a.endProgress()
	text := fmt.Sprintf(format, args...)
	a.stderrMu.Lock()
	defer a.stderrMu.Unlock()
	if a.format == formatNDJSON {
		encode(a.stderr, struct {
			Event string `json:"event"`
			Text  string `json:"text"`
		}{"notice", text})
		return
	}
	fmt.Fprintln(a.stderr, a.hints.Wrap(printable.Text(text), 2))
}

// printError prints why a command failed, and what to do next; as JSON where JSON
// was asked for.
func (a *app) printError(err error, status int) {
	text, next := flagged(err), advice(err)
	if a.printsJSON() || a.format == formatAuto && a.asksForJSON() {
		encode(a.stderr, struct {
			Error      string `json:"error"`
			Next       string `json:"next,omitempty"`
			ExitStatus int    `json:"exit_status"`
		}{text, next, status})
		return
	}
	a.printProblem(text, a.args...)
	if next != "" {
		fmt.Fprintf(a.stderr, "zoo: next: %s\n", printable.Text(next))
	}
}

// asksForJSON looks for --format in a command line that was not understood up to there.
func (a *app) asksForJSON() bool {
	for i, arg := range a.args {
		value, ok := strings.CutPrefix(arg, "--format=")
		if arg == "--format" && i+1 < len(a.args) {
			value, ok = a.args[i+1], true
		}
		if ok {
			return value == formatJSON || value == formatNDJSON
		}
	}
	return false
}

// printProblem prints what went wrong. Names in it that are known to be from outside are in one
// line, whatever they hold.
func (a *app) printProblem(text string, names ...string) {
	for _, name := range names {
		for _, name := range []string{name, filepath.Base(name)} {
			if shown := printable.Text(name); shown != name {
				text = strings.ReplaceAll(text, name, shown)
			}
		}
	}
	fmt.Fprintf(a.stderr, "zoo: %s\n", presentable(text))
}
