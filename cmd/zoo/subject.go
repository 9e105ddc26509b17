package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry"
)

// subjectHelp is the rule of findSubject, for help texts.
const subjectHelp = `The first argument is the model where it is a NAME that zoo list knows, a file of that name or not
(./NAME is the file). Else, where it ends as checkpoints do or is a folder that holds one and no picture,
it is a CHECKPOINT, whose model is the one that zoo convert noted in it. Else it is an IMAGE, and the
model is ` + standInName + `, which is part of the program. What it was taken for is said.`

// A subject is what the arguments of a command mean: a model, and pictures that it is shown.
type subject struct {
	name       string   // of the registry
	checkpoint string   // file with the weights; empty: those of the name
	images     []string // arguments, not looked at yet
	taken      string   // what the first argument was taken for, where that is no mere name
}

// findSubject says what arguments mean, by the rule of subjectHelp. Checkpoint is the file that a
// flag names; empty for none. It is cheap where the first argument is a name.
func (a *app) findSubject(ctx context.Context, args []string, checkpoint string) (*subject, error) {
	if len(args) == 0 {
		return nil, usage("expected an IMAGE")
	}
	if a.subject != nil { // flags are looked at before arguments are
		return a.subject, nil
	}
	z, err := a.open()
	if err != nil {
		return nil, err
	}
	s, err := subjectOf(ctx, z, args, checkpoint)
	if err != nil {
		return nil, err
	}
	if len(s.images) == 0 {
		return nil, usage("%s is taken for the model: expected an IMAGE after it", args[0])
	}
	a.subject = s
	return s, nil
}

func subjectOf(ctx context.Context, z *zoo.Zoo, args []string, checkpoint string) (*subject, error) {
	first := args[0]
	_, statErr := os.Stat(first)
	there := statErr == nil || first == "-"
	_, err := z.Registry().Lookup(first)
	switch {
	case err == nil:
		s := &subject{name: first, checkpoint: checkpoint, images: args[1:]}
		if there {
			s.taken = fmt.Sprintf("%s is taken for the model of that name, not for the file: ./%s would be the file", first, first)
		}
		return s, nil
	case errors.As(err, new(*registry.RowError)):
		return nil, err
	case !there && !strings.ContainsRune(first, filepath.Separator) && filepath.Ext(first) == "":
		return nil, err // a name with a letter that is wrong
	case !there && len(args) > 1 && !isFile(first) && !endsAsPicture(first):
		return nil, err
	case !there:
		return nil, &usageError{statErr}
	case checkpoint != "":
		name, err := modelIn(z, checkpoint)
		if err != nil {
			return nil, err
		}
		taken := fmt.Sprintf("no model is named: %s says that it is of %s", checkpoint, name)
		return &subject{name: name, checkpoint: checkpoint, images: args, taken: taken}, nil
	case endsAsCheckpoint(first), converter.IsFolder(first) && !holdsPictures(ctx, first):
		name, err := modelIn(z, first)
		if err != nil {
			return nil, err
		}
		taken := fmt.Sprintf("%s is taken for a checkpoint: it says that it is of %s", first, name)
		return &subject{name: name, checkpoint: first, images: args[1:], taken: taken}, nil
	}
	shown := first
	if first == "-" {
		shown = "standard input"
	}
	taken := fmt.Sprintf("%s is taken for a picture, since no model is named: it is shown to %s", shown, standInName)
	return &subject{name: standInName, images: args, taken: taken}, nil
}

// endsAsPicture reports whether a name ends as pictures do, of formats that are read or not.
func endsAsPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".avif":
		return true
	}
	return false
}

// holdsPictures reports whether there is a picture in a folder.
func holdsPictures(ctx context.Context, dir string) bool {
	images, err := evaluate.ListImages(ctx, dir)
	return err == nil && len(images) > 0
}

// modelIn returns the name of the model that a checkpoint is of: zoo noted it there, or the file is
// the published one by its digest.
func modelIn(z *zoo.Zoo, path string) (string, error) {
	if err := checkpointFile(path); err != nil {
		return "", err
	}
	c, err := converter.Open(path)
	if err != nil {
		return "", err
	}
	name := c.Metadata[converter.MetaModel]
	c.Close()
	if name != "" {
		if _, err := z.Registry().Lookup(name); err != nil {
			return "", fmt.Errorf("%s says that it is of a model that is not known here: %w", path, err)
		}
		return name, nil
	}
	held, err := z.Inspect(path)
	if err != nil {
		return "", err
	}
	if len(held.Identified) == 1 {
		return held.Identified[0], nil
	}
	text := fmt.Sprintf("%s does not say which model it is of: name it, as in: NAME --checkpoint %s IMAGE", path, path)
	if fits := suggestion(held.Fits); fits != "" {
		text += "; " + strings.Replace(fits, "--model ", "", 1)
	}
	return "", usage("%s", text)
}

// openModelAndImages opens the model that the arguments mean, and lists their images. An image that
// is not there is said before the model is downloaded.
func (a *app) openModelAndImages(ctx context.Context, args []string, from zoo.OpenOptions) (*model.Model, []string, error) {
	s, err := a.findSubject(ctx, args, from.File)
	if err != nil {
		return nil, nil, err
	}
	images, err := listImages(ctx, s.images)
	if err != nil {
		return nil, nil, err
	}
	if s.taken != "" {
		a.hint("%s", s.taken)
	}
	from.File = s.checkpoint
	m, err := a.openModel(ctx, s.name, from)
	return m, images, err
}
