package wait

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Lobby is this process's side of Events and Queues that are too many to keep one
// for each word: it has those that somebody of this process waits for. Wakers need
// the words only.
type Lobby struct {
	owner Owner
	mu    sync.Mutex
	seats map[*uint32]*seat // by the Event's word, guarded by mu
}

type seat struct {
	queue Queue
	users int // guarded by the Lobby's mu
}

// Init makes an empty Lobby. All handles of one object in one process must share it.
func (l *Lobby) Init(owner Owner) { l.owner, l.seats = owner, map[*uint32]*seat{} }

// Await is that of the Event with that word.
func (l *Lobby) Await(ctx context.Context, word *uint32, try func() bool, stalled func()) error {
	q := l.enter(word, nil)
	defer l.leave(word)
	return q.Event.Await(ctx, try, stalled)
}

// AwaitTurn is Await of the Queue with those words.
func (l *Lobby) AwaitTurn(ctx context.Context, word *uint32, priority *uint64, take func(first bool) bool, stalled func()) error {
	q := l.enter(word, priority)
	defer l.leave(word)
	return q.Await(ctx, take, stalled)
}

func (l *Lobby) enter(word *uint32, priority *uint64) *Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seats[word]
	if s == nil {
		s = &seat{}
		s.queue.Init(word, priority, l.owner)
		l.seats[word] = s
	}
	s.users++
	return &s.queue
}

func (l *Lobby) leave(word *uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.seats[word]; s.users > 1 {
		s.users--
	} else {
		delete(l.seats, word)
	}
}

// Asleep is Waiting of the Event with that word.
func Asleep(word *uint32) bool { return atomic.LoadUint32(word)&waiting != 0 }

// Barred is that of the Queue with that priority word.
func Barred(priority *uint64) bool { return atomic.LoadUint64(priority) > beatMask }

// WakeAll wakes all who sleep on the Event with that word. Call it if Asleep.
func WakeAll(word *uint32) { (&Event{word: word}).Notify(Everybody) }

// WakeTurn wakes who is next in the Queue with those words. Call it if Asleep.
func WakeTurn(word *uint32, priority *uint64) {
	(&Queue{Event: Event{word: word}, priority: priority}).Wake(1)
}
