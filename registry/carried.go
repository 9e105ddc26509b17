package registry

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/printable"
)

// MaxCarried bounds the text of a row that travels with its file, in bytes.
const MaxCarried = maxRowText

// Carried returns the text of the row for somebody who has no zoo.toml: every fact is stated, whatever
// row it is from, but where the file comes from, which is for those to say who bring it, and what is secret. The text is what
// ParseCarried reads. The error says what no such row can have: a file without size or full digest.
func (e *Entry) Carried() ([]byte, error) {
	all := *e
	all.Base, all.Weights.URL = "", ""
	from := &all.Weights.ConvertedFrom
	if *from = printable.Shown(*from); !travels(*from) {
		*from = ""
	}
	var b strings.Builder
	writeTable(&b, headerOf(e.Name), "", reflect.ValueOf(&all).Elem())
	text := []byte(b.String())
	back, err := ParseCarried(e.Name, text)
	if err != nil {
		return nil, err
	}
	if keys := Differences(&all, back); len(keys) > 0 {
		return nil, fmt.Errorf("registry: %s: the row cannot be written: %s would come back otherwise", e.Name, strings.Join(keys, ", "))
	}
	return text, nil
}

// headerOf returns the name of a row as the header of its table has it.
func headerOf(name string) string {
	if strings.ContainsAny(name, ".+/") {
		return strconv.Quote(name)
	}
	return name
}

// travels reports whether an address means the same on another machine.
func travels(address string) bool {
	a, err := ParseAddress(address)
	return err == nil && (a.Kind == AddressNone || a.Remote())
}

// writeTable writes the keys of a table that say something or have to be there, and then the tables in it.
func writeTable(b *strings.Builder, header, prefix string, v reflect.Value) {
	fmt.Fprintf(b, "[%s]\n", header)
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("toml")
		if f := v.Field(i); tag != "-" && !isTable(f.Type()) && (keys[prefix+tag] || !f.IsZero()) {
			fmt.Fprintf(b, "%s = %s\n", tag, literal(f))
		}
	}
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("toml")
		if f := v.Field(i); tag != "-" && isTable(f.Type()) {
			writeTable(b, header+"."+tag, prefix+tag+".", f)
		}
	}
}

// literal returns a value of a row as TOML has it. Texts of rows print, so that Go quotes them alike.
func literal(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case digest.Digest:
		return strconv.Quote(x.String())
	case Figure:
		return strconv.Quote(x.text)
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32)
	case reflect.Slice, reflect.Array:
		all := make([]string, v.Len())
		for i := range all {
			all[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}

// ParseCarried reads a row that came with its file: from an artifact or a bundle. It is read as one of a
// zoo.toml is, on its own: it states every fact, its file's size and all digits of its sha256, and no
// address, so that it makes nobody look elsewhere. file is what errors call the text.
func ParseCarried(file string, data []byte) (*Entry, error) {
	e, err := parseCarried(file, data)
	if err != nil {
		// Whoever has the row has not written it: it is no *RowError of a file of settings.
		return nil, errors.New(err.Error())
	}
	e.Outside = true // nobody else has the entry yet
	return e, nil
}

func parseCarried(file string, data []byte) (*Entry, error) {
	if len(data) > MaxCarried {
		return nil, fmt.Errorf("registry: %s: expected at most %d bytes, found %d", file, MaxCarried, len(data))
	}
	r, err := new(Registry).Merge(file, data)
	if err != nil {
		return nil, err
	}
	if len(r.names) != 1 {
		return nil, fmt.Errorf("registry: %s: expected one row, found %d", file, len(r.names))
	}
	e, err := r.rows[r.names[0]].get()
	if err != nil {
		return nil, err
	}
	switch w := &e.Weights; {
	case w.URL != "":
		err = errors.New("weights.url: expected none in a row that comes with its file")
	case !travels(w.ConvertedFrom):
		err = errors.New("weights.converted_from: expected an address that is the same everywhere")
	case !w.Digest.Full():
		err = errors.New("weights.sha256: expected all 64 digits in a row that comes with its file")
	case w.Size == 0:
		err = errors.New("weights.size: missing in a row that comes with its file")
	}
	if err != nil {
		return nil, &RowError{file, e.Name, err}
	}
	return e, nil
}

// Differences returns the keys of zoo.toml whose values differ between two entries, in the order of
// Entry; two that are the same row, whatever file states it, have none but perhaps weights.url and base.
func Differences(x, y *Entry) []string { return changed(x, y) }

// Twin returns the name of a row that differs from another name in case only, which file systems may not
// tell apart; empty for none.
func (r *Registry) Twin(name string) string {
	i := slices.IndexFunc(r.names, func(n string) bool { return n != name && strings.EqualFold(n, name) })
	if i < 0 {
		return ""
	}
	return r.names[i]
}

// Has reports whether there is a row of that name, right or not.
func (r *Registry) Has(name string) bool { return r.row(name) != nil }

// Over returns a registry with an entry over a row of its name.
func (r *Registry) Over(e *Entry) *Registry {
	out := r.clone()
	delete(out.changes, e.Name)
	out.rows[e.Name] = &row{read: func(int) (*Entry, error) { return e, nil }}
	out.names = slices.Sorted(maps.Keys(out.rows))
	return out
}

// Under returns a registry with further rows, each of which is read when it is first asked for. Names and aliases
// that r has already, in capital letters or not, are left as they are.
func (r *Registry) Under(rows map[string]func() (*Entry, error)) *Registry {
	if len(rows) == 0 {
		return r
	}
	out := r.clone()
	known := make(map[string]bool, len(r.names))
	for _, name := range r.names {
		known[strings.ToLower(name)] = true
	}
	for _, a := range r.aliases { // which no row from outside may come before
		known[strings.ToLower(a.Name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if key := strings.ToLower(name); !known[key] && !r.Has(name) {
			known[key] = true
			read := rows[name]
			out.rows[name] = &row{read: func(int) (*Entry, error) { return read() }}
		}
	}
	out.names = slices.Sorted(maps.Keys(out.rows))
	return out
}

func (r *Registry) clone() *Registry {
	out := *r
	out.rows, out.changes = maps.Clone(r.rows), maps.Clone(r.changes)
	if out.rows == nil {
		out.rows = make(map[string]*row)
	}
	return &out
}
