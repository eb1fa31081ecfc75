//go:build !unix && !windows

package liveness

import (
	"errors"
	"os"
)

func newLocks(*os.File) (locks, error) { return nil, errors.ErrUnsupported }
