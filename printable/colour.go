package printable

// A Colour is a way to set off a word on a terminal: the sequence that begins it. There are
// few, so that a Writer can tell them from whatever else acts on a terminal.
type Colour string

// The colours. Plain is none.
const (
	Plain  Colour = ""
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"

	uncoloured Colour = "\x1b[39m"
)

// Paint returns a text that was made safe already in the colour, and what follows as it was.
func (c Colour) Paint(text string) string {
	if c == Plain || text == "" {
		return text
	}
	return string(c) + text + string(uncoloured)
}

// colourAt returns the length of the sequence of a colour that text begins with; 0 for none.
func colourAt(text string) int {
	for _, c := range []Colour{Red, Green, Yellow, uncoloured} {
		if len(text) >= len(c) && text[:len(c)] == string(c) {
			return len(c)
		}
	}
	return 0
}
