package pth

import (
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/gopickle/types"
)

// Values of a pickle can contain themselves, so none is ever printed: messages
// say its type, and the value of numbers and None only.

// typeName returns the Python name of a value's type.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case *types.ByteArray:
		return "bytearray"
	case *types.List:
		return "list"
	case *types.Tuple:
		return "tuple"
	case *types.Dict:
		return "dict"
	case *types.OrderedDict:
		return "collections.OrderedDict"
	case *types.Set:
		return "set"
	case *types.FrozenSet:
		return "frozenset"
	case *tensorRef:
		return "torch.Tensor"
	case *storage:
		return v.class.name
	case *object:
		return clip(v.class)
	case *class:
		return "class " + clip(v.name)
	case setClass:
		return "class " + v.name
	case storageClass:
		return "class " + v.name
	case dtypeGlobal:
		return "torch.dtype"
	case orderedDict:
		return "class collections.OrderedDict"
	case builder:
		return "function of torch"
	}
	// What is left are the machine's own stand-ins for a few classes.
	return "class"
}

// describe returns the value of an integer, and the type of anything else.
func describe(v any) string {
	if i, ok := v.(int); ok {
		return strconv.Itoa(i)
	}
	return typeName(v)
}

// entriesOf returns the items of a mapping in order, and whether v is one. A key
// that is set twice keeps its first place and its last value, as in Python.
func entriesOf(v any) ([]types.DictEntry, bool) {
	switch v := v.(type) {
	case *types.Dict:
		return lastOfEach(*v), true
	case *types.OrderedDict:
		entries := make([]types.DictEntry, 0, v.Len())
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			entries = append(entries, types.DictEntry{Key: entry.Key, Value: entry.Value})
		}
		return entries, true
	case *object:
		return lastOfEach(v.dict), len(v.dict) > 0
	}
	return nil, false
}

func lastOfEach(d types.Dict) []types.DictEntry {
	at := make(map[any]int, len(d))
	out := make([]types.DictEntry, 0, len(d))
	for _, e := range d {
		switch e.Key.(type) {
		case nil, bool, int, float64, string:
			if i, ok := at[e.Key]; ok {
				out[i].Value = e.Value
				continue
			}
			at[e.Key] = len(out)
		}
		out = append(out, e)
	}
	return out
}

// lookup returns the value under a text key of a mapping, or nil.
func lookup(v any, key string) any {
	entries, _ := entriesOf(v)
	for _, e := range entries {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// hasKey reports whether a dict has a text key.
func hasKey(v any, key string) bool {
	dict, ok := v.(*types.Dict)
	return ok && slices.ContainsFunc(*dict, func(e types.DictEntry) bool { return e.Key == key })
}

// itemsOf returns the items of a sequence, and whether v is one.
func itemsOf(v any) ([]any, bool) {
	switch v := v.(type) {
	case *types.List:
		return *v, true
	case *types.Tuple:
		return *v, true
	case *object:
		return v.list, len(v.list) > 0
	}
	return nil, false
}

// keyText returns a key as an element of a path, and whether it has such a form.
func keyText(key any) (string, bool) {
	switch key := key.(type) {
	case string:
		return key, utf8.ValidString(key)
	case nil:
		return "None", true
	case bool:
		return strings.ToUpper(fmt.Sprint(key)[:1]) + fmt.Sprint(key)[1:], true // as Python spells it
	case int:
		return strconv.Itoa(key), true
	case *big.Int:
		return key.String(), true
	case float64:
		return strconv.FormatFloat(key, 'g', -1, 64), true
	}
	return "", false
}

// unhashable reports whether Python refuses v as a key or as an item of a set.
func unhashable(v any) bool {
	switch v.(type) {
	case *types.List, *types.Dict, *types.OrderedDict, *types.Set, *types.ByteArray:
		return true
	}
	return false
}

// texts returns a list or tuple of text.
func texts(v any) []string {
	if _, ok := v.(*object); ok {
		return nil
	}
	items, _ := itemsOf(v)
	var out []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok || !utf8.ValidString(s) {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// clip shortens text from the file for a message.
func clip(s string) string { return clipTo(100, s) }

func clipTo(n int, s string) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// isContainer reports whether v can contain other values.
func isContainer(v any) bool {
	switch v.(type) {
	case *types.List, *types.Tuple, *types.Dict, *types.OrderedDict, *types.Set, *types.FrozenSet, *object:
		return true
	}
	return false
}

// membersOf yields the items of a set.
func membersOf(v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		switch v := v.(type) {
		case *types.Set:
			for item := range *v {
				if !yield(item) {
					return
				}
			}
		case *object:
			for _, item := range v.list {
				if !yield(item) {
					return
				}
			}
		case *types.FrozenSet:
			for item := range *v {
				if !yield(item) {
					return
				}
			}
		}
	}
}
