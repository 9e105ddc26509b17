package converter

import (
	"fmt"
	"strings"
)

// Notices returns, in a line each, what somebody who named the file may want to know of the
// selection: nothing where it has one network under its own names.
func (s *Selection) Notices(file string) []string {
	var out []string
	if len(s.Others) > 0 {
		taken := "those of its root"
		if key := s.key(); key != "" {
			taken = fmt.Sprintf("%q", short(key))
		}
		var others []string
		swapped := false
		for _, o := range s.Others {
			others = append(others, fmt.Sprintf("%q (--weights %s)", short(o.Key), quoteFlag(o.Key)))
			swapped = swapped || s.Key == "state_dict" && o.Key == "ema_state_dict"
		}
		text := fmt.Sprintf("%s: the weights are %s; tensors of the same names are under %s", file, taken, strings.Join(others, ", "))
		if swapped {
			text += ": MMEngine saves the average as state_dict"
		}
		out = append(out, text)
	}
	if facts := s.Facts(); len(facts) > 0 {
		out = append(out, file+": "+strings.Join(facts, "; "))
	}
	return out
}

// Facts returns what was done to the tensors, in the words of notices and of the provenance:
// what was removed, multiplied, assumed and left out.
func (s *Selection) Facts() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.Class != "" {
		add("a whole pickled network of class %s, whose tensors were read and whose code was not run", short(s.Class))
	}
	if len(s.Wrappers) > 0 {
		add("names without the wrapper %s", quoted(s.Wrappers, 4))
	}
	if s.Prefix != "" {
		add("names without the prefix %q", short(s.Prefix))
	}
	if n := len(s.Multiplied); n > 0 {
		add("%s multiplied by masks: %s", count(n, "weight"), quoted(s.Multiplied, 2))
	}
	if n := len(s.Cast); n > 0 {
		add("%s of float8 read as float32: %s", count(n, "tensor"), quoted(s.Cast, 2))
	}
	for _, r := range s.Resized {
		add("positions %q of a grid of %dx%d resized to %dx%d, bicubically", short(r.Name), r.From, r.From, r.To[0], r.To[1])
	}
	if s.Head != "" {
		add("the classifier is %q", short(s.Head))
	}
	if s.ZeroBias {
		add("the classifier has no bias, which counts as zeros")
	}
	if s.NoClassifier && len(s.LeftOut) > 0 {
		add("it has no classifier that is one linear layer: it gives features, and no classes")
	} else if s.NoClassifier {
		add("it has no classifier: it gives features, and no classes")
	}
	if n := len(s.LeftOut); n > 0 {
		add("%s left out: %s", count(n, "tensor"), quoted(s.LeftOut, 4))
	}
	return out
}

// count returns a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// key returns the key that takes the same tensors.
func (s *Selection) key() string {
	prefix := strings.TrimRight(s.Prefix, "./")
	if s.Key == "" || prefix == "" {
		return s.Key + prefix
	}
	return s.Key + "/" + prefix
}

// quoteFlag returns the value of a flag as a shell takes it, as a rule.
func quoteFlag(value string) string {
	if strings.ContainsAny(value, " '\"$&|;<>()*?[]#~`\\\n") {
		return fmt.Sprintf("%q", short(value))
	}
	return short(value)
}
