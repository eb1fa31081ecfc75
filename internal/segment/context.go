package segment

import (
	"context"
	"fmt"
	"io/fs"
)

// CheckContext returns an error that names the object if ctx is nil, which is
// fs.ErrInvalid, or has ended.
func (s *Segment) CheckContext(ctx context.Context, kind, object string) error {
	if ctx == nil {
		return s.Fault(kind, object, fmt.Errorf("nil context: %w", fs.ErrInvalid))
	}
	if err := ctx.Err(); err != nil {
		return s.Fault(kind, object, err)
	}
	return nil
}
