//go:build !linux

package ring_test

import "errors"

func forbidBarriers() error { return errors.ErrUnsupported }
