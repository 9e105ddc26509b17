package model_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

func TestWith(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{Threads: 2})
	highest, err := m.With(model.Compute{Precision: tensor.Highest, Threads: 1, Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := model.Compute{Precision: tensor.Highest, Threads: 1, Concurrency: 1}
	if highest.Compute() != want || m.Compute().Precision != tensor.High {
		t.Errorf("%+v and %+v", highest.Compute(), m.Compute())
	}
	if _, err := highest.Logits(t.Context(), inputs(t, 1)...); err != nil {
		t.Fatal(err)
	}
	cores := runtime.GOMAXPROCS(0)
	for asked, want := range map[model.Compute]model.Compute{
		{}:                           {Threads: cores, Concurrency: 2},
		{Concurrency: 1}:             {Threads: cores, Concurrency: 1},
		{Concurrency: cores}:         {Threads: 1, Concurrency: cores},
		{Concurrency: 3 * cores}:     {Threads: 1, Concurrency: 3 * cores},
		{Threads: 1}:                 {Threads: 1, Concurrency: max(2, cores)},
		{Threads: 3, Concurrency: 5}: {Threads: 3, Concurrency: 5},
	} {
		view, err := m.With(asked)
		if err != nil {
			t.Fatal(err)
		}
		if want.Precision = tensor.High; view.Compute() != want {
			t.Errorf("%+v is taken for %+v, want %+v", asked, view.Compute(), want)
		}
	}
	if _, err := m.With(model.Compute{Threads: -1}); !errors.Is(err, model.ErrOption) {
		t.Errorf("error %v", err)
	}
	m.Close()
	if _, err := highest.Logits(t.Context(), inputs(t, 1)...); !errors.Is(err, model.ErrClosed) {
		t.Errorf("a view of a closed model: %v", err)
	}
}

func TestCloseWhileInUse(t *testing.T) {
	const name = "cspdarknet-nano_digits"
	data, err := fs.ReadFile(golden.Nano(), nano.File(t, name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mapped.pth")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m, err := model.Open(path, model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline, Compute: model.Compute{Concurrency: 2}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for {
					logits, err := m.Logits(t.Context(), inputs(t, 1+i%3)...)
					if errors.Is(err, model.ErrClosed) {
						return
					}
					if err != nil || len(logits) != 1+i%3 {
						t.Errorf("%d results, %v", len(logits), err)
						return
					}
				}
			})
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := m.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		img := nano.Image(t, 0)
		for what, f := range map[string]func() error{
			"Predict": func() error { _, err := m.Predict(t.Context(), img); return err },
			"Embed":   func() error { _, err := m.Embed(t.Context(), model.Image(img)); return err },
			"CAM":     func() error { _, err := m.CAM(t.Context(), img); return err },
			"Warm":    func() error { return m.Warm(t.Context()) },
		} {
			if err := f(); !errors.Is(err, model.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		if w := m.Weights(); w != (golden.Weights{}) {
			t.Errorf("weights of a closed model: %v", w)
		}
	}
}

func TestEndedContext(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	img := nano.Image(t, 0)
	for what, f := range map[string]func() error{
		"Predict": func() error { _, err := m.Predict(ctx, img); return err },
		"Top":     func() error { _, err := m.Top(ctx, 3, model.Image(img)); return err },
		"Forward": func() error { _, err := m.Forward(ctx, nil, model.Image(img)); return err },
		"CAM":     func() error { _, err := m.CAM(ctx, img); return err },
		"Warm":    func() error { return m.Warm(ctx) },
	} {
		if err := f(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWarm(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	if err := m.Warm(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Warm(t.Context(), tensor.Shape{2, 3, 48, 40}, tensor.Shape{1, 3, 32, 32}); err != nil {
		t.Error(err)
	}
	if err := m.Warm(t.Context(), tensor.Shape{1, 1, 32, 32}); !errors.As(err, new(*nn.InputError)) {
		t.Errorf("one channel: %v", err)
	}
	bare, err := model.New(m.Graph(), m.Bound().StateDict(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.Warm(t.Context()); err == nil {
		t.Error("no size is known, and no error")
	}
	if err := bare.Warm(t.Context(), tensor.Shape{1, 3, 32, 32}); err != nil {
		t.Error(err)
	}
	if _, err := bare.Predict(t.Context(), nano.Image(t, 0)); !errors.Is(err, model.ErrOption) {
		t.Errorf("an image without a pipeline: %v", err)
	}
}
