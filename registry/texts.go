package registry

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gozoo/zoo/printable"
)

// checkTexts returns an error that names the first key of a row whose text holds characters
// that act on what prints them. A row is shown in many places; none of its facts needs them.
func checkTexts(e *Entry) error { return checkText(reflect.ValueOf(e).Elem(), "") }

func checkText(v reflect.Value, key string) error {
	switch v.Kind() {
	case reflect.String:
		if err := printable.Check(v.String()); err != nil {
			return fmt.Errorf("%s: %w: leave it out", strings.TrimPrefix(key, "."), err)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkText(v.Index(i), fmt.Sprintf("%s[%d]", key, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name := f.Tag.Get("toml")
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			if err := checkText(v.Field(i), key+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}
