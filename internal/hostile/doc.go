// Package hostile has tests and nothing else: what a segment does to those who
// use it when its bytes are not what the protocols say, when another process
// writes to them all the time, and when the machine runs out of something.
//
// A test program is a sequence of bytes: patches of a valid segment, and
// operations on it. The fuzz targets get theirs from the fuzzer, and TestRuns
// makes them at random, as many as its flag says. The segment lies between
// pages that cannot be touched, so that an access past it is a fault.
package hostile
