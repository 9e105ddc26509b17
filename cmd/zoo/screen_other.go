//go:build !windows

package main

import "os"

// showsColours reports whether a terminal obeys sequences of colour.
func showsColours(*os.File) bool { return true }
