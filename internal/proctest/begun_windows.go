package proctest

import (
	"errors"

	"golang.org/x/sys/windows"
)

// notBegun reports whether a process was given up before it ran anything, as Wine
// does now and then.
func notBegun(err error) bool { return errors.Is(err, windows.ERROR_INTERNAL_ERROR) }
