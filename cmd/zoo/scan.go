package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/scan"
)

const formatSARIF = "sarif" // of scan

func (a *app) scanCommand() *cobra.Command {
	var strict, all bool
	c := &cobra.Command{
		Use:   "scan FILE|DIR|hf://ORG/REPOSITORY/FILE[@REVISION]...",
		Short: "Say what the pickles of checkpoints name, and would have run",
		Long: `Follow every pickle of a checkpoint without running it, and print what it names and calls:
in PyTorch's containers, old and new, in archives and compressed files, in pickles inside pickles,
in numpy arrays of objects and in plain pickles. Of a DIR every file below it is scanned that is a
checkpoint, or is called as one.

dangerous   reaches the system or the interpreter: os.system, eval, a second loader
suspicious  is written by no program that saves a checkpoint, or cannot be followed: names that a
            pickle computes, a broken pickle, an archive of two minds, a TorchScript program
unknown     is a class of which nothing is known here; Python would import its module
harmless    is what checkpoints are made of

A file is unsafe with anything dangerous or suspicious in it, with --strict also with anything
unknown; then the exit status is 7. Formats: human, json, sarif (2.1.0).`,
		Example: "  zoo scan model.pth\n  zoo scan checkpoints/ --format sarif > scan.sarif\n  zoo scan hf://timm/resnet18.a1_in1k/pytorch_model.bin",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatSARIF)
			if err != nil {
				return err
			}
			s := scanned{app: a, format: format, all: all, limit: scan.Unknown}
			if strict {
				s.limit = scan.Harmless
			}
			for _, arg := range args {
				if err := s.argument(cmd.Context(), arg); err != nil {
					return err
				}
			}
			return s.end()
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "what is unknown is unsafe, too")
	c.Flags().BoolVar(&all, "all", false, "print what is harmless, too")
	return c
}

// A scanned run collects the reports of one command.
type scanned struct {
	*app
	format  string
	all     bool
	limit   scan.Severity // the highest that is safe
	reports []*scan.Report
	unsafe  int
	others  int // files that are no checkpoints
}

// argument scans what one argument names.
func (s *scanned) argument(ctx context.Context, arg string) error {
	if strings.HasPrefix(arg, "hf://") {
		z, err := s.open()
		if err != nil {
			return err
		}
		return z.WithHubFile(ctx, arg, func(file *zoo.HubFile) error {
			r, err := scan.File(file.Path)
			if err != nil {
				return err
			}
			r.File = file.Address
			return s.add(r)
		})
	}
	st, err := os.Stat(arg)
	if err != nil {
		return &usageError{err}
	}
	if st.IsDir() {
		others, err := scan.Walk(ctx, arg, s.add)
		s.others += others
		return err
	}
	r, err := scan.File(arg)
	if err != nil {
		return &usageError{err}
	}
	return s.add(r)
}

// add prints a report, or keeps it until all are there.
func (s *scanned) add(r *scan.Report) error {
	s.reports = append(s.reports, r)
	if r.Worst() > s.limit {
		s.unsafe++
	}
	if s.format == formatHuman {
		s.print(r)
	}
	return nil
}

// maxNames is how many unknown names are printed of one file.
const maxNames = 8

func (s *scanned) print(r *scan.Report) {
	verdict := safe
	if r.Worst() > s.limit {
		verdict = unsafe
	}
	pickles := fmt.Sprintf("%d pickles", r.Pickles)
	if r.Pickles == 1 {
		pickles = "1 pickle"
	}
	s.judge(verdict, "%*s%s  (%s, %s)", len(unsafe)+1-len(verdict), "", r.File, r.Kind, pickles)
	var unknown []string
	for _, f := range r.Findings {
		switch {
		case s.all || f.Severity > scan.Unknown:
			s.line("        %-10s  %s", f.Severity, f.Sentence())
		case f.Severity == scan.Unknown && f.Global != "":
			unknown = append(unknown, f.Global)
		case f.Rule == scan.RuleContainer:
			s.line("        %-10s  %s", "note", f.Text)
		}
	}
	if n := len(unknown) - maxNames; n > 0 {
		unknown = append(unknown[:maxNames], fmt.Sprintf("and %d more", n))
	}
	if len(unknown) > 0 {
		s.line("        %-10s  names %s", "unknown", strings.Join(unknown, ", "))
	}
}

// findingJSON and scanJSON are what --format json prints.
type findingJSON struct {
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Member   string `json:"member,omitempty"`
	Offset   *int64 `json:"offset,omitempty"`
	Opcode   string `json:"opcode,omitempty"`
	Global   string `json:"global,omitempty"`
	Text     string `json:"text"`
}

type scanJSON struct {
	File     string        `json:"file"`
	Kind     string        `json:"kind"`
	Pickles  int           `json:"pickles"`
	Severity string        `json:"severity"`
	Unsafe   bool          `json:"unsafe"`
	Findings []findingJSON `json:"findings"`
}

// end prints what is printed at the end, and returns the error of a run that found something.
func (s *scanned) end() error {
	switch s.format {
	case formatJSON:
		out := struct {
			Files  []scanJSON `json:"files"`
			Unsafe int        `json:"unsafe"`
			Others int        `json:"other_files"`
		}{[]scanJSON{}, s.unsafe, s.others}
		for _, r := range s.reports {
			file := scanJSON{r.File, r.Kind, r.Pickles, r.Worst().String(), r.Worst() > s.limit, []findingJSON{}}
			for _, f := range r.Findings {
				j := findingJSON{f.Severity.String(), string(f.Rule), f.Member, nil, f.Opcode, f.Global, f.Text}
				if f.Offset >= 0 {
					j.Offset = &f.Offset
				}
				file.Findings = append(file.Findings, j)
			}
			out.Files = append(out.Files, file)
		}
		if err := s.printJSON(out); err != nil {
			return err
		}
	case formatSARIF:
		if err := scan.WriteSARIF(s.stdout, zoo.Version, s.reports); err != nil {
			return err
		}
	}
	left := ""
	if s.others > 0 {
		left = fmt.Sprintf("; %d other files were left out", s.others)
	}
	s.hint("%d of %d checkpoints are unsafe%s", s.unsafe, len(s.reports), left)
	if s.unsafe > 0 {
		return &silentError{exitCheckpoint}
	}
	return nil
}
