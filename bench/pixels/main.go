// Command pixels times how zoo makes a network's input of image files: reading them is
// not counted. It prints a JSON object a file, with times of one run in milliseconds.
//
//	go run ./bench/pixels [-runs 50] FILE…
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gozoo/zoo/vision"
)

type result struct {
	File        string  `json:"file"`
	DecodeMin   float64 `json:"decode_ms_min"`
	DecodeMed   float64 `json:"decode_ms_median"`
	PipelineMin float64 `json:"pipeline_ms_min"` // decoding included
	PipelineMed float64 `json:"pipeline_ms_median"`
}

func main() {
	runs := flag.Int("runs", 50, "how often each file is timed, after one run that does not count")
	flag.Parse()
	for _, file := range flag.Args() {
		r, err := measure(file, *runs)
		if err != nil {
			fmt.Fprintf(os.Stderr, "pixels: %s: %v\n", file, err)
			os.Exit(1)
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			fmt.Fprintf(os.Stderr, "pixels: %v\n", err)
			os.Exit(1)
		}
	}
}

// measure times the decoding of a file and all of the test pipeline of cspdarknet50.
func measure(file string, runs int) (result, error) {
	pipeline := vision.Pipeline{
		Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 288, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
		Crop:   256,
		Mean:   [3]float32{123.675, 116.28, 103.53},
		Std:    [3]float32{58.395, 57.12, 57.375},
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return result{}, err
	}
	var decode, all []float64
	for range runs + 1 {
		start := time.Now()
		img, err := vision.Decode(data, pipeline.DecodeOptions())
		if err != nil {
			return result{}, err
		}
		decode = append(decode, since(start))
		if _, _, _, err := pipeline.Apply(img); err != nil {
			return result{}, err
		}
		all = append(all, since(start))
	}
	r := result{File: file}
	r.DecodeMin, r.DecodeMed = summary(decode[1:])
	r.PipelineMin, r.PipelineMed = summary(all[1:])
	return r, nil
}

func since(start time.Time) float64 { return time.Since(start).Seconds() * 1e3 }

func summary(x []float64) (least, median float64) {
	x = slices.Sorted(slices.Values(x))
	return x[0], x[len(x)/2]
}
