package table

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode"
)

// labels finds room for the names of points, where they cover neither each other nor
// anything else that stands in a panel.
type labels struct {
	frame box // that no name leaves
	taken []box
	lines []segment // the front, and leaders from points to their names
}

// avoid keeps names away from a box.
func (l *labels) avoid(b box) { l.taken = append(l.taken, b) }

// A label is where a name can stand.
type label struct {
	box
	anchor string  // which of the name's ends is at x
	x      float64 // of that end
	price  float64 // of standing there: the least is taken
}

// name writes a name beside its point, or further up with a line to it. The names of a
// front, from the left, climb like stairs: each ends at its point, above those that it
// would cover, where no network is more accurate at less cost; so no name comes between
// a later point and its own. A name without room is left out: the point's title has it.
func (l *labels) name(b *bytes.Buffer, name string, x, y float64) {
	const height, gap = 13.0, 8.0
	w := nameWidth(name)
	var all []label
	at := func(anchor string, x, up, price float64) {
		left := x
		if anchor == "end" {
			left -= w
		}
		all = append(all, label{box{left, y - up - height/2, w, height}, anchor, x, price})
	}
	for up := 0.0; up < 240; up += 3 {
		aside := max(-2, gap-up/2) // as the ring bends
		at("end", x-aside, up, up)
		for _, dx := range []float64{0, 15, 30, 60, 90} {
			at("start", x+aside+dx, -up, 20+up+dx)
			at("end", x-aside-dx, up, 80+up+dx)
			at("end", x-aside-dx, -up, 60+up+dx)
		}
		if up <= gap+height/2 {
			at("start", x+aside, up, 40+up)
		}
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(a.price, b.price) })
	for _, at := range all {
		if !at.within(l.frame) || slices.ContainsFunc(l.taken, at.overlaps) || slices.ContainsFunc(l.lines, at.crossed) {
			continue
		}
		leader := segment{x, y, min(max(x, at.box.x), at.box.x+w), min(max(y, at.y+1), at.y+height-1)}
		if away := leader.length(); away > gap+4 {
			s := 6 / away // begins beside the ring
			leader.x1, leader.y1 = x+s*(leader.x2-x), y+s*(leader.y2-y)
			if l.blocked(leader, box{x - 5, y - 5, 10, 10}) {
				continue
			}
			line(b, "leader", leader.x1, leader.y1, leader.x2, leader.y2, muted, 0.6)
			l.lines = append(l.lines, leader)
		}
		l.avoid(at.box)
		text(b, "name", at.x, at.y+height-3.5, at.anchor, ink, name)
		return
	}
}

// blocked reports whether a line would go through anything but what its own point is in.
func (l *labels) blocked(s segment, own box) bool {
	return slices.ContainsFunc(l.lines, s.meets) ||
		slices.ContainsFunc(l.taken, func(b box) bool { return !b.overlaps(own) && b.crossed(s) })
}

// nameWidth returns the most that a name takes in the usual sans-serif fonts: the
// widest of them is DejaVu Sans.
func nameWidth(name string) float64 {
	width := 0.0
	for _, r := range name {
		switch {
		case strings.ContainsRune("ijl.,:;'|!-", r):
			width += 0.37
		case strings.ContainsRune("frt()[]/ ", r):
			width += 0.42
		case strings.ContainsRune("mwMW@%", r) || r > unicode.MaxLatin1:
			width += 1
		case unicode.IsUpper(r):
			width += 0.78
		default:
			width += 0.64
		}
	}
	return width * nameSize
}

// box is a rectangle that text or a point takes.
type box struct{ x, y, w, h float64 }

func (a box) overlaps(b box) bool {
	return a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h
}

func (a box) within(b box) bool {
	return a.x >= b.x && a.y >= b.y && a.x+a.w <= b.x+b.w && a.y+a.h <= b.y+b.h
}

// crossed reports whether a line goes through a box.
func (a box) crossed(s segment) bool {
	for t := range s.steps() {
		if a.overlaps(box{s.x1 + t*(s.x2-s.x1), s.y1 + t*(s.y2-s.y1), 0.1, 0.1}) {
			return true
		}
	}
	return false
}

// segment is a straight line.
type segment struct{ x1, y1, x2, y2 float64 }

func (s segment) length() float64 { return math.Hypot(s.x2-s.x1, s.y2-s.y1) }

// steps returns 0 to 1 in steps of two pixels.
func (s segment) steps() iter.Seq[float64] {
	return func(yield func(float64) bool) {
		n := max(1, math.Ceil(s.length()/2))
		for i := 0.0; i <= n && yield(i/n); i++ {
		}
	}
}

// meets reports whether two lines cross.
func (s segment) meets(t segment) bool {
	side := func(a segment, x, y float64) float64 { return (a.x2-a.x1)*(y-a.y1) - (a.y2-a.y1)*(x-a.x1) }
	return side(s, t.x1, t.y1)*side(s, t.x2, t.y2) < 0 && side(t, s.x1, s.y1)*side(t, s.x2, s.y2) < 0
}
