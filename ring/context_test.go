package ring_test

import (
	"context"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
)

// cram pushes message 0 until it does not fit, and returns how often it did.
func cram(p producer) (k int) {
	for p.TryPush(0) == nil {
		k++
	}
	return k
}

// expectCancelled checks an error that a context's end has caused.
func expectCancelled(t *testing.T, what string, err, want error) {
	t.Helper()
	checkIs(t, what, err, want)
	if !strings.Contains(err.Error(), `"ends"`) {
		t.Errorf("%s: %q does not name the ring", what, err)
	}
}

// TestBadContext has contexts that have ended before, and none at all.
func TestBadContext(t *testing.T) {
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, 4)
			proctest.Check(t, p.Push(background, 1))
			ended, cancel := context.WithCancel(background)
			cancel()
			for _, operations := range []map[string]func(context.Context) error{pushes(p), pops(c)} {
				for what, op := range operations {
					expectCancelled(t, what, op(ended), context.Canceled)
					expectCancelled(t, what, op(nil), fs.ErrInvalid)
				}
			}
			expectCancelled(t, "All", onlyError(t, c.All(ended)), context.Canceled)
			var none context.Context
			expectCancelled(t, "All", onlyError(t, c.All(none)), fs.ErrInvalid)
			expectPop(t, c, q, 1) // nothing was pushed or popped
			expectEmpty(t, c, q)
		})
	}
}

// onlyError returns the error that an iterator yields instead of messages.
func onlyError(t *testing.T, seq iter.Seq2[uint64, error]) (only error) {
	t.Helper()
	for n, err := range seq {
		if err == nil || only != nil {
			t.Errorf("All yields %d, %v after %v", n, err, only)
		}
		only = err
	}
	return only
}

// TestCancelled ends the context of operations that wait.
func TestCancelled(t *testing.T) {
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, 2)
			k := cram(p)
			for what, push := range pushes(p) {
				expectPrompt(t, what, push, q.PushWaiting)
			}
			for range k {
				expectPop(t, c, q, 0)
			}
			expectEmpty(t, c, q)
			for what, pop := range pops(c) {
				expectPrompt(t, what, pop, q.PopWaiting)
			}
			expectPrompt(t, "All", func(ctx context.Context) error {
				return onlyError(t, c.All(ctx))
			}, q.PopWaiting)
			proctest.Check(t, p.Push(background, 5))
			expectPop(t, c, q, 5)
		})
	}
}

func expectPrompt(t *testing.T, what string, op func(context.Context) error, asleep func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	returned := proctest.Go(func() error { return op(ctx) })
	proctest.Until(t, what+" waits", asleep)
	cancel()
	cancelled := time.Now()
	expectCancelled(t, what, proctest.Result(t, returned), context.Canceled)
	t.Logf("%s has returned after %v", what, time.Since(cancelled))

	ctx, cancel = context.WithTimeout(background, time.Millisecond)
	defer cancel()
	expectCancelled(t, what, op(ctx), context.DeadlineExceeded)
}
