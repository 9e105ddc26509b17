package digest_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
)

func mustParse(t *testing.T, s string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDigest(t *testing.T) {
	const hex = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
	full, prefix, other := mustParse(t, hex), mustParse(t, "57934424"), mustParse(t, strings.Repeat("0", 64))
	if got := [3]string{full.Text(), prefix.Text(), digest.Digest{}.Text()}; got != [3]string{"sha256:" + hex, "sha256-prefix:57934424", ""} {
		t.Errorf("texts %q", got)
	}
	if full.Short() != "57934424" || !full.Full() || prefix.Full() || full.String() != hex {
		t.Errorf("short %q, full %v and %v, text %q", full.Short(), full.Full(), prefix.Full(), full)
	}
	for _, tt := range []struct {
		d, of digest.Digest
		want  bool
	}{
		{full, full, true}, {prefix, full, true}, {other, full, false}, {prefix, other, false},
		{prefix, prefix, false}, {full, prefix, false}, {digest.Digest{}, full, false},
	} {
		if got := tt.d.Matches(tt.of); got != tt.want {
			t.Errorf("%q matches %q = %v, want %v", tt.d, tt.of, got, tt.want)
		}
	}
}

// A digest is its hex digits in JSON, and nothing else can be read as one.
func TestDigestJSON(t *testing.T) {
	text, err := json.Marshal(mustParse(t, "57934424"))
	if err != nil || string(text) != `"57934424"` {
		t.Errorf("%s, %v", text, err)
	}
	var d digest.Digest
	for _, bad := range []string{`"5793442"`, `"5793442G"`, `"57934424 "`, `"ABCDEF01"`, `7`} {
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is taken for %v", bad, d)
		}
	}
	if err := json.Unmarshal(text, &d); err != nil || d != mustParse(t, "57934424") {
		t.Errorf("%v, %v", d, err)
	}
}

// The sum of no bytes, as FIPS 180-4's examples have it.
func ExampleOf() {
	d := digest.Of(sha256.Sum256(nil))
	fmt.Println(d.Short(), d.Text())
	// Output:
	// e3b0c442 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
}
