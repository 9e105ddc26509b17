// Package kernel holds the inner loops of decoding and scaling images. Those that end in
// Generic are in Go and say what is computed, to the bit; the functions of the same name
// without that ending compute the same, in vector instructions where package cpu offers
// them. It knows no file formats.
package kernel
