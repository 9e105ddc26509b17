package main

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/vision"
)

func (a *app) pixelsCommand() *cobra.Command {
	var name, output string
	c := &cobra.Command{
		Use:   "pixels IMAGE -o OUT.png",
		Short: "Write what the decoder, or a model's preprocessing, makes of an image",
		Long: `Write the pixels of an image, as the reference decodes them, to an 8-bit RGB PNG file; with --for
those that a model's network sees: resized and cropped, before normalisation. An IMAGE of - is
read from standard input, an OUT of - written to standard output. Formats: human, json.`,
		Example: "  zoo pixels bird.jpg --for cspresnet50_3rdparty_8xb32_in1k -o seen.png",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if output == "" {
				return usage("expected -o with the PNG file to write")
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			pipeline := vision.Pipeline{}
			if name != "" {
				if _, err := z.Registry().Lookup(name); err != nil && isFile(name) {
					if name, err = modelIn(z, name); err != nil {
						return err
					}
				}
				if pipeline, err = z.Preprocessing(name); err != nil {
					return err
				}
			}
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			var img *vision.Image
			if o := z.DecodeOptions(pipeline); name != "" {
				img, err = pipeline.Load(cmd.Context(), data, o)
			} else {
				img, err = vision.DecodeContext(cmd.Context(), data, o)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := a.writePNG(cmd.Context(), "-o", output, img); err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Path   string `json:"path"`
					Width  int    `json:"width"`
					Height int    `json:"height"`
				}{output, img.W, img.H})
			}
			a.hint("%s: %d x %d pixels", output, img.W, img.H)
			return nil
		},
	}
	c.Flags().StringVar(&name, "for", "",
		"registry name of the model whose preprocessing is applied, or a checkpoint that zoo convert noted it in")
	c.Flags().StringVarP(&output, "output", "o", "", "PNG file to write, - being standard output")
	c.RegisterFlagCompletionFunc("for", a.completeNames)
	a.pictureFlags(c)
	return c
}

// readInput returns the bytes of an image file, or of standard input for "-".
func (a *app) readInput(path string) ([]byte, error) {
	if path == "-" {
		return readAtMost(a.stdin, "standard input", zoo.MaxPicture)
	}
	data, err := zoo.ReadPicture(path)
	if err != nil {
		return nil, &usageError{err}
	}
	return data, nil
}

// readAtMost returns all of r, which is an error when there are more bytes than limit.
func readAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: expected at most %d bytes, found more", name, limit)
	}
	if err != nil {
		return nil, &usageError{err}
	}
	return data, nil
}

// writePNG writes an image to the file that a flag names.
func (a *app) writePNG(ctx context.Context, flag, path string, img image.Image) error {
	return a.writeFile(ctx, flag, path, func(w io.Writer) error { return png.Encode(&heeding{ctx, w}, img) })
}
