package futex_test

import (
	"context"
	"errors"
	"math"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestBadArguments(t *testing.T) {
	var word uint32
	var none context.Context
	cancelled, cancel := context.WithCancel(background)
	cancel()
	expired, cancel := context.WithDeadline(background, time.Unix(1, 0))
	defer cancel()
	words := []futex.Word{{Addr: &word}}
	for _, test := range []struct {
		name string
		call func() error
		want error
		text string
	}{
		{"nil context", func() error { return futex.Wait(none, &word, 0) },
			futex.ErrNilContext, "isthmus: futex wait: nil context"},
		{"nil context, any", func() error { _, err := futex.WaitAny(none, words); return err },
			futex.ErrNilContext, "isthmus: futex wait any: nil context"},
		{"nil address", func() error { return futex.Wait(background, nil, 0) },
			futex.ErrNilAddr, "isthmus: futex wait: nil address"},
		{"nil address, any", func() error {
			_, err := futex.WaitAny(background, append(words, futex.Word{}))
			return err
		}, futex.ErrNilAddr, "isthmus: futex wait any: word 1: nil address"},
		{"no words", func() error { _, err := futex.WaitAny(background, nil); return err },
			futex.ErrNoWords, "isthmus: futex wait any: no words to wait on"},
		{"cancelled", func() error { return futex.Wait(cancelled, &word, 0) },
			context.Canceled, "context canceled"},
		{"cancelled, any", func() error { _, err := futex.WaitAny(cancelled, words); return err },
			context.Canceled, "context canceled"},
		{"cancelled, differs", func() error { return futex.Wait(cancelled, &word, 1) },
			context.Canceled, "context canceled"},
		{"expired", func() error { return futex.Wait(expired, &word, 0) },
			context.DeadlineExceeded, "context deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.call()
			if !errors.Is(err, test.want) || err.Error() != test.text {
				t.Errorf("got %v, expected %q", err, test.text)
			}
		})
	}
	for _, n := range []int{-1, 0, 1} {
		if got := futex.Wake(nil, n); got != 0 {
			t.Errorf("Wake(nil, %d) = %d", n, got)
		}
	}
}

func TestNative(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		if got, want := futex.Native(), os.Getenv(envMode) != "poll"; got != want {
			t.Errorf("Native() = %v", got)
		}
	})
}

func TestValueDiffers(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			for _, value := range []uint32{0, 1, 1 << 31, math.MaxUint32} {
				word := value
				if err := futex.Wait(ctx, &word, value+1); err != nil {
					t.Errorf("%s: Wait with %#x: %v", kind, value, err)
				}
				past := time.Now().Add(-time.Second)
				if err := futex.WaitUntil(ctx, &word, value+1, past); err != nil {
					t.Errorf("%s: WaitUntil with %#x: %v", kind, value, err)
				}
				// All 32 bits count.
				if err := futex.WaitUntil(ctx, &word, value, past); err != os.ErrDeadlineExceeded {
					t.Errorf("%s: WaitUntil with %#x: %v", kind, value, err)
				}
			}
		}
	})
}

func TestDeadline(t *testing.T) {
	const limit = 30 * time.Millisecond
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			var word uint32
			begin := time.Now()
			for name, deadline := range map[string]time.Time{
				"monotonic": begin.Add(limit),
				"wall":      begin.Round(0).Add(limit),
				"past":      begin.Add(-time.Hour),
				"ancient":   time.Unix(0, 0).Add(-100 * 365 * 24 * time.Hour),
			} {
				waiter := proctest.Go(func() (err error) {
					for err == nil { // spurious wakes are allowed
						err = futex.WaitUntil(ctx, &word, 0, deadline)
					}
					return err
				})
				if err := proctest.Result(t, waiter); err != os.ErrDeadlineExceeded {
					t.Errorf("%s, %s: %v", kind, name, err)
				}
				if early := time.Until(deadline); early > 0 {
					t.Errorf("%s, %s: returned %v before the deadline", kind, name, early)
				}
			}
		}
	})
}

// TestFarDeadline waits with deadlines that 32 or 64 bits can hardly hold.
func TestFarDeadline(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			for _, deadline := range []time.Time{
				{},
				time.Now().Add(100 * 365 * 24 * time.Hour),
				time.Unix(1<<40, 0),
			} {
				var word uint32
				waiter := proctest.Go(func() error {
					for atomic.LoadUint32(&word) == 0 {
						if err := futex.WaitUntil(ctx, &word, 0, deadline); err != nil {
							return err
						}
					}
					return nil
				})
				wakeSleeper(t, &word)
				wakeSleeper(t, &word)
				atomic.StoreUint32(&word, 1)
				futex.Wake(&word, 1)
				if err := proctest.Result(t, waiter); err != nil {
					t.Errorf("%s, %v: %v", kind, deadline, err)
				}
			}
		}
	})
}

// TestDeadlineUnderWakes wakes a waiter again and again. A deadline that began
// anew each time would never come.
func TestDeadlineUnderWakes(t *testing.T) {
	const limit = 50 * time.Millisecond
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			var word uint32
			deadline := time.Now().Add(limit)
			waiter := proctest.Go(func() (err error) {
				for err == nil {
					err = futex.WaitUntil(ctx, &word, 0, deadline)
				}
				return err
			})
			proctest.Until(t, "the deadline comes", func() bool {
				futex.Wake(&word, 1)
				return len(waiter) == 1
			})
			if err := proctest.Result(t, waiter); err != os.ErrDeadlineExceeded || time.Now().Before(deadline) {
				t.Errorf("%s: %v, %v after the deadline", kind, err, time.Since(deadline))
			}
		}
	})
}

// TestCancel cancels waits when they are about to sleep, and when they do.
func TestCancel(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for i := range 100 {
			var words [3]uint32
			ctx, cancel := context.WithCancel(background)
			one := proctest.Go(func() (err error) {
				for err == nil {
					err = futex.Wait(ctx, &words[0], 0)
				}
				return err
			})
			several := proctest.Go(func() (err error) {
				for err == nil {
					_, err = futex.WaitAny(ctx, []futex.Word{{Addr: &words[1]}, {Addr: &words[2]}})
				}
				return err
			})
			for range i * i {
				atomic.LoadUint32(&words[0])
			}
			cancel()
			if err := proctest.Result(t, one); err != context.Canceled {
				t.Fatalf("Wait: %v", err)
			}
			if err := proctest.Result(t, several); err != context.Canceled {
				t.Fatalf("WaitAny: %v", err)
			}
		}
	})
}

func TestContextDeadline(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		var word uint32
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		defer cancel()
		waiter := proctest.Go(func() (err error) {
			for err == nil {
				err = futex.WaitUntil(ctx, &word, 0, time.Now().Add(time.Hour))
			}
			return err
		})
		if err := proctest.Result(t, waiter); err != context.DeadlineExceeded {
			t.Error(err)
		}
	})
}
