package scan

import (
	"fmt"

	"github.com/gozoo/zoo/converter/pth"
)

// legacyPickles are how many pickles the container of torch before 1.6 begins with.
const legacyPickles = 5

// pickles scans a part that may be one or several pickles. It returns what the part is, and
// nothing where it is no pickle.
func (s *scanner) pickles(p part) string {
	if len(p.data) == 0 {
		return ""
	}
	legacy := pth.IsLegacy(p.data)
	most := maxInt
	if legacy {
		most = legacyPickles
	}
	traces, end := pth.TracePickles(p.data, most)
	strict := looksPickled(p.data) || ends(unpackedName(p.name), pickleSuffixes) || legacy
	if !strict && !plausible(traces) {
		return ""
	}
	s.concerned = true
	s.follow(p, traces, true)
	if legacy {
		if p.top {
			s.verdict(p)
		}
		return "legacy"
	}
	s.trailing(p, traces, end)
	return "pickle"
}

// trailing notes what follows the last pickle of a part.
func (s *scanner) trailing(p part, traces []pth.Traced, end int) {
	if len(traces) > 0 && traces[len(traces)-1].Err == nil && end < len(p.data) {
		s.add(Finding{Severity: Suspicious, Rule: RuleTrailing, Member: p.member, Offset: int64(end),
			Text: fmt.Sprintf("%d bytes follow the pickle that are none", len(p.data)-end)})
	}
}

const maxInt = int(^uint(0) >> 1)

// plausible reports whether what was followed is a pickle, though it does not start as one:
// it has an end, and something before it, or names a global.
func plausible(traces []pth.Traced) bool {
	for _, t := range traces {
		if len(t.Uses) > 0 && (t.Err == nil || t.Worst() == Dangerous) {
			return true
		}
	}
	return len(traces) > 0 && traces[0].Err == nil && traces[0].Size > 2
}

// looksPickled reports whether data start as a pickle of protocol 2 or later does.
func looksPickled(data []byte) bool {
	return len(data) > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5
}

// follow notes what pickles name and do. Of what is no pickle for sure, a break says nothing.
func (s *scanner) follow(p part, traces []pth.Traced, sure bool) {
	for i, t := range traces {
		s.report.Pickles++
		if s.followed += t.Instructions; s.followed > maxFollowed {
			s.bounds(p)
			return
		}
		for _, u := range t.Uses {
			rule := RuleCall
			if u.Opcode == "GLOBAL" || u.Opcode == "STACK_GLOBAL" || u.Opcode == "INST" && u.Severity < Suspicious {
				rule = RuleGlobal
			}
			s.add(Finding{u.Severity, rule, p.member, int64(t.Offset + u.Offset), u.Opcode, u.Global, why(u)})
		}
		for _, n := range t.Nested {
			s.nested(p, t.Offset, n)
		}
		if t.Err != nil && sure {
			text := fmt.Sprintf("the pickle is broken: %v", t.Err)
			if i > 0 {
				text = fmt.Sprintf("pickle %d, at byte %d, is broken: %v", i+1, t.Offset, t.Err)
			}
			s.add(Finding{Severity: Suspicious, Rule: RuleBroken, Member: p.member, Offset: int64(t.Offset + t.Size), Text: text})
		}
	}
}

func why(u pth.Use) string {
	if u.Why == "" {
		return fmt.Sprintf("names %q", u.Global)
	}
	return u.Why
}

// nested scans a byte string inside a pickle.
func (s *scanner) nested(p part, at int, n pth.Nested) {
	inner := p.inside(fmt.Sprintf("bytes@%d", at+n.Offset), n.Data)
	if inner.depth > maxInside {
		s.bounds(p)
		return
	}
	if looksPickled(n.Data) || n.Loader != "" {
		inner.name += ".pkl"
	}
	before := s.report.Findings
	s.part(inner)
	if n.Loader == "" {
		// Nobody is seen to load it: that it is broken says nothing.
		kept := before
		for _, f := range s.report.Findings[len(before):] {
			if f.Opcode != "" {
				kept = append(kept, f)
			}
		}
		s.report.Findings = kept
	}
}
