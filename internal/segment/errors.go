package segment

import (
	"errors"
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// What can be wrong, besides fs.ErrExist, fs.ErrNotExist, fs.ErrPermission and
// errors.ErrUnsupported. Package shm documents them for users.
var (
	ErrName      = errors.New("invalid name")
	ErrSize      = layout.ErrSize
	ErrSpace     = mapping.ErrSpace
	ErrNotPlain  = layout.ErrNotPlain
	ErrMismatch  = layout.ErrMismatch
	ErrCorrupt   = layout.ErrCorrupt
	ErrUntrusted = errors.New("owner is not trusted")
	ErrFull      = liveness.ErrFull
	ErrInUse     = errors.New("object is in use")
	ErrClosed    = errors.New("segment is closed")
)

// wrap says which operation on which segment failed.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("isthmus: %s segment %q: %w", op, name, err)
}
