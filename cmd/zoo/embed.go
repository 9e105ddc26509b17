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
	var checkpoint string
	c := &cobra.Command{
		Use:   "embed NAME IMAGE...",
		Short: "Print feature vectors of images",
		Long: `Compute what enters the model's classifier for each image: one line of comma-separated values
per image, its path first. Images are given as to zoo predict. Formats: csv (also human), json,
ndjson.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			m, images, err := a.openModelAndImages(cmd.Context(), args, checkpoint)
			if err != nil {
				return err
			}
			defer m.Close()
			type result struct {
				Image    string    `json:"image"`
				Features []float32 `json:"features"`
			}
			results := []result{}
			lines := csv.NewWriter(a.stdout)
			err = a.eachImage(m, images, func(path string, img image.Image) error {
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
			})
			if format == formatJSON && (err == nil || len(results) > 0) {
				printErr := a.printJSON(struct {
					Model     string   `json:"model"`
					Weights   string   `json:"weights"`
					Precision string   `json:"precision"`
					Kernels   string   `json:"kernels"`
					Results   []result `json:"results"`
				}{m.Name(), m.Weights().String(), string(m.Compute().Precision), model.Variant(), results})
				if err == nil {
					err = printErr
				}
			}
			return err
		},
		ValidArgsFunction: a.completeFirstName,
	}
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "file with the weights instead of the published ones")
	a.precisionFlag(c, zoo.High)
	return c
}
