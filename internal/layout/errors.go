package layout

import "errors"

var (
	// ErrSize reports a size, capacity or limit outside of what a segment can have.
	ErrSize = errors.New("invalid size")
	// ErrNotPlain reports an element type that cannot be shared between processes.
	ErrNotPlain = errors.New("type is not plain")
	// ErrMismatch reports two sides that disagree: what exists, and what was asked for.
	ErrMismatch = errors.New("mismatch")
	// ErrCorrupt reports a file that is not a whole, consistent segment.
	ErrCorrupt = errors.New("not a valid segment")
)
