//go:build !race

// Package race says whether the race detector watches this program: what measures memory,
// time or allocations has nothing to say there, and portable kernels, which have no races in
// them, take minutes.
package race

// Enabled reports that the program was built with -race.
const Enabled = false
