package main

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

func (a *app) verifyCommand() *cobra.Command {
	var o zoo.VerifyOptions
	var goldenFile, precisions, images string
	c := &cobra.Command{
		Use:   "verify [NAME|GLOB...]",
		Short: "Compare networks with what the reference framework computed",
		Long: `Compute each model's golden inputs and compare logits, and module outputs on the way, with
what the reference framework wrote into golden files. Each is computed twice: as predict and eval
do, and with module outputs kept, which are not fused with what follows then. Prints PASS or
FAIL for each golden, the largest error as a share of the largest value, how many times larger
it could have been (headroom), the logits' errors in both runs, and on failure the first layer
that goes wrong. Where the images behind an input are there, the
preprocessing is compared too. Without a NAME every embedded golden is judged; of the models that a
GLOB such as 'resnet*' matches, those that have one. A golden that came in a bundle is said to, with
the key that signed it; with --lock-key that key must have.
Exit status 4 when one fails. Formats: human, a table on a terminal and a sentence each elsewhere; json,
ndjson.

` + dropped(checkDrop, "Of several precisions PRECISION stays."),
		Example: "  zoo verify\n  zoo verify cspresnet50_3rdparty_8xb32_in1k --golden my.golden.safetensors --precision all",
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			needsOne := func(found []string) error {
				if (goldenFile != "" || o.Checkpoint != "" || o.Weights != "") && len(found) != 1 {
					return usage("--golden, --checkpoint and --weights need exactly one NAME, found %d", len(found))
				}
				return nil
			}
			if err := needsOne(args); err != nil {
				return err
			}
			if o.Precisions, err = parsePrecisions(precisions); err != nil {
				return err
			}
			a.computes = true
			z, err := a.open()
			if err != nil {
				return err
			}
			names, err := a.expand(z, args)
			if err == nil {
				err = needsOne(names)
			}
			if err != nil {
				return err
			}
			if goldenFile != "" {
				if err := inputFile(goldenFile); err != nil {
					return err
				}
			}
			if o.Checkpoint != "" {
				if err := checkpointFile(o.Checkpoint); err != nil {
					return err
				}
			}
			if goldenFile != "" {
				g, err := zoo.OpenGolden(goldenFile)
				if err != nil {
					return err
				}
				o.Goldens = []*golden.Golden{g}
			}
			if images != "" {
				if _, err := os.ReadDir(images); err != nil {
					return &usageError{err}
				}
				o.Images = os.DirFS(images)
			}
			if len(args) == 0 {
				names = golden.Models()
			}
			return a.verify(cmd, z, names, slices.ContainsFunc(args, registry.IsPattern), o, format)
		},
		ValidArgsFunction: a.completeNames,
	}
	f := c.Flags()
	f.StringVar(&o.Checkpoint, "checkpoint", "", "file with the weights to verify, instead of those the golden names")
	weightsFlag(c, &o.Weights)
	archFlag(c, &o.Network)
	f.StringVar(&goldenFile, "golden", "", "golden file to judge by, instead of the embedded ones")
	f.StringVar(&precisions, "precision", string(zoo.Highest), "highest, high, medium, a list of them, or all")
	f.StringVar(&images, "images", "", "folder with the images a golden's input was made from, to verify the preprocessing")
	a.pictureFlags(c)
	return c
}

func parsePrecisions(list string) ([]zoo.Precision, error) {
	if list == "all" {
		return tensor.Precisions(), nil
	}
	var out []zoo.Precision
	for _, s := range strings.Split(list, ",") {
		p, err := zoo.ParsePrecision(strings.TrimSpace(s))
		if err != nil {
			return nil, usage("--precision: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}

// checkJSON is a zoo.Check as JSON.
type checkJSON struct {
	Model     string       `json:"model"`
	Golden    string       `json:"golden"`
	Origin    string       `json:"golden_origin"`              // embedded, file or bundle
	Bundle    string       `json:"golden_bundle,omitempty"`    // sha256 of its manifest
	SignedBy  string       `json:"golden_signed_by,omitempty"` // key that was asked for when it was loaded; empty: none
	Weights   string       `json:"weights"`
	Framework string       `json:"as_computed_by,omitempty"` // that wrote the golden, where it computes another network than was published
	StandIn   *standInJSON `json:"stand_in,omitempty"`       // whose the weights are, where they are not the published ones
	Input     string       `json:"input"`
	Precision string       `json:"precision"`
	Kernels   string       `json:"kernels"`
	Judged    bool         `json:"judged"`
	Pass      bool         `json:"pass"`
	Error     *float64     `json:"error"` // null: not a finite number
	Tolerance float64      `json:"tolerance"`
	Headroom  *float64     `json:"headroom"` // null: no error at all
	Logits    *float64     `json:"logits_error"`
	Probed    *float64     `json:"logits_error_beside_probes,omitempty"`
	Probes    int          `json:"probes"`
	Reason    string       `json:"reason,omitempty"`
	FirstBad  string       `json:"first_bad_layer,omitempty"`
	Pixels    *pixelsJSON  `json:"pixels,omitempty"`
}

type pixelsJSON struct {
	Values int      `json:"values"`
	Differ int      `json:"differ"`
	Max    *float64 `json:"max_levels"` // null: not a finite number
}

// verify judges models. Where a pattern named some of them, those are left out for which there is no golden,
// unless there is for none.
func (a *app) verify(cmd *cobra.Command, z *zoo.Zoo, names []string, pattern bool, o zoo.VerifyOptions, format string) error {
	all := []checkJSON{}
	judged, failed, without := 0, 0, 0
	var people *checkPrinter
	if format == formatHuman {
		var err error
		if people, err = a.newCheckPrinter(names, len(o.Precisions)); err != nil {
			return err
		}
	}
	for _, name := range names {
		checks, err := z.Verify(cmd.Context(), name, o)
		if pattern && errors.Is(err, zoo.ErrNoGolden) {
			if without++; without < len(names) {
				continue
			}
			return err
		}
		for i := range checks {
			c := &checks[i]
			judged++
			if !c.Pass() {
				failed++
			}
			switch format {
			case formatJSON:
				all = append(all, toCheckJSON(c))
			case formatNDJSON:
				if err := encode(a.stdout, toCheckJSON(c)); err != nil {
					return err
				}
			default:
				if err := people.print(c); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return err
		}
	}
	if people != nil {
		if err := people.end(); err != nil {
			return err
		}
	}
	if without > 0 {
		a.hint("left out: %d of %d models, for which no golden is embedded", without, len(names))
	}
	if format == formatJSON {
		err := a.printJSON(struct {
			Pass   bool        `json:"pass"`
			Checks []checkJSON `json:"checks"`
		}{failed == 0, all})
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		a.hint("zoo: %d of %d checks failed; nothing was changed", failed, judged)
		return &silentError{exitVerify}
	}
	return nil
}

func toCheckJSON(c *zoo.Check) checkJSON {
	v := c.Verdict
	out := checkJSON{
		Model: c.Model, Golden: v.Golden, Origin: c.Origin, Weights: c.Weights.String(), Framework: c.AsComputedBy, Input: c.Input, Precision: string(v.Precision), Kernels: model.Variant(),
		Judged: v.Judged, Pass: c.Pass(), Error: finite(v.Error()), Tolerance: v.Tolerance,
		Headroom: finite(v.Headroom()), Logits: finite(v.Logits.Error), Probes: len(v.Probes),
	}
	out.StandIn = toStandInJSON(c.StandIn)
	if b := c.Bundle; b != nil {
		out.Bundle, out.SignedBy = b.Manifest.String(), b.Signer()
	}
	if v.Probed != nil {
		out.Probed = finite(v.Probed.Error)
	}
	if !c.Pass() || !v.Judged {
		out.Reason = c.Reason()
	}
	if v.FirstBad != nil {
		out.FirstBad = v.FirstBad.Path
	}
	if p := c.Pixels; p != nil {
		out.Pixels = &pixelsJSON{p.Values, p.Differ, finite(p.Max)}
	}
	return out
}

// finite returns nil for infinities and NaN, which JSON has no numbers for.
func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}
