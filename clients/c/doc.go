// Package c has tests of isthmus.h, a client of segments in C: see README.md. It has no Go
// code of its own.
package c
