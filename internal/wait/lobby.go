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
	seats map[*uint32]*seat // by the word of the Event, guarded by mu
}

type seat struct {
	event Event
	queue Queue
	users int // guarded by the Lobby's mu
}

// Init makes an empty Lobby. All handles of one object in one process must share it.
func (l *Lobby) Init(owner Owner) { l.owner, l.seats = owner, map[*uint32]*seat{} }

// Await is that of the Event with that word.
func (l *Lobby) Await(ctx context.Context, word *uint32, try func() bool, stalled func()) error {
	s := l.enter(word, func(s *seat) { s.event = NewEvent(word, l.owner) })
	defer l.leave(word)
	return s.event.Await(ctx, try, stalled)
}

// AwaitTurn is Await of a Queue, with those words, that nobody shares.
func (l *Lobby) AwaitTurn(ctx context.Context, words *Words, take func(first bool) bool, stalled func()) error {
	s := l.enter(&words.events[0], func(s *seat) { s.queue.Init(words, l.owner, false) })
	defer l.leave(&words.events[0])
	return s.queue.Await(ctx, take, stalled)
}

func (l *Lobby) enter(word *uint32, init func(*seat)) *seat {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seats[word]
	if s == nil {
		s = &seat{}
		init(s)
		l.seats[word] = s
	}
	s.users++
	return s
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

// WakeAll wakes all who sleep on the Event with that word. Call it if Asleep.
func WakeAll(word *uint32) { notify(word, Everybody) }
