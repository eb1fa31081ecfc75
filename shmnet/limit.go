package shmnet

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/wait"
)

// limit ends what waits on one side of a connection: a deadline, which may be set anew, or
// the end of that side, which is for good. It wakes who sleeps on the side's Event, which is
// nobody but this side. (A peer that spoils the Event can keep the wake back, until the sleeper's next
// look for the dead.)
type limit struct {
	over   atomic.Bool   // why is an error
	passed atomic.Uint64 // how often that has begun
	seen   uint64        // passed when this side began to wait, guarded by its lock
	event  *wait.Event

	mu    sync.Mutex
	why   error       // it is over
	final bool        // it stays so
	timer *time.Timer // of the deadline, nil if there is none to come
}

// err returns why it is over, or nil.
func (l *limit) err() error {
	if !l.over.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// wait waits until now, or later on later, reports true. What it calls later on has to look for the
// limit too (cut). Whoever sleeps calls stalled now and then.
func (l *limit) wait(now, later func() bool, stalled func()) error {
	l.seen = l.passed.Load()
	if err := l.err(); err != nil {
		return err
	}
	if now() {
		return nil
	}
	if err := l.event.AwaitEach(context.Background(), later, stalled); err != nil || !l.cut() {
		return err
	}
	if err := l.err(); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded // and somebody has set it anew already
}

// cut reports whether the limit has come since this side began to wait.
func (l *limit) cut() bool { return l.passed.Load() != l.seen }

// set sets the deadline. The zero time means none.
func (l *limit) set(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.final {
		return
	}
	l.stop()
	l.why = nil
	l.over.Store(false)
	if t.IsZero() {
		return
	}
	d := time.Until(t)
	if d <= 0 {
		l.pass(os.ErrDeadlineExceeded)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.timer == timer {
			l.pass(os.ErrDeadlineExceeded)
		}
	})
	l.timer = timer
}

// end is the end of that side.
func (l *limit) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.final = true
	l.stop()
	l.pass(why)
}

// pass makes it over. The caller has the lock, as that of stop.
func (l *limit) pass(why error) {
	l.why = why
	l.over.Store(true)
	l.passed.Add(1)
	wake(l.event)
}

func (l *limit) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
