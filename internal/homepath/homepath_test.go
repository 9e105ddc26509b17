package homepath_test

import (
	"testing"

	"github.com/gozoo/zoo/internal/homepath"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ path, home, profile, want string }{ // want empty: an error
		{"~", "/home/ada", "", "/home/ada"},
		{"~/x/~/y", "/home/ada", "", "/home/ada/x/~/y"},
		{"~/x", "", "/users/ada", "/users/ada/x"},
		{"~/x", "", "", ""},
		{"~ada/x", "/home/ada", "", ""},
		{"~+/x", "/home/ada", "", ""},
		{"~draft.png", "", "", "~draft.png"},
		{"./~/x", "", "", "./~/x"},
		{"x/~", "/home/ada", "", "x/~"},
		{"/x", "", "", "/x"},
	} {
		env := map[string]string{"HOME": tt.home, "USERPROFILE": tt.profile}
		got, err := homepath.Expand(tt.path, func(key string) string { return env[key] })
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v, want %q", tt.path, got, err, tt.want)
		}
	}
}
