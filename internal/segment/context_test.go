package segment

import (
	"context"
	"errors"
	"io/fs"
	"testing"
)

func TestCheckContext(t *testing.T) {
	var none context.Context
	wantError(t, "nil", CheckContext(none, "lock", "mu"), fs.ErrInvalid, `lock "mu"`, "nil context")
	ctx, cancel := context.WithCancel(context.Background())
	if err := CheckContext(ctx, "lock", "mu"); err != nil {
		t.Error(err)
	}
	cancel()
	wantError(t, "cancelled", CheckContext(ctx, "lock", "mu"), context.Canceled, `lock "mu"`)
	ctx, cancel = context.WithTimeout(context.Background(), 0)
	defer cancel()
	if err := CheckContext(ctx, "lock", "mu"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
