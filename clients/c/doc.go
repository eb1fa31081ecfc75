// Package c has isthmus.h, a client of segments in C, and its tests: see README.md.
package c

import _ "embed"

// Header is the text of isthmus.h, for programs in Go that compile one in C.
//
//go:embed isthmus.h
var Header string
