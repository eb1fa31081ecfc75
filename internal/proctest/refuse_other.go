//go:build !linux

package proctest

import "errors"

// Refuse makes the kernel fail calls as one without them would. Only Linux can.
func Refuse(calls ...string) error { return errors.ErrUnsupported }
