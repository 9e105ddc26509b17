package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFieldSets evaluates the sets that people bring.
func TestFieldSets(t *testing.T) {
	dir := corpus(t, "field")
	const nano = "cspresnet-nano_digits"
	at := func(name string) string { return filepath.Join(dir, name) }
	lists, links := filepath.Join(unpacked(t, at("25_lists.tar")), "25_lists"), filepath.Join(unpacked(t, at("32_links.tar")), "32_links")
	var situations []situation
	add := func(name string, status int, says []string, args ...string) {
		situations = append(situations, situation{name: name, args: args, status: status, says: says})
	}
	add("macOS archive", exitOK, []string{"20 of 20 images"}, "eval", nano, "--data", at("24_finder.zip"))
	situations = append(situations, situation{name: "macOS folder", args: []string{"predict", nano, at("24_usb"), "--format", "ndjson"},
		says: []string{"00005.png"}, never: []string{"._", "could not be read"}})
	for _, list := range []string{"backslash.txt", "comma.csv", "crlf_bom.txt", "dot.txt", "spaces.txt", "tabs.txt", "utf16.txt"} {
		add(list, exitOK, []string{"12 of 12 images", "11 correct"}, "eval", nano, "--data", lists, "--labels", filepath.Join(lists, list))
	}
	situations = append(situations, situation{name: "Windows' leftovers", args: []string{"eval", nano, "--data", at("26_folders")},
		says: []string{"21 of 21 images", "train is no class"}, never: []string{"Thumbs.db", "desktop.ini", "could not be read"}})
	situations = append(situations, situation{name: "Windows' leftovers, predicted", args: []string{"predict", nano, at("26_folders"), "--format", "ndjson"},
		says: []string{"extra.png"}, never: []string{"Thumbs.db", "desktop.ini"}})
	add("folders named otherwise", exitUsage, []string{"found Eight, Five, One", "expected the names of classes: zero, one", "--classes FILE"},
		"eval", nano, "--data", at("27_names"), "--classes", at("27_classes.txt"))
	add("folders named otherwise, digits", exitUsage, []string{"found Eight", "0, 1, 2"}, "eval", nano, "--data", at("27_names"))
	for _, set := range []string{"store", "all", "mixed"} {
		add("links: "+set, exitOK, []string{"30 of 30 images"}, "eval", nano, "--data", filepath.Join(links, set))
	}
	add("links: a folder", exitOK, []string{"00029.png"}, "predict", nano, filepath.Join(links, "pictures"))
	add("links in an archive", exitUsage, []string{"found all, mixed, pictures, store"}, "eval", nano, "--data", at("32_links.tar"))
	add("names in GBK", exitOK, []string{"10 of 10 images"}, "eval", nano, "--data", at("33_gbk.zip"))
	add("ImageNetV2 for ten classes", exitUsage, []string{"3 of 12 images cannot be evaluated", "10, 281"}, "eval", nano, "--data", at("22_v2"))
	add("ImageNetV2 for ten classes, of what there is", exitOK, []string{"of 12 images", "3 of 12 images were left out"},
		"eval", nano, "--data", at("22_v2"), "--no-strict", "--allow-chance")

	const resnet = "resnet18_8xb32_in1k"
	tiger := unpacked(t, at("19_hf_resnet18.bin.zst")) // replaced where no recipe reads it yet
	if _, err := os.Stat(tiger); err == nil && commandIn(t, t.Context(), t.TempDir(), nil, "predict", resnet, "--checkpoint", tiger, at("24_usb/00000.png")).status == exitOK {
		weights := []string{"--checkpoint", tiger}
		add("Tiny ImageNet", exitOK, []string{"4 of 4 images", "4 correct"}, append([]string{"eval", resnet, "--data", at("21_tiny")}, weights...)...)
		add("Tiny ImageNet, val", exitOK, []string{"4 of 4 images", "4 correct"}, append([]string{"eval", resnet, "--data", at("21_tiny/val")}, weights...)...)
		add("Tiny ImageNet, train", exitOK, []string{"12 of 12 images", "1 correct"}, append([]string{"eval", resnet, "--data", at("21_tiny/train")}, weights...)...)
		add("ImageNetV2", exitOK, []string{"12 of 12 images", "2 correct", "whole numbers below 1000"}, append([]string{"eval", resnet, "--data", at("22_v2")}, weights...)...)
	}
	background := unpacked(t, at("40_1001_classes.pth.zst"))
	add("1001 classes", exitUsage, []string{"--classes-offset 1"}, "eval", resnet, "--checkpoint", background, "--data", at("40_val"))
	add("background class", exitOK, []string{"12 of 12 images", "12 correct"}, "eval", resnet, "--checkpoint", background, "--data", at("40_val"), "--classes-offset", "1")
	logit := unpacked(t, at("07_one_logit.pth.zst"))
	situations = append(situations,
		situation{name: "one logit", args: []string{"predict", nano, "--checkpoint", logit, at("24_usb/00003.png")}, says: []string{"sigmoid"}, never: []string{"1.0000"}},
		situation{name: "one logit, JSON", args: []string{"predict", nano, "--checkpoint", logit, at("24_usb/00003.png"), "--format", "json"}, says: []string{`"sigmoid": true`}},
		situation{name: "one logit is no Top-1", args: []string{"eval", nano, "--checkpoint", logit, "--data", lists, "--labels", filepath.Join(lists, "dot.txt")}, status: exitUsage, says: []string{"one row"}})
	play(t, t.TempDir(), situations)
}
