package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

// demoRows are the models whose rows of the reproduction table are shown: their counts need no weights.
var demoRows = []string{"cspdarknet50_3rdparty_8xb32_in1k", "cspresnet50_3rdparty_8xb32_in1k", "cspresnext50_3rdparty_8xb32_in1k"}

func (a *app) demoCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show what zoo does, on a photograph that is part of it",
		Long: `Name what is in a photograph that is part of the program, show what the network saw it in, hold
network and preprocessing against what the reference framework computed, and print the rows of
the reproduction table that need no weights. Nothing is downloaded, and nothing is written but
the program's two photographs, into the folder of -o, to try the other commands on. What is
computed is computed at precision highest. Formats: human, json.`,
		Example: "  zoo demo\n  zoo demo -o .",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if st, err := os.Stat(output); output != "" && (err != nil || !st.IsDir()) {
				return usage("-o %s: expected a folder that is there", output)
			}
			a.precision = zoo.Highest // the same digits everywhere
			z, err := a.open()
			if err != nil {
				return err
			}
			d, err := a.computeDemo(cmd.Context(), z)
			if err != nil {
				return err
			}
			if format == formatJSON {
				err = a.printDemoJSON(d)
			} else {
				err = a.printDemo(d)
			}
			if err == nil && output != "" {
				err = a.writePhotographs(cmd.Context(), output)
			}
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "folder to write the photographs to")
	return c
}

// A demo is what is shown.
type demo struct {
	model, weights string
	top            []model.Prediction
	cam            *model.CAM
	check          *zoo.Check // of the embedded weights; nil where a lock file keeps them from being used
	rows           []metrics.Row
}

// computeDemo computes what is shown. Weights that do not compute what the reference did are a
// *zoo.VerifyError.
func (a *app) computeDemo(ctx context.Context, z *zoo.Zoo) (*demo, error) {
	d := &demo{}
	if err := d.picture(ctx, z); err != nil {
		return nil, err
	}
	checks, err := z.Verify(ctx, standInName, zoo.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	for i := range checks {
		if checks[i].StandIn != nil {
			d.check = &checks[i]
		}
		if !checks[i].Pass() {
			return nil, &zoo.VerifyError{Failed: checks[i : i+1]}
		}
	}
	d.rows, err = z.Report(ctx, zoo.ReportOptions{Names: demoRows})
	return d, err
}

// picture names what is in a photograph, and finds out where.
func (d *demo) picture(ctx context.Context, z *zoo.Zoo) error {
	m, err := z.Open(ctx, standInName)
	if err != nil {
		return err
	}
	defer m.Close()
	d.model, d.weights = m.Name(), m.Weights().String()
	data, err := fs.ReadFile(embeddedFiles(), coffeePicture)
	if err != nil {
		return err
	}
	img, err := vision.DecodeContext(ctx, data, m.DecodeOptions())
	if err != nil {
		return fmt.Errorf("%s: %w", coffeePicture, err)
	}
	top, err := m.Top(ctx, 3, model.Image(img))
	if err != nil {
		return err
	}
	d.top = top[0]
	d.cam, err = m.CAM(ctx, img)
	return err
}

// printDemo prints what is shown, for people.
func (a *app) printDemo(d *demo) error {
	a.prose("%s, a photograph that is part of zoo, is shown to %s:", coffeePicture, d.model)
	a.line("")
	for _, t := range d.top {
		a.line("%5d  %.4f  %s", t.Class, t.Score, t.Name)
	}
	a.line("")
	a.prose("Where it saw the %s, in %d x %d fields of the picture's middle, @ speaking most for it:", d.cam.Name, d.cam.W, d.cam.H)
	a.line("")
	for _, line := range camLines(d.cam) {
		a.line("      %s", line)
	}
	a.line("")
	if c := d.check; c != nil {
		a.prose("Verified on two photographs, by what the reference framework computed in float64 with the same weights:")
		a.prose("%d layers and the outcome differ by at most %.0e of the largest value, where %.0e is allowed.",
			len(c.Verdict.Probes), above(c.Verdict.Error()), c.Verdict.Tolerance)
		if c.Pixels != nil {
			a.prose("All %d values of the preprocessed photographs are equal to the reference's.", c.Pixels.Values)
		}
		a.prose("The weights are %s of the published file %s, and part of zoo as well.", c.StandIn.Kind, c.StandIn.Of.Short())
		a.line("")
	}
	a.prose("Three networks whose weights are not needed: published figures, and what zoo counts:")
	a.line("")
	if err := table.WriteSummary(a.stdout, d.rows, a.screen); err != nil {
		return err
	}
	a.hint("zoo: next: zoo predict PICTURE..., zoo list, or zoo demo -o . for the photographs")
	return nil
}

// heats are the letters of a map, from nothing to what speaks most for a class.
const heats = ".:-=+*#%@"

// camLines returns a class activation map in letters, a line for each row of fields.
func camLines(cam *model.CAM) []string {
	most := max(slices.Max(cam.Values), 1e-30)
	var lines []string
	for row := range slices.Chunk(cam.Values, cam.W) {
		var line []string
		for _, v := range row {
			level := min(max(int(v/most*float32(len(heats))), 0), len(heats)-1)
			line = append(line, heats[level:level+1])
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// printDemoJSON prints what is shown, for programs; zoo report prints the rows of its table for them.
func (a *app) printDemoJSON(d *demo) error {
	checks := []checkJSON{}
	if d.check != nil {
		checks = append(checks, toCheckJSON(d.check))
	}
	return a.printJSON(struct {
		Image     string             `json:"image"`
		Model     string             `json:"model"`
		Weights   string             `json:"weights"`
		Precision string             `json:"precision"`
		Kernels   string             `json:"kernels"`
		Top       []model.Prediction `json:"top"`
		CAM       [][]float32        `json:"cam"`
		Checks    []checkJSON        `json:"checks"`
	}{
		coffeePicture, d.model, d.weights, string(a.precision), model.Variant(), d.top,
		slices.Collect(slices.Chunk(d.cam.Values, d.cam.W)), checks,
	})
}

// above returns the power of ten that a number from 0 on is not above.
func above(x float64) float64 {
	if x == 0 {
		return 0
	}
	return math.Pow(10, math.Ceil(math.Log10(x)))
}

// writePhotographs writes the program's photographs into a folder.
func (a *app) writePhotographs(ctx context.Context, dir string) error {
	for _, name := range []string{coffeePicture, chelseaPicture} {
		data, err := fs.ReadFile(embeddedFiles(), name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		err = a.writeFile(ctx, "-o", path, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
		a.hint("%s was written: CC0, by its photographer", path)
	}
	return nil
}
