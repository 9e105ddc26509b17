package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// showsColours reports whether a console obeys sequences of colour, which it has to be told to.
func showsColours(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
