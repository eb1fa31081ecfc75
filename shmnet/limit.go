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
	turn   chan struct{} // has one while somebody of this side is in an operation, which may take long: see ReadFrom
	over   atomic.Bool   // why is an error
	passed atomic.Uint64 // how often that has begun
	seen   uint64        // passed when this side began to wait, guarded by the turn
	event  *wait.Event

	mu    sync.Mutex
	why   error         // it is over
	final bool          // it stays so
	ended chan struct{} // closed when it is over; nil if nobody waits for the turn
	timer *time.Timer   // of the deadline, nil if there is none to come
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

// enter waits for the turn of this side, unless it is over first.
func (l *limit) enter() error {
	select {
	case l.turn <- struct{}{}:
		return nil
	default:
	}
	ended, err := l.whenOver()
	if err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ended:
		return l.reason()
	}
}

func (l *limit) leave() { <-l.turn }

// whenOver returns what is closed when it is over
func (l *limit) whenOver() (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return nil, l.why
	}
	if l.ended == nil {
		l.ended = make(chan struct{})
	}
	return l.ended, nil
}

// reason returns why it was over for one who waited.
func (l *limit) reason() error {
	if err := l.err(); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded // and somebody has set it anew already
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
	return l.reason()
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
	if l.ended != nil {
		close(l.ended)
		l.ended = nil
	}
}

func (l *limit) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
