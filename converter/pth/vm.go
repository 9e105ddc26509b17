package pth

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
)

// run runs the pickle that starts at src[0], in so much memory, and returns its value
// and the bytes it takes. Persistent ids become storages of all; a nil one refuses
// them.
func run(src []byte, all *storages, memory int) (value any, n int, err error) {
	program, n, err := lex(src, memory)
	if err != nil {
		return nil, 0, err
	}
	if err := endangers(src[:n], 0); err != nil {
		return nil, 0, err
	}
	defer func() {
		// What is left to panic is a key that Go's maps do not take.
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("pickle: a dict with a key that none can have here: %s", clip(fmt.Sprint(r)))
		}
	}()
	u := pickle.NewUnpickler(&program)
	u.FindClass = findGlobal
	if all != nil {
		u.PersistentLoad = all.add
	}
	value, err = u.Load()
	if err != nil {
		// The machine's own messages can quote whole values.
		return nil, 0, fmt.Errorf("pickle: %s", clipTo(300, err.Error()))
	}
	return value, n, nil
}
