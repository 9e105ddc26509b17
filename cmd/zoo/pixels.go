package main

import (
	"bytes"
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
read from standard input.`,
		Example: "  zoo pixels bird.jpg --for cspresnet50_3rdparty_8xb32_in1k -o seen.png",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
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
			if err := writePNG(output, img); err != nil {
				return err
			}
			a.hint("%s: %d x %d pixels", output, img.W, img.H)
			return nil
		},
	}
	c.Flags().StringVar(&name, "for", "", "registry name of the model whose preprocessing is applied")
	c.Flags().StringVarP(&output, "output", "o", "", "PNG file to write")
	c.RegisterFlagCompletionFunc("for", a.completeNames)
	return c
}

// readInput returns the bytes of a file, or of standard input for "-".
func (a *app) readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(a.stdin)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageError{err}
	}
	return data, nil
}

// writePNG writes an image to a file.
func writePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
