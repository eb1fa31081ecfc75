package segment

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestRefCheckContext(t *testing.T) {
	s := &Segment{name: "jobs"}
	mu := s.Ref(layout.KindLock, "mu")
	var none context.Context
	proctest.WantError(t, "nil", mu.CheckContext(none), fs.ErrInvalid, `lock "mu" in segment "jobs"`, "nil context")
	ctx, cancel := context.WithCancel(context.Background())
	if err := mu.CheckContext(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	proctest.WantError(t, "cancelled", mu.CheckContext(ctx), context.Canceled, `lock "mu" in segment "jobs"`)
	ctx, cancel = context.WithTimeout(context.Background(), 0)
	defer cancel()
	if err := mu.CheckContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
