package pth

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// The machine has an OrderedDict of its own, which takes no arguments. Python 2
// pickled one with its items as an argument, and so do checkpoints of that time: the
// lexer renames the class to one that findGlobal knows.
const (
	globalOrderedDict = "ccollections\nOrderedDict\n"
	ownOrderedDict    = "czoo.collections\nOrderedDict\n"
)

// orderedDict is the class collections.OrderedDict.
type orderedDict struct{}

// Call returns an OrderedDict with the items of its argument, pairs of key and value.
func (orderedDict) Call(args ...any) (any, error) {
	d := types.NewOrderedDict()
	if len(args) == 0 {
		return d, nil
	}
	items, ok := itemsOf(args[0])
	if !ok || len(args) > 1 {
		return nil, fmt.Errorf("expected a list of pairs for an OrderedDict, found %d arguments, the first of type %s", len(args), typeName(args[0]))
	}
	for _, item := range items {
		pair, _ := itemsOf(item)
		if len(pair) != 2 {
			return nil, fmt.Errorf("expected pairs for an OrderedDict, found %s of %d", typeName(item), len(pair))
		}
		d.Set(pair[0], pair[1])
	}
	return d, nil
}

// PyNew returns an empty OrderedDict.
func (orderedDict) PyNew(...any) (any, error) { return types.NewOrderedDict(), nil }
