package main

import address "github.com/gozoo/zoo/printable"

// shown returns an address as every command prints it: without what it may hold in confidence.
func shown(url string) string { return address.Shown(url) }
