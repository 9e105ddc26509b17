package main

import (
	"context"
	"image"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/model"
)

func (a *app) predictCommand() *cobra.Command {
	var top int
	var from zoo.OpenOptions
	var cam camFlags
	var multiLabel bool
	c := &cobra.Command{
		Use:   "predict [NAME or CHECKPOINT] IMAGE...",
		Short: "Name what is in images",
		Long: `Classify images with a model: class index, score and name, best first. Each image goes through
the model's own preprocessing. An IMAGE is a file, a folder of files, or - for standard
input.

` + subjectHelp + `

Scores are softmax probabilities; those of a classifier with one row, and of all with
--multi-label, are sigmoids and say so. In a folder, what has an image's suffix counts, at any depth, links
followed, without hidden files and those that Windows and macOS leave. An image that cannot be read is
named on standard error; json and ndjson have an object with "error" and "kind" in its place instead.
Formats: human, json, ndjson, csv.

` + camHelp,
		Example: "  zoo predict bird.jpg\n  zoo predict cspresnet50_3rdparty_8xb32_in1k bird.jpg --top 3 --cam bird.cam.png\n" +
			"  zoo predict flowers.safetensors rose.jpg",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			if top < 1 {
				return usage("--top %d: expected at least 1", top)
			}
			if err := cam.check(cmd); err != nil {
				return err
			}
			m, images, err := a.openModelAndImages(cmd.Context(), args, from)
			if err != nil {
				return err
			}
			defer m.Close()
			if err := m.Classifies(); err != nil {
				return err
			}
			if multiLabel {
				m = m.MultiLabel()
			}
			maps, err := a.newCAMWriter(m, cam, images)
			if err != nil {
				return err
			}
			p := a.newPredictionPrinter(m, format, len(images) > 1)
			err = a.eachImage(cmd.Context(), m, images, func(path string, img image.Image) error {
				best, err := m.Top(cmd.Context(), top, model.Image(img))
				if err != nil {
					return err
				}
				if err := maps.write(cmd.Context(), path, img); err != nil {
					return err
				}
				return p.add(path, best[0])
			}, p.bad)
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
	cam.add(c)
	a.precisionFlag(c, zoo.High)
	a.pictureFlags(c)
	return c
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
