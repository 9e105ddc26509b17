package main

import (
	"encoding/csv"
	"image"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
)

func (a *app) embedCommand() *cobra.Command {
	var from zoo.OpenOptions
	c := &cobra.Command{
		Use:   "embed [NAME or CHECKPOINT] IMAGE...",
		Short: "Print feature vectors of images",
		Long: `Compute what enters the model's classifier for each image: one line of comma-separated values
per image, its path first. Where a model has several classifiers what enters each follows what
enters the one before. Images that cannot be read are said as zoo predict says them. Formats:
csv (also human), json, ndjson.

` + subjectHelp + `

A checkpoint that lacks exactly the classifier, as those of self-supervised training do, will do.`,
		Example: "  zoo embed cspresnet-nano_digits bird.jpg --format csv",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			m, images, err := a.openModelAndImages(cmd.Context(), args, from)
			if err != nil {
				return err
			}
			defer m.Close()
			type result struct {
				Image    string    `json:"image"`
				Features []float32 `json:"features"`
			}
			results := []any{} // result and badImage
			lines := csv.NewWriter(a.stdout)
			err = a.eachImage(cmd.Context(), m, images, func(path string, img image.Image) error {
				features, err := m.Embed(cmd.Context(), model.Image(img))
				if err != nil {
					return err
				}
				x := features[0]
				switch format {
				case formatJSON:
					results = append(results, result{path, x})
					return nil
				case formatNDJSON:
					return encode(a.stdout, result{path, x})
				}
				row := printable.Cells(path)
				for _, v := range x {
					row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
				}
				lines.Write(row)
				lines.Flush()
				return lines.Error()
			}, func(b badImage) error {
				if format == formatJSON {
					results = append(results, b)
					return nil
				}
				return encode(a.stdout, b)
			})
			if format == formatJSON && (err == nil || len(results) > 0) {
				if printErr := a.printResults(m, results); err == nil {
					err = printErr
				}
			}
			return err
		},
		ValidArgsFunction: a.completeFirstName,
	}
	openFlags(c, &from)
	a.inputFlags(c, &from, true)
	a.precisionFlag(c, zoo.High)
	a.pictureFlags(c)
	return c
}
