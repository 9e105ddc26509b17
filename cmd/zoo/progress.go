package main

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/printable"
)

// progressBars draws one bar for each piece of work on a terminal's stderr. The zero
// value draws nothing yet.
type progressBars struct {
	mu   sync.Mutex
	all  *mpb.Progress
	bars map[string]*mpb.Bar
}

// eventPause is the least time between two events of one piece of work.
const eventPause = 500 * time.Millisecond

// progressEvents writes progress as JSON, for programs.
type progressEvents struct {
	last map[string]time.Time
}

// print writes an event, but few of those between the first and the last.
func (e *progressEvents) print(w io.Writer, p zoo.Progress) {
	if e.last == nil {
		e.last = make(map[string]time.Time)
	}
	key, now := p.Task+" "+p.Name, time.Now()
	if p.Done < p.Total && now.Sub(e.last[key]) < eventPause {
		return
	}
	e.last[key] = now
	encode(w, struct {
		Event string `json:"event"`
		Task  string `json:"task"`
		Name  string `json:"name"`
		Done  int64  `json:"done"`
		Total int64  `json:"total"` // 0: not known
	}{"progress", p.Task, p.Name, p.Done, p.Total})
}

// progress shows how long work is getting on. Bars are for terminals only, events
// for who asked for lines of JSON.
func (a *app) progress(p zoo.Progress) {
	if a.format == formatNDJSON && !a.quiet && !a.noProgress {
		a.stderrMu.Lock()
		defer a.stderrMu.Unlock()
		a.events.print(a.stderr, p)
		return
	}
	if a.quiet || p.Total <= 0 {
		return
	}
	key := strings.TrimSpace(p.Task + " " + p.Name)
	if a.verbose && p.Done == p.Total {
		a.hint("%s: %d done", key, p.Total)
	}
	if a.noProgress || !isTerminal(a.terminal) {
		return
	}
	b := &a.bars
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all, b.bars = mpb.New(mpb.WithOutput(a.terminal), mpb.WithWidth(40)), make(map[string]*mpb.Bar)
	}
	bar, ok := b.bars[key]
	if !ok {
		count, speed := decor.CountersNoUnit(" %d / %d"), decor.AverageSpeed(nil, "  %.1f/s")
		if p.Task == "download" {
			count, speed = decor.CountersKibiByte(" % .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f")
		}
		bar = b.all.AddBar(p.Total,
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(printable.Text(key)+" ")),
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
