package textfile_test

import (
	"testing"
	"unicode/utf8"

	"github.com/gozoo/zoo/internal/textfile"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "a 1\nb 2", "a 1\nb 2"},
		{"empty", "", ""},
		{"mark", "\xef\xbb\xbfa", "a"},
		{"windows", "a\r\nb\r\n", "a\nb\n"},
		{"old spreadsheets", "a\rb", "a\nb"},
		{"UTF-16, little end first", "\xff\xfea\x00\r\x00\n\x00", "a\n"},
		{"UTF-16, big end first", "\xfe\xff\x00a\x4f\x60", "a你"},
		{"UTF-16 without a mark", "a\x00b\x00", "ab"},
		{"UTF-16 without a mark, big end first", "\x00a\x00b", "ab"},
		{"two units", "\xff\xfe\x3d\xd8\x00\xde", "😀"},
		{"half a pair", "\xff\xfe\x3d\xd8a\x00", "\ufffda"},
		{"GBK", "\xcd\xbc\xc6\xac 3", "\xcd\xbc\xc6\xac 3"},
	} {
		got, err := textfile.Decode([]byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v: want %q", tt.name, got, err, tt.want)
		}
	}
	if got, err := textfile.Decode([]byte("\xff\xfea")); err == nil {
		t.Errorf("half a character: %q", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\x00a\xd8\x3d"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := textfile.Decode(data)
		if err != nil {
			return
		}
		if len(got) > 2*len(data) || utf8.Valid(data) && len(data) > 4 && data[1] != 0 && data[0] != 0 && !utf8.Valid(got) {
			t.Errorf("%q became %q", data, got)
		}
	})
}
