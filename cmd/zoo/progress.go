package main

import (
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/gozoo/zoo"
)

// progressBars draws one bar for each piece of work on a terminal's stderr. The zero
// value draws nothing yet.
type progressBars struct {
	mu   sync.Mutex
	all  *mpb.Progress
	bars map[string]*mpb.Bar
}

// progress shows how long work is getting on. Bars are for terminals only.
func (a *app) progress(p zoo.Progress) {
	if a.quiet || p.Total <= 0 {
		return
	}
	key := strings.TrimSpace(p.Task + " " + p.Name)
	if a.verbose && p.Done == p.Total {
		a.hint("%s: %d done", key, p.Total)
	}
	if a.noProgress || !isTerminal(a.stderr) {
		return
	}
	b := &a.bars
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all, b.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(40)), make(map[string]*mpb.Bar)
	}
	bar, ok := b.bars[key]
	if !ok {
		count, speed := decor.CountersNoUnit(" %d / %d"), decor.AverageSpeed(nil, "  %.1f/s")
		if p.Task == "download" {
			count, speed = decor.CountersKibiByte(" % .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f")
		}
		bar = b.all.AddBar(p.Total,
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(key+" ")),
			mpb.AppendDecorators(count, speed, decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left")))
		b.bars[key] = bar
	}
	bar.SetCurrent(p.Done)
}

// endProgress clears the bars and waits until the terminal is free again.
func (a *app) endProgress() {
	b := &a.bars
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		return
	}
	for _, bar := range b.bars {
		bar.Abort(true)
	}
	b.all.Wait()
	b.all, b.bars = nil, nil
}
