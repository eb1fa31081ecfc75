//go:build !linux

package proctest

import (
	"errors"
	"syscall"
)

// Refuse makes the kernel fail calls by errno from now on. Only Linux can.
func Refuse(errno syscall.Errno, calls ...string) error { return errors.ErrUnsupported }
