package scan_test

import (
	"archive/zip"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/scan"
)

// FuzzBytes wants an answer to anything; the same for the same; and, of what conversion opens
// and finds sound, that it is safe, as far as conversion looks: not by archives inside byte strings
// or by members that are not the checkpoint's.
func FuzzBytes(f *testing.F) {
	for _, data := range []string{evil0, evil2, evil4, harmless, legacyHead + "\x80\x02}.\x80\x02].", zipped(file{"a/data.pkl", harmless, zip.Store}),
		npy("|O", evil2), gzipped(evil2), zstded(evil2), tarred(file{"pickle", evil2, 0})} {
		f.Add("a.pth", []byte(data))
		f.Add("a.pkl", []byte(data))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		r := scan.Bytes(name, data)
		if again := scan.Bytes(name, data); again.Worst() != r.Worst() || len(again.Findings) != len(r.Findings) {
			t.Errorf("%v and %v", r, again)
		}
		opened, err := pth.Parse("a.pth", data)
		if err != nil || opened.Check() != nil || !r.Unsafe() {
			return
		}
		for _, finding := range r.Findings {
			own := finding.Member == "" || strings.HasSuffix(finding.Member, "/data.pkl") && !strings.Contains(finding.Member, "!")
			if finding.Severity > scan.Unknown && own && finding.Rule != scan.RuleBounds {
				t.Errorf("conversion opens it, and the scan says %+v", finding)
			}
		}
	})
}

// FuzzPickle is FuzzBytes for the pickle of a checkpoint.
func FuzzPickle(f *testing.F) {
	for _, data := range []string{evil0, evil2, evil4, harmless} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		archive := []byte(zipped(file{"a/data.pkl", string(data), zip.Store}))
		opened, err := pth.Parse("a.pth", archive)
		if err != nil || opened.Check() != nil {
			return
		}
		for _, finding := range scan.Bytes("a.pth", archive).Findings {
			if finding.Severity > scan.Unknown && finding.Member == "a/data.pkl" {
				t.Errorf("conversion opens it, and the scan says %+v", finding)
			}
		}
	})
}
