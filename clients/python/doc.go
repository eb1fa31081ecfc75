// Package python has tests of a client of segments in Python: see README.md. It has no Go
// code of its own.
package python
