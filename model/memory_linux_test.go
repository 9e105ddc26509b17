package model_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// requestsVariable makes the test a program that answers as many requests at once and
// prints the most memory that it had.
const requestsVariable = "ZOO_TEST_REQUESTS"

// 64 requests at once of ResNet-50, two of which may compute, take no more memory than two.
// Each is run in a process of its own: what one took, another would find.
func TestMemoryOfManyRequests(t *testing.T) {
	var requests int
	if _, err := fmt.Sscan(os.Getenv(requestsVariable), &requests); err == nil {
		answer(t, requests)
		return
	}
	if testing.Short() {
		t.Skip("ResNet-50 takes seconds")
	}
	peak := func(requests int) (kilobytes int) {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemoryOfManyRequests$", "-test.v")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", requestsVariable, requests))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, after, _ := strings.Cut(string(out), "VmHWM:")
		if _, err := fmt.Sscan(after, &kilobytes); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return kilobytes
	}
	two, many := peak(2), peak(64)
	t.Logf("2 requests took %d MB, 64 took %d MB", two/1024, many/1024)
	if float64(many) > 1.2*float64(two) {
		t.Errorf("64 requests at once took %d kB, 2 took %d kB: at most 1.2 times as much is allowed", many, two)
	}
}

// answer computes requests at once and prints the peak of memory.
func answer(t *testing.T, requests int) {
	m := resNet50(t, model.Compute{Concurrency: 2})
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			shape := tensor.Shape{1, 3, 224, 224}
			if _, err := m.Logits(t.Context(), model.Tensor(shape, make([]float32, 3*224*224))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
}
