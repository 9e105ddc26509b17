package backbone

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
)

// The projects whose names recipes know. A converted or fine-tuned checkpoint comes from one.
const (
	timm         = "timm"
	torchvision  = "torchvision"
	transformers = "transformers"
	microsoft    = "microsoft" // Swin's authors
)

// projects are what is known of one architecture's files elsewhere, by project.
type projects = map[string]recipe.Source

// named returns the source of a recipe whose project publishes this network, and none that
// looks like it, under the names.
func named(r func() recipe.Recipe, networks ...string) recipe.Source {
	return recipe.Source{Recipe: r, Networks: networks}
}

// alike adds networks that only look like a source's: published ones, and others.
func alike(s recipe.Source, published []string, unpublished ...string) recipe.Source {
	s.Alike, s.Unpublished = published, unpublished
	return s
}

// oneOf is the source of the named among a project's published networks with the same tensors, or of
// another network with those, where none is named.
func oneOf(r func() recipe.Recipe, networks, all []string, unpublished ...string) recipe.Source {
	others := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(networks, n) })
	return recipe.Source{Recipe: r, Networks: networks, Alike: others, Unpublished: unpublished}
}

// plain is alike for a project's plain network, whose variants the others are.
func plain(s recipe.Source, variants []string, unpublished ...string) recipe.Source {
	s = alike(s, variants, unpublished...)
	s.Plain = true
	return s
}

// always returns a recipe that is there as one that is made when asked for.
func always(r recipe.Recipe) func() recipe.Recipe { return func() recipe.Recipe { return r } }

// Renamed holds names of networks that timm gave up, and what it calls those networks now.
// Files that were trained under the old ones still carry them.
func Renamed() map[string]string { return renamed }

// A setting is what config.json says under a key of transformers, where the library's own
// default counts if it says nothing.
type setting struct {
	key       string
	byDefault any
	want      func(v any) bool
	expected  string
}

// settings returns a check of a config.json.
func settings(all ...setting) func(config map[string]any) error {
	return func(config map[string]any) error {
		for _, s := range all {
			v, ok := config[s.key]
			if !ok || v == nil {
				v = s.byDefault
			}
			if !s.want(v) {
				return fmt.Errorf("%q is %v, and this network wants %s", s.key, v, s.expected)
			}
		}
		return nil
	}
}

// is returns a setting that must have a value; JSON knows numbers as float64.
func is(key string, byDefault, want any) setting {
	return setting{key, byDefault, func(v any) bool { return v == want }, fmt.Sprint(want)}
}

// isList returns a setting that must be a list of numbers, which is the default.
func isList(key string, want ...float64) setting {
	var list []any
	for _, v := range want {
		list = append(list, v)
	}
	return setting{key, list, func(v any) bool { return reflect.DeepEqual(v, any(list)) }, fmt.Sprint(list)}
}

// atMost returns a setting that must be a number up to a bound.
func atMost(key string, byDefault, bound float64) setting {
	return setting{key, byDefault, func(v any) bool { x, ok := v.(float64); return ok && x >= 0 && x <= bound }, fmt.Sprintf("%g at most", bound)}
}

// timmArgs checks that timm made a network without being told anything that leaves no trace in its
// tensors, and that it pools in a way.
func timmArgs(pool string) func(config map[string]any) error {
	harmless := map[string]bool{"num_classes": true, "in_chans": true, "img_size": true, "global_pool": true}
	return func(config map[string]any) error {
		if err := settings(is("global_pool", pool, pool))(config); err != nil {
			return err
		}
		args, _ := config["model_args"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(args)) {
			if !harmless[key] && !(strings.Contains(key, "drop") && strings.HasSuffix(key, "_rate")) {
				return fmt.Errorf("%q of \"model_args\" is %v, and what that changes is not known", key, args[key])
			}
		}
		return settings(is("global_pool", pool, pool))(args)
	}
}
