//go:build !amd64 || purego

package cpu

// Written tells whether this build has code for levels above Generic.
const Written = false

func detect() Level { return Generic }
