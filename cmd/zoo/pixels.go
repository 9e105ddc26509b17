package main

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo/vision"
)

func (a *app) pixelsCommand() *cobra.Command {
	var name, output string
	c := &cobra.Command{
		Use:   "pixels IMAGE -o OUT.png",
		Short: "Write what the decoder, or a model's preprocessing, makes of an image",
		Long: `Write the pixels of an image, as the reference decodes them, to an 8-bit RGB PNG file; with --for
those that a model's network sees: resized and cropped, before normalisation. An IMAGE of - is
read from standard input, an OUT of - written to standard output.`,
		Example: "  zoo pixels bird.jpg --for cspresnet50_3rdparty_8xb32_in1k -o seen.png",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.formatOf(); err != nil {
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
				if pipeline, err = z.Preprocessing(name); err != nil {
					return err
				}
			}
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			img, err := vision.Decode(data, pipeline.DecodeOptions())
			if err == nil && name != "" {
				img, err = pipeline.Pixels(img)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := a.writePNG(cmd.Context(), "-o", output, img); err != nil {
				return err
			}
			a.hint("%s: %d x %d pixels", output, img.W, img.H)
			return nil
		},
	}
	c.Flags().StringVar(&name, "for", "", "registry name of the model whose preprocessing is applied")
	c.Flags().StringVarP(&output, "output", "o", "", "PNG file to write, - being standard output")
	c.RegisterFlagCompletionFunc("for", a.completeNames)
	return c
}

// maxInput bounds an image file, in bytes: every format is smaller than this at the
// largest size that is decoded, but for uncompressed ones of 16 bits.
const maxInput = 1 << 29

// readInput returns the bytes of an image file, or of standard input for "-".
func (a *app) readInput(path string) ([]byte, error) {
	if path == "-" {
		return readAtMost(a.stdin, "standard input", maxInput)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &usageError{err}
	}
	defer f.Close()
	return readAtMost(f, path, maxInput)
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
	return a.writeFile(ctx, flag, path, func(w io.Writer) error { return png.Encode(w, img) })
}
