package main

import "os"

// newPipe returns the ends to read and to write.
func newPipe() ([2]*os.File, error) {
	in, out, err := os.Pipe()
	if err == nil {
		growPipe(out, bufferSize)
	}
	return [2]*os.File{in, out}, err
}
