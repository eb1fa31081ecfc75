//go:build !linux

package main

// system checks what is there on systems that have no calls but those of package futex.
func system(string) []Check { return futexes() }
