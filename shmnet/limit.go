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
// the end of that side, which is for good.
type limit struct {
	turn chan struct{} // has one while somebody of that side is in an operation, which may take long: see ReadFrom
	over atomic.Bool   // err says why

	mu     sync.Mutex
	why    error           // it is over
	final  bool            // it stays so
	ctx    context.Context // of those who wait, until it is over; nil if nobody has
	cancel context.CancelFunc
	timer  *time.Timer // of the deadline, nil if there is none to come
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

// enter waits for the turn of that side, unless it is over first.
func (l *limit) enter() error {
	select {
	case l.turn <- struct{}{}:
		return nil
	default:
	}
	ctx, err := l.context()
	if err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return l.reason()
	}
}

func (l *limit) leave() { <-l.turn }

// reason returns why the context of one who waited has ended.
func (l *limit) reason() error {
	if err := l.err(); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded // and somebody has set it anew already
}

// wait waits until now, or later on while it sleeps on e, reports true. Whoever sleeps calls stalled
// now and then.
func (l *limit) wait(e *wait.Event, now, later func() bool, stalled func()) error {
	if l.over.Load() {
		if err := l.err(); err != nil {
			return err
		}
	}
	if now() {
		return nil
	}
	ctx, err := l.context()
	if err != nil {
		return err
	}
	if e.Await(ctx, later, stalled) == nil {
		return nil
	}
	return l.reason()
}

// context returns the context of those who wait.
func (l *limit) context() (context.Context, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return nil, l.why
	}
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
	}
	return l.ctx, nil
}

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
	if l.ctx != nil {
		l.cancel()
		l.ctx, l.cancel = nil, nil
	}
}

func (l *limit) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
