package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/gozoo/zoo/converter/foreign"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/safetensors"
)

// How much of one file is followed.
const (
	maxUnpacked = 256 << 20 // bytes that compressed parts unpack to, together
	maxMember   = 64 << 20  // bytes of one of them
	maxInside   = 6         // files inside files
	maxFindings = 2_000
	maxFollowed = 20_000_000 // instructions of pickles
)

// A scanner scans one file.
type scanner struct {
	report    *Report
	budget    int // of bytes to unpack
	followed  int // instructions
	asked     bool
	concerned bool // whether the file is, or calls itself, something with pickles or tensors
	over      bool // whether it was said that there is more than is followed
}

// A part is the file, or something inside it.
type part struct {
	member string // empty for the file
	name   string // what it is called
	data   []byte
	depth  int
	top    bool // the file itself, or what it is compressed from
	seen   bool // a stretch of an archive, whose every byte was searched for members already
}

func (p part) inside(name string, data []byte) part {
	member := name
	if p.member != "" {
		member = p.member + "!" + name
	}
	return part{member: member, name: path.Base(name), data: data, depth: p.depth + 1}
}

// add notes a finding.
func (s *scanner) add(f Finding) {
	if len(s.report.Findings) >= maxFindings && f.Severity <= Unknown {
		return
	}
	if len(s.report.Findings) >= 2*maxFindings {
		return
	}
	f.Member, f.Global = clip(f.Member), clip(f.Global)
	s.report.Findings = append(s.report.Findings, f)
}

func (s *scanner) wrong(p part, rule Rule, format string, args ...any) {
	for i, arg := range args {
		if arg == io.ErrUnexpectedEOF {
			args[i] = "it ends too early"
		}
	}
	s.add(Finding{Severity: Suspicious, Rule: rule, Member: p.member, Offset: -1, Text: fmt.Sprintf(format, args...)})
}

// bounds notes, once, that not everything was looked at.
func (s *scanner) bounds(p part) {
	if !s.over {
		s.over = true
		s.wrong(p, RuleBounds, "holds more than is followed: what is left was not looked at")
	}
}

// pickleSuffixes are those of plain pickles, and torchSuffixes those of PyTorch's containers,
// which others have as well.
var (
	pickleSuffixes = []string{".pkl", ".pickle", ".pck", ".joblib", ".dill"}
	torchSuffixes  = []string{".pth", ".pt", ".ckpt", ".pth.tar", ".bin", ".pkl"}
	tensorSuffixes = []string{".safetensors", ".distcp", ".npy", ".npz"}
)

func ends(name string, suffixes []string) bool {
	name = strings.ToLower(name)
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// promises reports whether a file is called as a checkpoint, or a pickle, is.
func promises(name string) bool {
	name = unpackedName(name)
	return ends(name, pickleSuffixes) || ends(name, torchSuffixes) || ends(name, tensorSuffixes)
}

// unpackedName is a name without what compression adds to it.
func unpackedName(name string) string {
	for _, s := range []string{".zst", ".gz", ".bz2", ".z", ".xz"} {
		if strings.HasSuffix(strings.ToLower(name), s) {
			return name[:len(name)-len(s)]
		}
	}
	return name
}

// file scans the file itself and returns what it is.
func (s *scanner) file(name string, data []byte) string {
	if promises(name) && !ends(name, []string{".bin"}) {
		s.concerned = true
	}
	return s.part(part{name: name, data: data, top: true})
}

// part scans the file or something inside it, whatever it is, and returns what.
func (s *scanner) part(p part) string {
	if p.depth > maxInside {
		s.bounds(p)
		return "nested"
	}
	if kind := compression(p.data); kind != "" {
		return kind + " of " + s.compressed(p, kind)
	}
	switch {
	case bytes.HasPrefix(p.data, []byte(sigLocal)), bytes.HasPrefix(p.data, []byte(sigEnd)):
		return s.zip(p)
	case bytes.HasPrefix(p.data, []byte("\x93NUMPY")):
		return s.numpy(p)
	}
	// A pickle may begin as files of another kind do.
	if kind := s.pickles(p); kind != "" {
		return s.polyglot(p, kind)
	}
	kind := foreign.File(p.name, p.data)
	switch {
	case looksTar(p.data):
		return s.polyglot(p, s.tar(p))
	case kind != nil && kind.Name == "safetensors":
		return s.polyglot(p, s.safetensors(p))
	case kind != nil:
		return s.polyglot(p, s.foreign(p, kind))
	}
	if behind := s.polyglot(p, ""); behind != "" {
		return behind
	}
	s.unknown(p)
	return "unknown"
}

// foreign judges a file of another tool.
func (s *scanner) foreign(p part, kind *foreign.Kind) string {
	plain := unpackedName(p.name)
	switch {
	case !p.top && !ends(plain, pickleSuffixes): // beside a checkpoint, not one
	case promises(plain) && !kind.Right(plain):
		s.wrong(p, RuleContainer, "not a checkpoint, though it is called one, but %s", kind.What)
	case !kind.Inert && s.asked:
		s.wrong(p, RuleUnread, "%s: its content was not looked into", kind.What)
	}
	return kind.Name
}

// unknown judges a file that nothing is known of.
func (s *scanner) unknown(p part) {
	if p.top && (s.asked || s.concerned) || ends(p.name, pickleSuffixes) {
		s.wrong(p, RuleContainer, "not a checkpoint, and not a pickle that can be followed")
	}
}

// polyglot looks for an archive behind something else: who opens the file as one reads that.
func (s *scanner) polyglot(p part, kind string) string {
	tail := p.data[max(0, len(p.data)-endSearch):]
	if kind == "legacy" || p.seen || !bytes.Contains(tail, []byte(sigEnd)) || !bytes.Contains(p.data, []byte(sigLocal)) {
		return kind
	}
	before := len(s.report.Findings)
	s.members(p, false)
	if before == len(s.report.Findings) && kind != "" && kind != "pickle" {
		return kind
	}
	if s.concerned {
		s.wrong(p, RuleContainer, "a zip archive follows something else")
	}
	return "zip"
}

// endSearch is how far from the end of a file the end record of an archive may lie.
const endSearch = 1<<16 + 22

// safetensors judges a file by its header.
func (s *scanner) safetensors(p part) string {
	s.concerned = true
	if _, err := safetensors.Parse(p.name, p.data); err != nil {
		s.wrong(p, RuleContainer, "%s", message(err))
	} else if ends(unpackedName(p.name), torchSuffixes) && !ends(p.name, []string{".bin"}) && p.top {
		s.add(Finding{Severity: Harmless, Rule: RuleContainer, Member: p.member, Offset: -1, Text: "a safetensors file, though it is called otherwise"})
	}
	return "safetensors"
}

// verdict opens a file of PyTorch's as conversion does, and reports whether it could be: whatever
// that refuses is not sound, unless it is only not supported.
func (s *scanner) verdict(p part) (opened bool) {
	s.concerned = true
	f, err := pth.Parse(p.name, p.data)
	if opened = err == nil; opened {
		err = f.Check()
	}
	switch {
	case err == nil:
	case errors.Is(err, pth.ErrUnsupported):
		s.add(Finding{Severity: Harmless, Rule: RuleContainer, Member: p.member, Offset: -1, Text: message(err)})
	default:
		s.wrong(p, RuleContainer, "%s", message(err))
	}
	return opened
}

// message is an error's text without the package's name and the file's.
func message(err error) string {
	text := err.Error()
	for _, prefix := range []string{"pth: ", "safetensors: "} {
		if rest, ok := strings.CutPrefix(text, prefix); ok && strings.HasPrefix(rest, `"`) {
			if i := strings.Index(rest, `": `); i >= 0 {
				return rest[i+3:]
			}
		}
	}
	return text
}

// clip shortens a text from a file.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
