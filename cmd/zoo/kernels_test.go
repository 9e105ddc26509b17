package main

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo"
)

// A command that computes says once that there are no kernels and what that costs, where there are none;
// zoo env says so too, and no other command.
func TestKernelsAreMissed(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache, image := t.TempDir(), imageFile(t, "val/00003.png")
	reason, chosen := zoo.Portable()
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{[]string{"predict", nano, image}, !chosen}, {[]string{"embed", nano, image}, !chosen}, {[]string{"eval", nano, "--limit", "1"}, !chosen},
		{[]string{"verify", nano}, !chosen}, {[]string{"bench", nano, "csp*-nano_digits", "--runs", "0"}, !chosen},
		{[]string{"predict", nano, image, "--quiet"}, false}, {[]string{"list", nano}, false}, {[]string{"env"}, true},
	} {
		got, want := command(t, cache, tt.args...), 0
		if tt.want && reason != "" {
			want = 1
		}
		if n := strings.Count(got.stdout+got.stderr, zoo.PortableCost); n != want {
			t.Errorf("%q: the cost is said %d times, want %d\n%s%s", tt.args, n, want, got.stdout, got.stderr)
		}
	}
}
