package wait

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Lobby is this process's side of Queues that are too many to keep one for each: it
// has those that somebody of this process waits in. Wakers need the words only.
type Lobby struct {
	owner Owner
	mu    sync.Mutex
	seats map[*Words]*seat // guarded by mu
}

type seat struct {
	queue Queue
	users int // guarded by the Lobby's mu
}

// Init makes an empty Lobby. All handles of one object in one process must share it.
func (l *Lobby) Init(owner Owner) { l.owner, l.seats = owner, map[*Words]*seat{} }

// Await is that of a Queue, with those words, whose holder is one at a time.
func (l *Lobby) Await(ctx context.Context, words *Words, take func(first bool) bool, stalled func()) error {
	q := l.enter(words)
	defer l.leave(words)
	return q.Await(ctx, take, stalled)
}

func (l *Lobby) enter(words *Words) *Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seats[words]
	if s == nil {
		s = &seat{}
		s.queue.Init(words, l.owner, false)
		l.seats[words] = s
	}
	s.users++
	return &s.queue
}

func (l *Lobby) leave(words *Words) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.seats[words]; s.users > 1 {
		s.users--
	} else {
		delete(l.seats, words)
	}
}

// Asleep is Waiting of the Event with that word.
func Asleep(word *uint32) bool { return atomic.LoadUint32(word)&waiting != 0 }

// WakeAll wakes all who sleep on the Event with that word. Call it if Asleep.
func WakeAll(word *uint32) { notify(word, Everybody, nil) }
