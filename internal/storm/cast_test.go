package storm

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A castLog says what each source has pushed: each claim of the producer's role is one. They
// come one after the other.
type castLog struct {
	stop    uint64
	next    uint64 // number of the next source
	evicted uint64 // subscribers
	sources [maxHands]tally
	heard   [maxHands][listeners]uint64 // messages that each subscriber has got
}

const listeners = 2 // of each hand

func openCast(t proctest.Fataler, seg *shm.Segment, args string, opts ...ring.Option) *ring.Broadcast[message] {
	var slots, lossless int
	_, err := fmt.Sscan(args, &slots, &lossless)
	proctest.Check(t, err)
	if lossless == 1 {
		opts = append(opts, ring.Lossless)
	}
	return proctest.Must(ring.NewBroadcast[message](seg, "cast", slots, opts...))(t)
}

// castID names a message of a source.
func castID(source, seq uint64) uint64 { return source<<32 | seq }

// A caster is the producer. It closes the ring in the end.
var _ = crewOf("caster", func(m *mate[castLog]) {
	b := openCast(m, m.seg, m.args)
	p := proctest.Must(b.Producer())(m)
	source := next(&m.log.next)
	src := &m.log.sources[source]
	for get(&m.log.stop) == 0 {
		if m.rnd.IntN(16) == 0 {
			m.dawdle()
		}
		batch := make([]message, 1+m.rnd.IntN(fewAtOnce))
		for i := range batch {
			batch[i] = newMessage(castID(source, src.done+uint64(i)))
		}
		way := m.rnd.IntN(4)
		if way < 3 {
			batch = batch[:1]
		}
		set(&src.begun, src.done+uint64(len(batch)))
		var err error
		switch way {
		case 0:
			err = p.TryPush(batch[0])
		case 1:
			err = p.Push(background, batch[0])
		case 2:
			_, err = shm.Select(background, p.PushCase(&batch[0]))
		default:
			_, err = p.PushAll(background, batch)
		}
		if err == ring.ErrFull {
			set(&src.begun, src.done)
			continue
		}
		m.Check(err)
		set(&src.done, src.begun)
	}
	m.Check(p.Close())
})

var _ = crewOf("listener", func(m *mate[castLog]) { listen(m, 0) }, func(m *mate[castLog]) { listen(m, 1) })

// listen subscribes, again and again, until the ring is closed.
func listen(m *mate[castLog], i int) {
	b := openCast(m, m.seg, m.args, ring.FailOnDeath)
	for {
		l := &listener{mate: m, heard: &m.log.heard[m.hand][i], lossless: m.args[len(m.args)-1] == '1'}
		from := ring.Start(m.rnd.IntN(2))
		if from == ring.FromNow {
			if l.source = get(&m.log.next); l.source > 0 {
				l.source--
			}
			l.seq = get(&m.log.sources[l.source].done)
		}
		s := proctest.Must(b.Subscribe(from))(m)
		for left := m.rnd.IntN(1000); left > 0; left-- {
			if m.rnd.IntN(16) == 0 {
				m.dawdle()
			}
			err := l.pop(s)
			var lapped *ring.LappedError
			switch {
			case errors.As(err, &lapped) && !l.lossless && lapped.Missed > 0:
				l.missed += lapped.Missed
			case errors.Is(err, ring.ErrClosed):
				l.mustHaveAll()
				return
			case errors.Is(err, ring.ErrEvicted) && get(&m.log.evicted) > 0:
				left = 0
			case errors.Is(err, ring.ErrPeerDied):
				time.Sleep(100 * time.Microsecond) // until there is a successor
			case err != ring.ErrEmpty && !errors.Is(err, context.DeadlineExceeded):
				m.Check(err)
			}
		}
		if err := s.Detach(); !errors.Is(err, ring.ErrEvicted) {
			m.Check(err)
		}
	}
}

// A listener knows which message it gets next, or, before it has got any, which is the
// first that it can get.
type listener struct {
	*mate[castLog]
	heard       *uint64
	lossless    bool
	any         bool
	source, seq uint64
	missed      uint64 // as it was told, since the last message
}

// pop pops a message or some.
func (l *listener) pop(s *ring.Subscriber[message]) (err error) {
	ctx, cancel := context.WithTimeout(background, time.Duration(l.rnd.IntN(1000))*time.Microsecond)
	defer cancel()
	if l.rnd.IntN(2) == 0 {
		ctx = background
	}
	var got [fewAtOnce]message
	n := 1
	switch l.rnd.IntN(4) {
	case 0:
		got[0], err = s.TryPop()
	case 1:
		got[0], err = s.Pop(ctx)
	case 2:
		_, err = shm.Select(ctx, s.PopCase(&got[0]))
	default:
		n, err = s.PopInto(ctx, got[:])
	}
	if err != nil {
		return err
	}
	for _, v := range got[:n] {
		l.got(v)
	}
	return nil
}

// got sees that a message is the next one, after as many as were missed.
func (l *listener) got(v message) {
	source, seq := v[0]>>32, v[0]&(1<<32-1)
	if !v.whole() || source >= get(&l.log.next) || seq >= get(&l.log.sources[source].begun) {
		l.Fatalf("message %x is torn, or was never pushed", v)
	}
	switch {
	case !l.any && source == l.source && seq < l.seq, source < l.source:
		l.Fatalf("message %d of source %d comes after, or was pushed before, message %d of source %d", seq, source, l.seq, l.source)
	case l.any:
		if least, most := l.between(source, seq); l.missed < least || l.missed > most {
			l.Fatalf("message %d of source %d comes instead of message %d of source %d, and %d were missed, as it was told",
				seq, source, l.seq, l.source, l.missed)
		}
	}
	l.any, l.source, l.seq, l.missed = true, source, seq+1, 0
	set(l.heard, *l.heard+1)
}

// between returns how many messages there are from the next one to another, at least and
// at most: of a source that was killed, the last push may have been done or not.
func (l *listener) between(source, seq uint64) (least, most uint64) {
	if source == l.source {
		return seq - l.seq, seq - l.seq
	}
	least, most = seq, seq
	for s := l.source; s < source; s++ {
		src := &l.log.sources[s]
		done, begun := get(&src.done), get(&src.begun)
		if s == l.source {
			done, begun = max(done, l.seq)-l.seq, begun-l.seq
		}
		least, most = least+done, most+begun
	}
	return least, most
}

// mustHaveAll sees that a listener that was told that the ring is closed has got all.
func (l *listener) mustHaveAll() {
	if l.any {
		last := get(&l.log.next) - 1
		if least, _ := l.between(last, get(&l.log.sources[last].done)); l.missed < least {
			l.Fatalf("closed, and %d messages are left", least-l.missed)
		}
	}
}

// TestCastStorm kills the producer and subscribers, and evicts some. Those who live get each
// message, or the number of those that they have missed; and the producer goes on.
func TestCastStorm(t *testing.T) {
	for i, name := range []string{"lossy", "lossless"} {
		t.Run(name, func(t *testing.T) { castStorm(t, i) })
	}
}

func castStorm(t *testing.T, lossless int) {
	s := newSquall[castLog](t)
	args := fmt.Sprint(8<<s.rnd.IntN(5), " ", lossless)
	b := openCast(t, s.seg, args)
	for s.goesOn() {
		s.man(1, "caster", args)
		s.man(1+s.rnd.IntN(3), "listener", args)
		s.nap(3 * time.Millisecond)
		if s.rnd.IntN(2) == 0 {
			s.kill("listener", true)
		}
		if s.rnd.IntN(3) == 0 {
			s.kill("caster", true)
			s.man(1, "caster", args)
		}
		if s.rnd.IntN(4) == 0 {
			for id := range proctest.Must(b.Subscribers())(t) {
				next(&s.log.evicted)
				if err := b.Evict(id); !errors.Is(err, ring.ErrDetached) {
					proctest.Check(t, err)
				}
				break
			}
		}
		seeThemGoOn(s, uint64(2*b.Cap()))
	}
	s.man(1, "caster", args)
	set(&s.log.stop, 1)
	s.over()
	sum := uint64(0)
	for i := range s.log.next {
		sum += s.log.sources[i].done
	}
	t.Logf("%s: %d messages of %d sources, %d evicted", args, sum, s.log.next, s.log.evicted)
}

// seeThemGoOn waits until each of the living has pushed or got so many messages more.
func seeThemGoOn(s *squall[castLog], n uint64) {
	pushed := func() (sum uint64) {
		for i := range min(get(&s.log.next), maxHands) {
			sum += get(&s.log.sources[i].done)
		}
		return sum
	}
	goal := pushed() + n
	s.until("the producer goes on", func() bool { return pushed() >= goal })
	for _, h := range s.hands {
		if h.role == "listener" {
			for i := range listeners {
				heard := &s.log.heard[h.number][i]
				goal := get(heard) + n
				s.until("a subscriber goes on", func() bool { return get(heard) >= goal })
			}
		}
	}
}
