package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/registry"
)

// evaluate carries zoo eval out, for the rows of these names.
func (a *app) evaluate(ctx context.Context, names []string, g evalFlags, o evaluate.Options) error {
	format, err := a.evalFormat(g.show)
	if err != nil {
		return err
	}
	if len(names) > 1 {
		switch {
		case g.from.File != "" || g.from.Weights != "" || g.from.Network != "":
			return usage("--checkpoint, --weights and --arch are about the file of one model: name one, found %d", len(names))
		case g.from.Input != nil:
			return usage("--size, --resize, --interpolation, --mean and --std change what one model sees: name one, found %d", len(names))
		case format == formatCSV:
			return usage("--format csv prints the classes of one model: name one, found %d", len(names))
		}
	}
	if o.Limit < 0 {
		return usage("--limit %d: expected a number of images, 0 for all", o.Limit)
	}
	if isStdout(o.Log) {
		return usage("-o %s: expected a file: a log is gone on from", o.Log)
	}
	if o.ClassesOffset < 0 {
		return usage("--classes-offset %d: expected a number of rows, 0 for none", o.ClassesOffset)
	}
	if g.shard != "" {
		if o.Shard, o.Shards, err = parseShard(g.shard); err != nil {
			return err
		}
	}
	logs, err := logsOf(names, &o)
	if err != nil {
		return err
	}
	if g.labels != "" {
		if g.data == "" {
			return usage("--labels goes with --data")
		}
		if o.Labels, err = evaluate.ReadLabels(g.labels); err != nil {
			return err
		}
		o.LabelsName = filepath.Base(g.labels)
	}
	if g.classes != "" {
		if o.Classes, o.ClassIDs, err = converter.ReadClassIndex(g.classes); err != nil {
			return &usageError{err}
		}
	}
	var images fs.FS // nil: those that are embedded
	o.Dataset = zoo.EmbeddedDataset
	if g.data != "" {
		fsys, closer, err := evaluate.OpenData(ctx, g.data)
		if err != nil {
			return err
		}
		defer closer.Close()
		images, o.Dataset = fsys, g.data
	}
	if len(names) == 1 {
		o.Log = logs[0]
		return a.evaluateOne(ctx, names[0], images, format, g, o)
	}
	all := []evaluationJSON{}
	g.show.collect = &all
	var failed []error
	for i, name := range names {
		if i > 0 && format == formatHuman {
			a.line("")
		}
		o.Log = logs[i]
		err := a.evaluateOne(ctx, name, images, format, g, o)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	if format == formatJSON {
		err := a.printJSON(struct {
			Evaluations []evaluationJSON `json:"evaluations"`
		}{all})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// logsOf returns the log of each model: the file that the options name, which several cannot share, or one in a
// folder, which is made.
func logsOf(names []string, o *evaluate.Options) ([]string, error) {
	logs := make([]string, len(names))
	if o.Log == "" {
		return logs, nil
	}
	info, err := os.Stat(o.Log)
	folder := err == nil && info.IsDir() || strings.HasSuffix(filepath.ToSlash(o.Log), "/")
	switch {
	case !folder && len(names) > 1:
		return nil, usage("-o %s: each of %d models has a log of its own: name a folder, such as %[1]s%[3]c", o.Log, len(names),
			filepath.Separator)
	case !folder:
		return []string{o.Log}, nil
	}
	if err := os.MkdirAll(o.Log, 0o777); err != nil {
		return nil, &usageError{err}
	}
	part := ""
	if o.Shards > 1 {
		part = fmt.Sprintf("-%dof%d", o.Shard, o.Shards)
	}
	for i, name := range names {
		logs[i] = filepath.Join(o.Log, registry.FileName(name)+part+".jsonl")
	}
	return logs, nil
}

// evaluateOne evaluates the row of a name, on images or on those that are embedded for its classes.
func (a *app) evaluateOne(ctx context.Context, name string, images fs.FS, format string, g evalFlags, o evaluate.Options) error {
	z, err := a.open()
	if err != nil {
		return err
	}
	entry, err := z.Registry().Row(name)
	if err != nil {
		return err
	}
	if images == nil {
		if images, err = z.Images(name); err != nil {
			return err
		}
	}
	if images == nil {
		return usage("--data: no images are embedded for the classes of %s: name a set", name)
	}
	m, err := a.openModel(ctx, name, g.from)
	if err != nil {
		return err
	}
	defer m.Close()
	o.Progress = func(done, total int) {
		a.progress(zoo.Progress{Task: "evaluate", Name: name, Done: int64(done), Total: int64(total)})
	}
	o.Partial, o.AllowChance = g.show.noStrict, g.show.allowChance
	if o.Expected = expected(entry, m.Weights()); g.from.Input != nil { // nothing is published with that
		o.Expected = min(o.Expected, evaluate.Unpublished)
	}
	e, err := evaluate.Run(ctx, m, images, o)
	if err != nil {
		return err
	}
	if e.Resumed > 0 {
		a.hint("%d images were in %s already", e.Resumed, o.Log)
	}
	names := o.Classes
	if names == nil {
		names = m.Classes()
	}
	return a.printEvaluation(e, format, g.show, names)
}

// evalFormat returns the format that an evaluation is printed in.
func (a *app) evalFormat(show evalShow) (string, error) {
	format, err := a.formatOf(formatJSON, formatCSV)
	if err == nil && format == formatCSV && !show.perClass {
		err = usage("--format csv prints classes: it goes with --per-class")
	}
	return format, err
}

// expected returns the Top-1 that is expected of weights: what the catalogue publishes, and for
// weights of one's own no more than of weights about which nothing is published.
func expected(entry *registry.Entry, weights golden.Weights) float64 {
	top1 := entry.Published.Top1
	if !top1.Known() {
		return evaluate.Unpublished
	}
	if d, ok := weights.Digest(); !ok || !entry.Weights.Digest.Matches(d) {
		return min(evaluate.Unpublished, top1.Float()/100)
	}
	return top1.Float() / 100
}
