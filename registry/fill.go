package registry

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"sync"
)

// fill sets the fields of a struct whose tags `toml` name keys of the table. Other fields
// keep their values. A key without a field is an error; errors name the key, behind the path
// of the table.
func fill(dst reflect.Value, t *table, path string) error {
	fields := fieldsOf(dst.Type())
	for i := range t.facts {
		f := &t.facts[i]
		field, ok := fields[f.key]
		if !ok {
			return fmt.Errorf("unknown key %q", path+f.key)
		}
		if err := set(dst.Field(field), f.value, path, f.key); err != nil {
			return err
		}
	}
	return nil
}

var fieldsByType sync.Map // from reflect.Type to map[string]int

// fieldsOf returns the index of each field of a struct type by its key.
func fieldsOf(t reflect.Type) map[string]int {
	if known, ok := fieldsByType.Load(t); ok {
		return known.(map[string]int)
	}
	fields := make(map[string]int)
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("toml"); key != "" && key != "-" {
			fields[key] = i
		}
	}
	fieldsByType.Store(t, fields)
	return fields
}

// set puts the value of a key of the table at the path into a field.
func set(dst reflect.Value, v any, path, key string) error {
	if sub, ok := v.(*table); ok && dst.Kind() == reflect.Struct {
		return fill(dst, sub, path+key+".")
	}
	if err := assign(dst, v); err != nil {
		return fmt.Errorf("%s%s: %w", path, key, err)
	}
	return nil
}

// assign puts a value of TOML into a variable of its kind.
func assign(dst reflect.Value, v any) error {
	switch p := dst.Addr().Interface().(type) {
	case interface{ UnmarshalTOML(any) error }:
		return p.UnmarshalTOML(v)
	case encoding.TextUnmarshaler:
		s, ok := v.(string)
		if !ok {
			return expected("a text", v)
		}
		return p.UnmarshalText([]byte(s))
	}
	switch dst.Kind() {
	case reflect.Struct:
		return expected("a table", v)
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return expected("a text", v)
		}
		dst.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return expected("true or false", v)
		}
		dst.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, ok := v.(int64)
		if !ok {
			return expected("a whole number", v)
		}
		dst.SetInt(n)
	case reflect.Float32, reflect.Float64:
		switch v := v.(type) {
		case int64:
			dst.SetFloat(float64(v))
		case float64:
			dst.SetFloat(v)
		default:
			return expected("a number", v)
		}
	case reflect.Array, reflect.Slice:
		return setList(dst, v)
	default:
		panic("registry: no fact is a " + dst.Type().String())
	}
	return nil
}

// setList sets an array, which takes exactly as many values as it has, or a slice.
func setList(dst reflect.Value, v any) error {
	list, ok := v.([]any)
	if !ok {
		return expected("an array", v)
	}
	if dst.Kind() == reflect.Slice {
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	} else if len(list) != dst.Len() {
		return fmt.Errorf("expected %d values, found %d", dst.Len(), len(list))
	}
	for i, one := range list {
		if err := assign(dst.Index(i), one); err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
	}
	return nil
}

func expected(what string, v any) error {
	return fmt.Errorf("expected %s, found %s", what, describe(v))
}

// describe names a value of TOML.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%.40q", v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return fmt.Sprintf("an array of %d values", len(v))
	}
	return "a table"
}
