package main

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
)

// What a class activation map is laid over.
const (
	onPicture = "picture" // as it was decoded; what the network did not see stays as it is
	onCrop    = "crop"    // the pixels that the network saw
)

// camFlags say which class activation maps are written, and how.
type camFlags struct {
	to      string // a file, a folder, a pattern with one *, or - for standard output; empty for no map
	on      string
	opacity float64
	class   string // index or name; empty for each picture's best
}

// camHelp is about the flags, in the help of a command that has them.
const camHelp = `--cam writes a class activation map: the picture in its own size, with the part that the network saw
darkened, and glowing where it speaks for the best class, or that of --cam-class; what was cut off stays
as it is. --cam-on crop lays it over the resized pixels that the network saw instead. The suffix decides
between .png and .jpg; without one, and to standard output (-), it is PNG. For several pictures --cam is a
folder, such as maps/, in which bird.jpg becomes bird.cam.png, or a pattern, such as 'maps/*.jpg', whose
* stands for bird. With --cam - predictions go to standard error.`

// add gives a command the flags.
func (o *camFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&o.to, "cam", "", "file, folder/ or pattern to write class activation maps to (.png, .jpg)")
	c.Flags().StringVar(&o.on, "cam-on", onPicture, "what the map is laid over: picture, or crop, what the network saw of it")
	c.Flags().Float64Var(&o.opacity, "cam-opacity", model.CAMOpacity, "how much the map covers, 0 to 1")
	c.Flags().StringVar(&o.class, "cam-class", "", "index or name of the class that the map is of (default: the best)")
	c.RegisterFlagCompletionFunc("cam-on", cobra.FixedCompletions([]string{onPicture, onCrop}, cobra.ShellCompDirectiveNoFileComp))
}

// check refuses flags that cannot be right, before anything is done.
func (o *camFlags) check(cmd *cobra.Command) error {
	if o.to == "" {
		for _, name := range []string{"cam-on", "cam-opacity", "cam-class"} {
			if cmd.Flags().Changed(name) {
				return usage("--%s goes with --cam", name)
			}
		}
		return nil
	}
	if o.on != onPicture && o.on != onCrop {
		return usage("--cam-on %s: expected %s or %s", o.on, onPicture, onCrop)
	}
	if !(o.opacity >= 0 && o.opacity <= 1) {
		return usage("--cam-opacity %v: expected 0 to 1", o.opacity)
	}
	if isStdout(o.to) || o.folder() {
		return nil
	}
	dir, name := filepath.Split(o.to)
	if strings.Contains(dir, "*") || strings.Count(name, "*") > 1 {
		return usage("--cam %s: expected one * for the name of a picture, in the last part", o.to)
	}
	switch suffix := strings.ToLower(filepath.Ext(name)); suffix {
	case ".png", ".jpg", ".jpeg", "":
		return nil
	default:
		return usage("--cam %s: expected a name that ends in .png, .jpg or .jpeg, found %s", o.to, suffix)
	}
}

// folder reports whether maps are written into a folder, under names of their own.
func (o *camFlags) folder() bool {
	if o.to != "" && os.IsPathSeparator(o.to[len(o.to)-1]) {
		return true
	}
	info, err := os.Stat(o.to)
	return err == nil && info.IsDir()
}

// targets returns the file that each picture's map is written to. Two maps in one file, and a map in place
// of a picture, are refused.
func (o *camFlags) targets(pictures []string) (map[string]string, error) {
	pattern := strings.Contains(filepath.Base(o.to), "*")
	if !pattern && (isStdout(o.to) || !o.folder()) && len(pictures) != 1 {
		return nil, usage("--cam %s goes with one picture, found %d: name a folder, such as maps/, or a pattern, such as 'maps/*.png'",
			o.to, len(pictures))
	}
	targets, of := make(map[string]string), make(map[string]string) // the file of a picture, the picture of a file
	for _, picture := range pictures {
		target := o.to
		switch {
		case isStdout(o.to):
			return map[string]string{picture: target}, nil
		case o.folder():
			target = filepath.Join(o.to, stem(picture)+".cam.png")
		case pattern:
			dir, name := filepath.Split(o.to)
			target = dir + strings.Replace(name, "*", stem(picture), 1)
		}
		key := identity(target)
		if other, ok := of[key]; ok {
			return nil, usage("--cam %s: the maps of %s and %s would both be written to %s: name one of them at a time",
				o.to, printable.Text(other), printable.Text(picture), printable.Text(target))
		}
		of[key], targets[picture] = picture, target
	}
	for _, picture := range pictures {
		if other, ok := of[identity(picture)]; ok && picture != "-" {
			return nil, usage("--cam %s: the map of %s would be written over the picture %s", o.to, printable.Text(other), printable.Text(picture))
		}
	}
	return targets, nil
}

// stem returns the name of a picture without folder and suffix.
func stem(picture string) string {
	if picture == "-" {
		return "stdin"
	}
	name := filepath.Base(picture)
	if s := strings.TrimSuffix(name, filepath.Ext(name)); s != "" {
		return s
	}
	return name
}

// identity returns one text for paths that may be one file. Some file systems do not tell capitals apart.
func identity(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return strings.ToLower(path)
}

// classOf returns the index of a class that is given by its index, its name or one of the names that
// commas separate in it.
func classOf(m *model.Model, text string) (int, error) {
	classes := m.Graph().NumClasses()
	if i, err := strconv.Atoi(text); err == nil {
		if i < 0 || i >= classes {
			return 0, usage("--cam-class %d: expected 0 to %d", i, classes-1)
		}
		return i, nil
	}
	var found []string
	class := 0
	for i, name := range m.Classes() {
		names := append(strings.Split(name, ","), name)
		if slices.ContainsFunc(names, func(one string) bool { return strings.EqualFold(strings.TrimSpace(one), strings.TrimSpace(text)) }) {
			class = i
			found = append(found, strconv.Itoa(i))
		}
	}
	switch {
	case len(found) == 1:
		return class, nil
	case len(found) > 1:
		return 0, usage("--cam-class %s: classes %s have that name: give an index", text, strings.Join(found, " and "))
	}
	return 0, usage("--cam-class %s: no class has that name: expected a name as zoo predict prints it, or an index from 0 to %d",
		text, classes-1)
}

// camWriter writes the maps of pictures.
type camWriter struct {
	camFlags
	app     *app
	model   *model.Model
	targets map[string]string
	class   int // -1 for the best
}

// newCAMWriter returns what writes the maps of pictures; nil where no flag asks for any. To standard
// output nothing else goes from then on.
func (a *app) newCAMWriter(m *model.Model, o camFlags, pictures []string) (*camWriter, error) {
	if o.to == "" {
		return nil, nil
	}
	w := &camWriter{camFlags: o, app: a, model: m, class: -1}
	var err error
	if w.targets, err = o.targets(pictures); err != nil {
		return nil, err
	}
	if o.class != "" {
		if w.class, err = classOf(m, o.class); err != nil {
			return nil, err
		}
	}
	if isStdout(o.to) {
		_, err = a.stream("--cam")
	}
	return w, err
}

// write writes the map of a picture.
func (w *camWriter) write(ctx context.Context, path string, picture image.Image) error {
	if w == nil {
		return nil
	}
	var cam *model.CAM
	var err error
	if w.class < 0 {
		cam, err = w.model.CAM(ctx, picture)
	} else {
		cam, err = w.model.CAMOf(ctx, picture, w.class)
	}
	if err != nil {
		return err
	}
	out := cam.Crop(w.opacity)
	if w.on == onPicture {
		out = cam.Over(picture, w.opacity)
	}
	to := w.targets[path]
	if to != w.to { // in a folder that may not be there yet
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
	}
	if err := w.app.writePicture(ctx, "--cam", to, out); err != nil {
		return err
	}
	size := out.Bounds().Size()
	w.app.hint("%s: what speaks for class %d %s, over the %s of %d x %d pixels", to, cam.Class, cam.Name, w.on, size.X, size.Y)
	return nil
}

// maxJPEGSide is the longest side that the format has room for.
const maxJPEGSide = 1<<16 - 1

// writePicture writes an image to the file that a flag names, as a JPEG or a PNG, as its suffix says. A
// photograph's PNG takes a third of the time, and a third more room, than at best.
func (a *app) writePicture(ctx context.Context, flag, path string, img image.Image) error {
	encode := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode
	if suffix := strings.ToLower(filepath.Ext(path)); suffix == ".jpg" || suffix == ".jpeg" {
		if size := img.Bounds().Size(); size.X > maxJPEGSide || size.Y > maxJPEGSide {
			return fmt.Errorf("%s: expected sides of at most %d pixels for a JPEG, found %dx%d: write a .png", path, maxJPEGSide, size.X, size.Y)
		}
		encode = func(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 95}) }
	}
	return a.writeFile(ctx, flag, path, func(w io.Writer) error { return encode(&heeding{ctx, w}, img) })
}
