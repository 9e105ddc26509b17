// Package scan says what the pickles of a checkpoint name, and what loading them would have
// run: in PyTorch's two containers, in archives and compressed files, inside pickles, and in
// plain pickles. It runs nothing, and reads no network.
//
//	report, err := scan.File("model.pth")
//	if report.Unsafe() { … }
//
// A file is safe where nothing in it is above Unknown. A broken pickle is not safe, since what
// came before it breaks has been run; neither is what cannot be read as what it calls itself,
// nor what holds more than is followed.
package scan

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/mmap"
)

// A Severity grades a finding. Harmless and Unknown are safe.
type Severity = pth.Severity

// The severities, in rising order.
const (
	Harmless   = pth.Harmless   // what checkpoints are made of
	Unknown    = pth.Unknown    // a class or function of which nothing is known
	Suspicious = pth.Suspicious // what no program that saves a checkpoint writes, and what is broken
	Dangerous  = pth.Dangerous  // what reaches the system, or the interpreter
)

// A Rule says what kind of finding one is.
type Rule string

// The rules.
const (
	RuleGlobal    Rule = "global"    // a pickle names a global
	RuleCall      Rule = "call"      // a pickle calls, or does, what checkpoints do not
	RuleBroken    Rule = "broken"    // a pickle cannot be followed to its end
	RuleTrailing  Rule = "trailing"  // something follows a pickle that is none
	RuleContainer Rule = "container" // the container is not sound, or not what the file's name says
	RuleProgram   Rule = "program"   // the file is a program
	RuleBounds    Rule = "bounds"    // the file holds more than is followed
	RuleUnread    Rule = "unread"    // the file is of a kind that is not looked into
)

// A Finding is one thing that a file holds, and where.
type Finding struct {
	Severity Severity
	Rule     Rule
	// Member is where in the file it is: the names of archive members and of what lies inside
	// them, joined by "!"; empty for the file itself.
	Member string
	Offset int64  // of the instruction, in bytes from the start of the file or member; -1 where there is none
	Opcode string // such as "REDUCE"; empty where no pickle's
	Global string // such as "os.system"; empty where none
	Text   string // a sentence's end: what is found
}

// A Report is what was found in one file.
type Report struct {
	File     string // the path, as it was given
	Kind     string // what the file is: "zip", "legacy", "pickle", "safetensors", and others
	Pickles  int    // that were followed
	Findings []Finding
}

// Worst returns the highest severity; Harmless where nothing was found.
func (r *Report) Worst() Severity {
	worst := Harmless
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// Unsafe reports whether anything is above Unknown.
func (r *Report) Unsafe() bool { return r.Worst() > Unknown }

// File scans one file. The error is the operating system's: what is in the file is no error.
func File(path string) (*Report, error) {
	f, err := bounded.Open(path) // regular files only
	if err != nil {
		return nil, err
	}
	f.Close()
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return Bytes(path, m.Bytes()), nil
}

// Bytes scans a file in memory, whose name may decide what it has to be.
func Bytes(name string, data []byte) *Report {
	r, _ := inspect(name, data, true)
	return r
}

// inspect scans a file. Where it is not asked for by name, one that is neither called as
// checkpoints are nor one by its content is none of the scan's business.
func inspect(name string, data []byte, asked bool) (r *Report, concerned bool) {
	s := &scanner{report: &Report{File: name}, budget: maxUnpacked, asked: asked}
	s.report.Kind = s.file(filepath.Base(name), data)
	if !asked && !s.concerned {
		return nil, false
	}
	slices.SortStableFunc(s.report.Findings, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	return s.report, true
}

// Walk scans every regular file below a folder, in the order of names, and calls each with its
// report; a file that is no checkpoint and is not called as one has none, and is counted.
// Links to files are followed, links to folders are not. A file that cannot be read is a
// finding.
func Walk(ctx context.Context, dir string, each func(*Report) error) (others int, err error) {
	var paths []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if d == nil || path == dir {
				return err
			}
			return each(unread(path, err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
				return nil
			}
		} else if !d.Type().IsRegular() {
			return nil
		}
		paths = append(paths, path)
		return nil
	})
	if err != nil {
		return 0, err
	}
	sort.Strings(paths)
	for _, path := range paths {
		if ctx.Err() != nil {
			return others, ctx.Err()
		}
		m, err := mmap.Open(path)
		if err != nil {
			if err := each(unread(path, err)); err != nil {
				return others, err
			}
			continue
		}
		r, concerned := inspect(path, m.Bytes(), false)
		m.Close()
		if !concerned {
			others++
			continue
		}
		if err := each(r); err != nil {
			return others, err
		}
	}
	return others, nil
}

// unread is the report of a file that the operating system does not give.
func unread(path string, err error) *Report {
	return &Report{File: path, Kind: "unread", Findings: []Finding{{Severity: Suspicious, Rule: RuleUnread, Offset: -1, Text: fmt.Sprintf("cannot be read: %v", err)}}}
}
