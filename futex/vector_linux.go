//go:build !isthmus_nofutex

package futex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const maxVector = 128 // FUTEX_WAITV_MAX

// A vector is the argument of futex_waitv. If the context can be cancelled, its
// first element is the vector's own cancel word, private to this process.
type vector struct {
	cancelled uint32 // set to 1 by cancel, and never back while cancel may still run
	cancel    func()
	waiters   []waiter
	addrs     []*uint32 // of the waiters, for the garbage collector
}

var vectors = sync.Pool{New: func() any {
	v := new(vector)
	v.cancel = func() {
		atomic.StoreUint32(&v.cancelled, 1)
		futexWakePrivate(&v.cancelled)
	}
	return v
}}

// waitVector waits until one of the words is woken or differs. Its error is
// errors.ErrUnsupported if the kernel cannot do it.
//
// The kernel returns the last of the elements that were woken. The cancel word
// comes first, so that a wake of a word is never lost to a cancellation.
func waitVector(ctx context.Context, words []Word, at instant) (int, error) {
	v := vectors.Get().(*vector)
	first, stop := 0, func() bool { return true }
	if ctx.Done() != nil {
		first = 1
		v.add(&v.cancelled, 0, futexPrivate)
		stop = context.AfterFunc(ctx, v.cancel)
	}
	for _, w := range words {
		v.add(w.Addr, w.Old, 0)
	}
	defer func() {
		clear(v.addrs)
		v.addrs, v.waiters = v.addrs[:0], v.waiters[:0]
		if stop() {
			vectors.Put(v)
		}
	}()
	for {
		i, errno := v.wait(at)
		switch {
		case errno == 0 && i >= first:
			return i - first, nil
		case atomic.LoadUint32(&v.cancelled) != 0:
			return 0, ctx.Err()
		case errno == 0 || errno == unix.EINTR:
		case errno == unix.EAGAIN:
			if i := changed(words); i >= 0 {
				return i, nil
			}
		case errno == unix.ETIMEDOUT:
			return 0, os.ErrDeadlineExceeded
		case refused(errno):
			noWaitv.Store(true)
			return 0, errors.ErrUnsupported
		default:
			return 0, fmt.Errorf("isthmus: futex wait: %w", errno)
		}
	}
}
