package segment

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestCheckContext(t *testing.T) {
	s := &Segment{name: "jobs"}
	var none context.Context
	proctest.WantError(t, "nil", s.CheckContext(none, "lock", "mu"), fs.ErrInvalid, `lock "mu" in segment "jobs"`, "nil context")
	ctx, cancel := context.WithCancel(context.Background())
	if err := s.CheckContext(ctx, "lock", "mu"); err != nil {
		t.Error(err)
	}
	cancel()
	proctest.WantError(t, "cancelled", s.CheckContext(ctx, "lock", "mu"), context.Canceled, `lock "mu" in segment "jobs"`)
	ctx, cancel = context.WithTimeout(context.Background(), 0)
	defer cancel()
	if err := s.CheckContext(ctx, "lock", "mu"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
