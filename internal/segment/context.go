package segment

import (
	"context"
	"fmt"
	"io/fs"
)

// CheckContext returns an error that names the object if ctx is nil, which is
// fs.ErrInvalid, or has ended.
func CheckContext(ctx context.Context, kind, object string) error {
	if ctx == nil {
		return fmt.Errorf("isthmus: %s %q: nil context: %w", kind, object, fs.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("isthmus: %s %q: %w", kind, object, err)
	}
	return nil
}
