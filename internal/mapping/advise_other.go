//go:build !linux

package mapping

import "errors"

func populate(mem []byte) error {
	touch(mem)
	return nil
}

func hugePages([]byte) error { return errors.ErrUnsupported }

const noReserve = 0
