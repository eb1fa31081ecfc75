//go:build !linux

package segment

import (
	"errors"
	"os"
)

// Anonymous makes a segment without a name, which children inherit.
func Anonymous(int64, *Options) (*Segment, error) {
	return nil, wrap("create", anonymousName, errors.ErrUnsupported)
}

// FromFile opens the segment in f, which stays the caller's.
func FromFile(*os.File, *Options) (*Segment, error) {
	return nil, wrap("open", anonymousName, errors.ErrUnsupported)
}
