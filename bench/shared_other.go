//go:build !unix

package main

import (
	"errors"
	"os"
)

const crossProcess = false

func newShared() (*os.File, error) { return nil, errors.ErrUnsupported }

func mapShared(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }

func descriptorRows() []row { return nil }

func connRows() []row { return nil }

func callRows() []row { return nil }

func tokenRows() []row { return nil }

func sharedPipeRows() []row { return nil }

func pythonRows() []row { return nil }

func pythonClientRows() []row { return nil }

func pythonPoolRows() []row { return nil }
