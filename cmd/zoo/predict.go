package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/vision"
)

func (a *app) predictCommand() *cobra.Command {
	var top int
	var from zoo.OpenOptions
	var cam string
	var multiLabel bool
	c := &cobra.Command{
		Use:   "predict NAME IMAGE...",
		Short: "Name what is in images",
		Long: `Classify images with a model: class index, score and name, best first. Each image goes through
the model's own preprocessing. An IMAGE is a file, a folder of files, or - for standard
input. --cam writes the class activation map of the best class: what the network saw, glowing where
it speaks for that class. Scores are softmax probabilities; those of a classifier with one row, and of all with
--multi-label, are sigmoids and say so. In a folder, what has an image's suffix counts, at any depth, links
followed, without hidden files and those that Windows and macOS leave. Formats: human, json, ndjson, csv.`,
		Example: "  zoo predict cspresnet50_3rdparty_8xb32_in1k bird.jpg --top 3 --cam bird.cam.png",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			if top < 1 {
				return usage("--top %d: expected at least 1", top)
			}
			m, images, err := a.openModelAndImages(cmd.Context(), args, from)
			if err != nil {
				return err
			}
			defer m.Close()
			if err := m.Classifies(); err != nil {
				return err
			}
			if cam != "" && len(images) != 1 {
				return usage("--cam goes with one image, found %d", len(images))
			}
			if multiLabel {
				m = m.MultiLabel()
			}
			p := a.newPredictionPrinter(m, format, len(images) > 1)
			err = a.eachImage(cmd.Context(), m, images, func(path string, img image.Image) error {
				best, err := m.Top(cmd.Context(), top, model.Image(img))
				if err != nil {
					return err
				}
				if cam != "" {
					if err := a.writeCAM(cmd.Context(), m, img, cam); err != nil {
						return err
					}
				}
				return p.add(path, best[0])
			})
			if endErr := p.end(); err == nil {
				err = endErr
			}
			return err
		},
		ValidArgsFunction: a.completeFirstName,
	}
	c.Flags().IntVar(&top, "top", 5, "how many classes to print")
	openFlags(c, &from)
	a.inputFlags(c, &from, true)
	c.Flags().BoolVar(&multiLabel, "multi-label", false, "score each class on its own, by a sigmoid, for classes that do not exclude each other")
	c.Flags().StringVar(&cam, "cam", "", "PNG file to write a class activation map to")
	a.precisionFlag(c, zoo.High)
	a.pictureFlags(c)
	return c
}

// writeCAM writes the class activation map of an image's best class.
func (a *app) writeCAM(ctx context.Context, m *model.Model, img image.Image, path string) error {
	cam, err := m.CAM(ctx, img)
	if err != nil {
		return err
	}
	return a.writePNG(ctx, "--cam", path, cam.Image())
}

// openFlags gives a command the flags that say where a model's weights come from.
func openFlags(c *cobra.Command, o *zoo.OpenOptions) {
	c.Flags().StringVar(&o.File, "checkpoint", "", "file with the weights, such as a fine-tuned checkpoint, instead of the published ones")
	weightsFlag(c, &o.Weights)
	archFlag(c, &o.Network)
}

// weightsFlag gives a command the flag that names a network within a file.
func weightsFlag(c *cobra.Command, key *string) {
	c.Flags().StringVar(key, "weights", "", "which weights of the file, such as state_dict or state_dict/teacher (default: as zoo convert --help says)")
}

// archFlag gives a command the flag that says which network a file holds.
func archFlag(c *cobra.Command, network *string) {
	c.Flags().StringVar(network, "arch", "", "what the file's own project calls its network, such as tf_efficientnet_b0, where another has the same tensors (default: as the file says)")
}

// openModel opens a model with the published weights or those of a file.
func (a *app) openModel(ctx context.Context, name string, from zoo.OpenOptions) (*model.Model, error) {
	z, err := a.open()
	if err != nil {
		return nil, err
	}
	if _, err := z.Registry().Lookup(name); err != nil {
		return nil, err
	}
	if from.File != "" {
		if err := checkpointFile(from.File); err != nil {
			return nil, err
		}
	}
	return z.OpenWith(ctx, name, from)
}

// openModelAndImages opens the model that args begin with, and lists the images that
// follow. An image that is not there is said before the model is downloaded.
func (a *app) openModelAndImages(ctx context.Context, args []string, from zoo.OpenOptions) (*model.Model, []string, error) {
	z, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	if _, err := z.Registry().Lookup(args[0]); err != nil {
		return nil, nil, err
	}
	images, err := listImages(ctx, args[1:])
	if err != nil {
		return nil, nil, err
	}
	m, err := a.openModel(ctx, args[0], from)
	return m, images, err
}

// listImages returns the images of the arguments: a folder stands for the images in
// it and below, in path order.
func listImages(ctx context.Context, args []string) ([]string, error) {
	var images []string
	for _, arg := range args {
		if arg == "-" {
			if slices.Contains(images, arg) {
				return nil, usage("-: standard input can be read once")
			}
			images = append(images, arg)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, &usageError{err}
		}
		if !info.IsDir() {
			images = append(images, arg)
			continue
		}
		inside, err := evaluate.ListImages(ctx, arg)
		if err != nil {
			return nil, err
		}
		images = append(images, inside...)
	}
	return images, nil
}

// eachImage decodes images, or standard input for "-", as the model's preprocessing
// asks, and calls f with each. One that cannot be decoded is named, and the others
// are still done.
func (a *app) eachImage(ctx context.Context, m *model.Model, images []string, f func(path string, img image.Image) error) error {
	unreadable := 0
	for _, path := range images {
		img, err := a.readImage(ctx, m, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			unreadable++
			if len(images) == 1 {
				return err
			}
			a.printProblem(err.Error(), path)
			continue
		}
		if err := f(path, img); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if unreadable > 0 {
		return fmt.Errorf("%d of %d images could not be read", unreadable, len(images))
	}
	return nil
}

func (a *app) readImage(ctx context.Context, m *model.Model, path string) (image.Image, error) {
	data, err := a.readInput(path)
	if err != nil {
		return nil, err
	}
	img, err := vision.DecodeContext(ctx, data, m.DecodeOptions())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

type predictionJSON struct {
	Image string             `json:"image"`
	Top   []model.Prediction `json:"top"`
}

// predictionPrinter prints predictions as they come; as one JSON document at the end.
type predictionPrinter struct {
	app    *app
	model  *model.Model
	format string
	many   bool // several images: each is named
	csv    *csv.Writer
	all    []predictionJSON
	count  int
}

func (a *app) newPredictionPrinter(m *model.Model, format string, many bool) *predictionPrinter {
	p := &predictionPrinter{app: a, model: m, format: format, many: many, csv: csv.NewWriter(a.stdout), all: []predictionJSON{}}
	if format == formatCSV {
		score := "score"
		if m.Sigmoid() {
			score = "sigmoid"
		}
		p.csv.Write([]string{"image", "rank", "class", score, "name"})
	}
	return p
}

func (p *predictionPrinter) add(path string, top []model.Prediction) error {
	row := predictionJSON{path, top}
	switch p.format {
	case formatJSON:
		p.all = append(p.all, row)
	case formatNDJSON:
		return encode(p.app.stdout, row)
	case formatCSV:
		for i, t := range top {
			p.csv.Write([]string{printable.Cell(path), strconv.Itoa(i + 1), strconv.Itoa(t.Class), strconv.FormatFloat(float64(t.Score), 'f', 4, 32), printable.Cell(t.Name)})
		}
		p.csv.Flush()
		return p.csv.Error()
	default:
		if p.count++; p.count > 1 {
			p.app.line("")
		}
		if p.many {
			p.app.line("%s", path)
		}
		for _, t := range top {
			line := fmt.Sprintf("%5d  %.4f  %s", t.Class, t.Score, t.Name)
			if t.Sigmoid {
				line = fmt.Sprintf("%5d  %.4f  sigmoid  %s", t.Class, t.Score, t.Name)
			}
			p.app.line("%s", strings.TrimRight(line, " "))
		}
	}
	return nil
}

// end prints what is printed once.
func (p *predictionPrinter) end() error {
	m := p.model
	if p.format == formatJSON {
		return p.app.printJSON(struct {
			Model     string           `json:"model"`
			Weights   string           `json:"weights"`
			Precision string           `json:"precision"`
			Kernels   string           `json:"kernels"`
			Pixels    string           `json:"preprocessing"`
			Results   []predictionJSON `json:"results"`
		}{m.Name(), m.Weights().String(), string(m.Compute().Precision), model.Variant(), m.Pipeline().String(), p.all})
	}
	p.app.hint("%s, %s, precision %s on %s", m.Name(), m.Weights(), m.Compute().Precision, model.Variant())
	p.csv.Flush()
	return p.csv.Error()
}
