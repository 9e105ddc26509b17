package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBenchCommandLines(t *testing.T) {
	const one, two, far = "cspresnet-nano_digits", "cspdarknet-nano_digits", "cspresnet50_3rdparty_8xb32_in1k"
	dir := t.TempDir()
	play(t, t.TempDir(), []situation{
		{name: "20 runs have no p99", args: []string{"bench", one},
			says: []string{"p50 0.", "p95 0.", "p99 - (of 20 runs: too few)", "of 20 runs"}},
		{name: "100 have all", args: []string{"bench", one, "--runs", "100"}, says: []string{"p99 "}, never: []string{"too few"}},
		{name: "a duration", args: []string{"bench", one, "--duration", "50ms", "--sessions", "2"},
			says: []string{"images/s of 2 sessions in 0."}},
		{name: "a table", args: []string{"bench", "csp*-nano_digits", one, "--runs", "2"},
			says: []string{"Model", "batch 1, 1 threads", two, one, "    2\n"}, never: []string{"Images/s"}},
		{name: "no such model", args: []string{"bench", one, "cspresnet-nano_digit"},
			status: exitUnknown, says: []string{one}, never: []string{"ms"}},
		{name: "no model matches", args: []string{"bench", "none-*"}, status: exitUnknown},
		{name: "no pattern", args: []string{"bench", "[a"}, status: exitUsage},
		{name: "one of them fails", status: exitNetwork,
			args: []string{"bench", one, far, two, "--weights", "published", "--offline", "--runs", "1", "--format", "md"},
			says: []string{"| Model ", "| " + one, "| " + two, "batch 1, 1 threads", "zoo: " + far + ": ", "1 of 3 models could not be timed"}},

		{name: "runs and a duration", args: []string{"bench", one, "--runs", "20", "--duration", "1s"},
			status: exitUsage, says: []string{"--runs and --duration contradict"}},
		{name: "sessions and runs", args: []string{"bench", one, "--sessions", "2"},
			status: exitUsage, says: []string{"--sessions goes with --duration"}},
		{name: "no sessions", args: []string{"bench", one, "--sessions", "0", "--duration", "1s"}, status: exitUsage},
		{name: "too many threads", args: []string{"bench", one, "--sessions", "600", "--threads", "2", "--duration", "1s"},
			status: exitUsage, says: []string{"at most 1024 threads"}},
		{name: "no duration", args: []string{"bench", one, "--duration", "0s"}, status: exitUsage, says: []string{"more than 0"}},
		{name: "a long duration", args: []string{"bench", one, "--duration", "61m"}, status: exitUsage, says: []string{"at most 1h0m0s"}},
		{name: "layers of a duration", args: []string{"bench", one, "--layers", "--duration", "1s"}, status: exitUsage},
		{name: "layers of several", args: []string{"bench", one, two, "--layers"},
			status: exitUsage, says: []string{"go with one model, found 2"}},
		{name: "logits of several", args: []string{"bench", one, two, "--logits", filepath.Join(dir, "x")}, status: exitUsage},
		{name: "a checkpoint of several", args: []string{"bench", one, two, "--weights", imageFile(t, "val/00003.png")},
			status: exitUsage, says: []string{"goes with one model"}},
	})
}

// Formats for programs say the same of each model, of one that fails too.
func TestBenchFormats(t *testing.T) {
	const one, other, two = "cspresnet-nano_digits", "cspresnet50_3rdparty_8xb32_in1k", "cspdarknet-nano_digits"
	type row struct {
		Model      string
		P50        *float64 `json:"ms_call_p50"`
		P99        *float64 `json:"ms_call_p99"`
		Throughput *float64 `json:"images_per_s"`
		Duration   *float64 `json:"duration_s"`
		Runs       int
		Error      string
		ExitStatus int `json:"exit_status"`
	}
	check := func(t *testing.T, rows []row) {
		t.Helper()
		if len(rows) != 2 || rows[0].Model != other || rows[1].Model != one {
			t.Fatalf("%+v", rows)
		}
		if r := rows[0]; r.Error == "" || r.ExitStatus != exitNetwork {
			t.Errorf("%+v", r)
		}
		if r := rows[1]; r.Error != "" || r.Runs != 3 || r.P50 == nil || *r.P50 <= 0 || r.P99 != nil || r.Throughput != nil || r.Duration != nil {
			t.Errorf("%+v", r)
		}
	}
	args := []string{"bench", other, one, "--runs", "3", "--weights", "published", "--offline", "--format"}
	t.Run("json", func(t *testing.T) {
		var doc struct{ Results []row }
		got := command(t, t.TempDir(), append(args, "json")...)
		if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil || got.status != exitNetwork {
			t.Fatal(err, got)
		}
		check(t, doc.Results)
		if !strings.Contains(got.stdout, `"ms_call_p99": null`) {
			t.Errorf("no null in\n%s", got.stdout)
		}
	})
	t.Run("ndjson", func(t *testing.T) {
		var rows []row
		got := command(t, t.TempDir(), append(args, "ndjson")...)
		for line := range strings.Lines(got.stdout) {
			var r row
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err, line)
			}
			rows = append(rows, r)
		}
		check(t, rows)
	})
	t.Run("csv", func(t *testing.T) {
		got := command(t, t.TempDir(), "bench", one, two, "--duration", "30ms", "--sessions", "2", "--format", "csv")
		rows, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
		if err != nil || len(rows) != 3 || rows[0][0] != "model" || rows[1][0] != one || rows[2][0] != two {
			t.Fatal(err, got)
		}
		last := len(rows[0]) - 1
		if rows[0][last] != "images_per_s" || rows[1][last] == "" || rows[1][last-2] != "2" {
			t.Errorf("%q", rows)
		}
	})
}

// An interrupt ends a duration, and what was timed before is printed.
func TestBenchInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	var stdout, stderr bytes.Buffer
	watch := writerFunc(func(p []byte) (int, error) {
		cancel() // the first model has been timed
		return stdout.Write(p)
	})
	args := []string{"bench", "cspresnet-nano_digits", "cspdarknet-nano_digits", "--duration", "100ms", "--format", "ndjson"}
	status := run(ctx, append(args, "--cache-dir", t.TempDir()), nil, watch, &stderr)
	if status != exitInterrupted || strings.Count(stdout.String(), "\n") != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit status %d\n%s%s", status, &stdout, &stderr)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
