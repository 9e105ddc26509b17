package zoo_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bigtest"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// writeSynthetic writes the weights of seed 0 that the training form of a model wants.
func writeSynthetic(t *testing.T, z *zoo.Zoo, name string) string {
	t.Helper()
	return writeWeights(t, z, name, golden.Synthetic(0))
}

// writeWeights is writeSynthetic with other synthetic weights.
func writeWeights(t *testing.T, z *zoo.Zoo, name string, w golden.Weights) string {
	t.Helper()
	g, err := z.Graph(name, nn.AsTrained)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := golden.SyntheticState(g.Params, w)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "train.safetensors")
	if err := safetensors.WriteFile(path, sd, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDeploy fuses the branches of synthetic weights, and judges what comes out by
// what the reference framework computed with the branches: logits and every block.
func TestDeploy(t *testing.T) {
	for _, name := range []string{
		"repvgg-A0_8xb32_in1k",
		"repvgg-B1g4_8xb32_in1k",          // groups
		"repvgg-D2se_3rdparty_in1k",       // squeeze-excitation
		"mobileone-s0_8xb32_in1k",         // several convolutions of one kernel in a sum
		"mobileone-s4_8xb32_in1k",         // squeeze-excitation after sums of one convolution
		"levit-128s_3rdparty_in1k",        // linear layers, each with its norm
		"repmlp-base_3rdparty_8xb64_in1k", // convolutions beside layers over whole channels
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "repvgg-A0_8xb32_in1k" {
				t.Skip("a large network takes seconds")
			}
			bigtest.Alone(t)
			z := newZoo(t)
			goldens, err := golden.Embedded(name)
			if err != nil {
				t.Fatal(err)
			}
			var trained []*golden.Golden
			for _, g := range goldens {
				if g.Form == "" {
					trained = append(trained, g)
				}
			}
			in, out := writeWeights(t, z, name, trained[0].Weights), filepath.Join(t.TempDir(), "deploy.safetensors")
			c, err := z.ConvertFile(context.Background(), in, zoo.ConvertOptions{Model: name, Deploy: true, Output: out})
			if err != nil {
				t.Fatal(err)
			}
			if c.Form != nn.Deploy {
				t.Errorf("form %q, expected %q", c.Form, nn.Deploy)
			}
			checks, err := z.Verify(context.Background(), name, zoo.VerifyOptions{Checkpoint: out, Goldens: trained})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range checks {
				t.Log(check.Verdict)
				if !check.Pass() || !check.Verdict.Judged || len(check.Verdict.Probes) == 0 {
					t.Errorf("%v, %d probes", check.Verdict, len(check.Verdict.Probes))
				}
			}
			m, err := z.OpenFile(name, out)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			norms := "running_mean"
			if strings.HasPrefix(name, "repmlp") { // which keeps those that are in no sum
				norms = "repmlp_block.fc3_bn"
			}
			for _, p := range m.Graph().Params {
				if strings.HasPrefix(p.Name, "backbone.") && strings.Contains(p.Name, norms) {
					t.Fatalf("the deploy form wants %s", p.Name)
				}
			}
			// What is fused already stays as it is.
			again := filepath.Join(t.TempDir(), "again.safetensors")
			if _, err := z.ConvertFile(context.Background(), out, zoo.ConvertOptions{Model: name, Deploy: true, Output: again}); err != nil {
				t.Fatal(err)
			}
			before, err := safetensors.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer before.Close()
			after, err := safetensors.Open(again)
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close()
			for name, x := range before.StateDict().All() {
				if y, ok := after.StateDict().Lookup(name); !ok || string(x.Bytes()) != string(y.Bytes()) {
					t.Errorf("%s changed when it was fused again", name)
				}
			}
		})
	}
}

// TestDeployErrors checks what is refused: a network without branches, and a
// checkpoint that lacks a branch or belongs to another network of the family.
func TestDeployErrors(t *testing.T) {
	z := newZoo(t)
	const name = "repvgg-A0_8xb32_in1k"
	in := writeSynthetic(t, z, name)
	out := filepath.Join(t.TempDir(), "out.safetensors")
	f, err := safetensors.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const dropped = "backbone.stage_1.1.branch_norm.weight"
	var sd tensor.StateDict
	for name, x := range f.StateDict().All() {
		if name != dropped {
			if err := sd.Add(name, x); err != nil {
				t.Fatal(err)
			}
		}
	}
	lacking := filepath.Join(t.TempDir(), "lacking.safetensors")
	if err := safetensors.WriteFile(lacking, &sd, nil); err != nil {
		t.Fatal(err)
	}
	convert := func(file, model string) error {
		_, err := z.ConvertFile(context.Background(), file, zoo.ConvertOptions{Model: model, Deploy: true, Output: out})
		return err
	}
	for _, tt := range []struct {
		err     error
		want    string
		misfits bool
	}{
		{convert(edited(t, z, nil, nil), nano.Names[1]), "no deploy form", false},
		{convert(in, ""), "name a model", false},
		{convert(lacking, name), dropped, true},
		{convert(in, "repvgg-B0_8xb32_in1k"), "backbone.stage_1.2.", true},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || errors.As(tt.err, new(*converter.CheckpointError)) != tt.misfits {
			t.Errorf("error = %v, expected %q in it, a CheckpointError: %v", tt.err, tt.want, tt.misfits)
		}
	}
}
