package scan

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter/foreign"
	"github.com/gozoo/zoo/converter/pth"
)

const (
	sigLocal  = "PK\x03\x04"
	sigEnd    = "PK\x05\x06"
	sizeLocal = 30

	maxMembers = 200_000
	peek       = 4 << 10 // bytes of a compressed member by which it is told whether to read it
)

// A member is a file of a zip archive, as its local header has it. Readers differ in whether
// they believe the directory or the headers; every header is looked at here, in the directory or
// not, so that none can hide a pickle from one of them.
type member struct {
	name   string
	flags  uint16
	method uint16
	size   int // bytes in the archive; -1: not said
	at     int // of its content
}

// zip scans a zip archive.
func (s *scanner) zip(p part) string {
	series := ends(p.name, []string{".distcp"}) // many archives in one file
	names := outerNames(p.data)
	kind := foreign.Zip(names)
	sound := false
	if kind == nil && p.top && !series {
		sound = s.verdict(p)
	}
	s.members(p, sound)
	switch {
	case kind == nil && series:
		return "distcp"
	case kind == nil:
		return "zip"
	}
	switch plain := unpackedName(p.name); {
	case kind.Name == "torchscript":
		s.concerned = true
		s.wrong(p, RuleProgram, "%s: torch.jit.load compiles its code, and may run it", kind.What)
	case kind.Name == "keras":
		s.foreign(p, kind)
	case p.top && promises(plain) && !kind.Right(plain):
		s.concerned = true
		s.wrong(p, RuleContainer, "not a checkpoint, though it is called one, but %s", kind.What)
	}
	if kind.Name == "zip" {
		return "archive"
	}
	return kind.Name
}

// storage is the name of a member that holds the bytes of a tensor, which nothing unpickles.
var storage = regexp.MustCompile(`^[^/]+/data/\d+$`)

// eachMember calls visit with every local header in data, and where it starts, until that returns
// false.
func eachMember(data []byte, visit func(m member, start int) bool) {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(sigLocal))
		if i < 0 {
			return
		}
		at += i
		if m, ok := readMember(data, at); ok && !visit(m, at) {
			return
		}
		at += len(sigLocal)
	}
}

// outerNames returns the names of an archive's own members, as far as their sizes tell them from
// those of archives inside.
func outerNames(data []byte) []string {
	var names []string
	end := 0
	eachMember(data, func(m member, start int) bool {
		if start >= end {
			names = append(names, m.name)
			if m.size > 0 {
				end = m.at + m.size
			}
		}
		return len(names) < maxMembers
	})
	return names
}

// members scans the members of every archive in a part. In a sound one, each header is what it
// says, and the bytes of tensors are left alone.
func (s *scanner) members(p part, sound bool) {
	n, tensor := 0, 0 // members, and where the last tensor's bytes end
	eachMember(p.data, func(m member, start int) bool {
		if start < tensor {
			return true
		}
		if n++; n > maxMembers || s.over {
			s.bounds(p)
			return false
		}
		if sound && storage.MatchString(m.name) {
			tensor = m.at + max(m.size, 0)
			return true
		}
		s.member(p, m)
		return true
	})
}

func readMember(data []byte, at int) (m member, ok bool) {
	if len(data)-at < sizeLocal {
		return m, false
	}
	h := data[at:]
	m.flags, m.method = binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	size := int(binary.LittleEndian.Uint32(h[18:]))
	name, extra := int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:]))
	m.at = at + sizeLocal + name + extra
	if m.at > len(data) {
		return m, false
	}
	m.name = string(h[sizeLocal : sizeLocal+name])
	if m.size = size; m.flags&8 != 0 || size > len(data)-m.at {
		m.size = -1
	}
	return m, true
}

// member scans one member.
func (s *scanner) member(p part, m member) {
	pickled := ends(m.name, pickleSuffixes)
	content := p.data[m.at:]
	if m.size >= 0 {
		content = content[:m.size]
	}
	inner := p.inside(m.name, content)
	if pickled {
		s.concerned = true
	}
	switch {
	case m.flags&1 != 0:
		if pickled {
			s.wrong(inner, RuleContainer, "is encrypted")
		}
		return
	case m.method == 0:
		inner.seen = true
		s.content(inner, m.size < 0, pickled)
		return
	}
	head, err := inflate(m.method, content, peek)
	if err != nil {
		if pickled {
			s.wrong(inner, RuleContainer, "%v", err)
		}
		return
	}
	inner.data = head
	if len(head) == peek && (pickled || s.promising(inner)) {
		all, err := inflate(m.method, content, min(maxMember, s.budget))
		s.budget -= len(all)
		if errors.Is(err, errLong) || s.budget <= 0 {
			s.bounds(inner)
		} else if err != nil && pickled {
			s.wrong(inner, RuleContainer, "%v", err)
		}
		inner.data = all
	} else if len(head) == peek {
		return
	}
	s.content(inner, false, pickled)
}

// promising reports whether a member whose first bytes are there is to be read whole.
func (s *scanner) promising(p part) bool {
	if looksPickled(p.data) || bytes.HasPrefix(p.data, []byte(sigLocal)) || bytes.HasPrefix(p.data, []byte("\x93NUMPY")) || promises(p.name) {
		return true
	}
	traces, _ := pth.TracePickles(p.data, 1)
	return len(traces) > 0 && traces[0].Worst() == Dangerous
}

// content scans what a member holds. Where its end is not known, what follows a pickle says
// nothing.
func (s *scanner) content(p part, open, pickled bool) {
	switch {
	case len(p.data) == 0:
	case p.seen && bytes.HasPrefix(p.data, []byte(sigLocal)): // its members have headers of their own
	case open:
		if !pickled && !looksPickled(p.data) {
			return
		}
		for rest := p.data; ; {
			traces, end := pth.TracePickles(rest, 1)
			s.follow(p, traces, pickled)
			if rest = rest[end:]; traces[0].Err != nil || !looksPickled(rest) {
				return
			}
		}
	case pickled:
		traces, end := pth.TracePickles(p.data, maxInt)
		s.follow(p, traces, true)
		s.trailing(p, traces, end)
	default:
		before := len(s.report.Findings)
		s.part(p)
		// What is beside the pickles of an archive need not be sound: only what it names counts.
		kept := s.report.Findings[:before]
		for _, f := range s.report.Findings[before:] {
			if f.Opcode != "" || f.Rule == RuleBounds {
				kept = append(kept, f)
			}
		}
		s.report.Findings = kept
	}
}

var errLong = errors.New("unpacks to more than is followed")

// inflate unpacks at most so many bytes. What there is more of is errLong.
func inflate(method uint16, data []byte, most int) ([]byte, error) {
	var r io.Reader
	switch method {
	case 8:
		z := flate.NewReader(bytes.NewReader(data))
		defer z.Close()
		r = z
	case 12:
		r = bzip2.NewReader(bytes.NewReader(data))
	case 93:
		z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	default:
		return nil, fmt.Errorf("is compressed by method %d, which is not read", method)
	}
	return readAtMost(r, most)
}

func readAtMost(r io.Reader, most int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(most)))
	if err == nil && len(out) == most {
		var more [1]byte
		if n, _ := io.ReadFull(r, more[:]); n > 0 && most != peek {
			return out, errLong
		}
	}
	if most == peek && len(out) == peek {
		return out, nil
	}
	return out, err
}

// looksTar reports whether data start with the header of a tar archive, by its checksum.
func looksTar(data []byte) bool {
	if len(data) < 512 || data[0] == 0 {
		return false
	}
	sum := 0
	for i, b := range data[:512] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int(b)
	}
	var want int
	_, err := fmt.Sscanf(strings.Trim(string(data[148:156]), " \x00"), "%o", &want)
	return err == nil && want == sum
}

// tar scans a tar archive.
func (s *scanner) tar(p part) string {
	kind := "tar"
	parts := map[string]bool{} // of torch 0.1's container
	r := tar.NewReader(bytes.NewReader(p.data))
	for n := 0; ; n++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || n == maxMembers {
			s.wrong(p, RuleContainer, "the tar archive is broken: %v", err)
			break
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := strings.TrimPrefix(h.Name, "./")
		old := name == "pickle" || name == "storages" || name == "tensors" || name == "sys_info"
		if old {
			kind = "torch-tar"
			s.concerned, parts[name] = true, true
		}
		content, err := readAtMost(r, min(maxMember, max(s.budget, 1)))
		s.budget -= len(content)
		inner := p.inside(name, content)
		switch {
		case errors.Is(err, errLong):
			s.bounds(inner)
		case err != nil:
			s.wrong(inner, RuleContainer, "the tar archive is broken: %v", err)
		}
		s.content(inner, false, old && name != "storages" && name != "tensors" || ends(name, pickleSuffixes))
		if s.over {
			break
		}
	}
	if kind == "torch-tar" && (!parts["pickle"] || !parts["storages"] || !parts["tensors"]) {
		s.wrong(p, RuleContainer, "the container of torch 0.1 lacks a part: expected pickle, storages and tensors")
	}
	if kind == "tar" && p.top && promises(p.name) && !ends(p.name, []string{".pth.tar"}) {
		s.wrong(p, RuleContainer, "not a checkpoint, though it is called one, but a tar archive")
	}
	return kind
}
