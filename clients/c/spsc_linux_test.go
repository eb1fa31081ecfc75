//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// asymmetric reports whether the segment has that feature (docs/FORMAT.md, F9).
func asymmetric(t *testing.T) bool { return proctest.Must(os.ReadFile(path()))(t)[20]&1 != 0 }

// testFences looks for a waker and a sleeper of which neither sees the other.
func testFences(s *suite) {
	segment(s.T)
	p := s.start()
	p.do("0", "litmus")
	p.exit()
}

func testSPSC(s *suite) {
	seg := segment(s.T)
	to := proctest.Must(ring.NewSPSC[int64](seg, "to", 4))(s)
	from := proctest.Must(ring.NewSPSC[[3]uint16](seg, "from", 3))(s)
	p := s.start()
	p.do("mismatch", "spsc", "to", "int64", 5)
	p.do("", "spsc", "to", "int64", 3)
	p.do("", "spsc", "from", "[3]uint16", 4)
	in := proctest.Must(to.Producer())(s)
	p.do("taken", "produce", "to")
	p.do("", "consume", "to")
	p.do("", "produce", "from")
	_, err := from.Producer()
	wantError(s.T, "a second producer", err, ring.ErrRoleTaken)
	out := proctest.Must(from.Consumer())(s)
	p.do("empty", "pop", "to", 0)
	p.do("timed out", "pop", "to", 1)
	for i := range uint16(20) {
		for k := range int64(4) {
			wantNil(s.T, "push", in.TryPush(k))
			p.do("", "push", "from", hexOf([3]uint16{i, i, uint16(k)}), 0)
		}
		wantError(s.T, "Go pushes to what is full", in.TryPush(4), ring.ErrFull)
		p.do("full", "push", "from", "000000000000", 0)
		p.do("timed out", "push", "from", "000000000000", 1)
		for k := range int64(4) {
			p.do(hexOf(k), "pop", "to", 0)
			if m, err := out.TryPop(); err != nil || m != [3]uint16{i, i, uint16(k)} {
				s.Fatalf("Go pops %v, %v", m, err)
			}
		}
		p.do("empty", "pop", "to", 0)
		_, err := out.TryPop()
		wantError(s.T, "Go pops from what is empty", err, ring.ErrEmpty)
	}
	// Roles change hands.
	p.do("", "push", "from", "010002000300", 0)
	p.do("", "undo", "from", "producer")
	p.do("not held by this process", "push", "from", "010002000300", 0)
	next := proctest.Must(from.Producer())(s)
	wantNil(s.T, "push", next.TryPush([3]uint16{4, 5, 6}))
	wantNil(s.T, "detach", next.Detach())
	wantNil(s.T, "detach", out.Detach())
	p.do("", "consume", "from")
	p.do("010002000300", "pop", "from", 0)
	p.do("", "produce", "from")
	p.do("040005000600", "pop", "from", 0)
	// Ends.
	p.do("", "push", "from", "010002000300", 0)
	p.do("", "end", "from")
	p.do("ring is closed", "push", "from", "010002000300", 0)
	p.do("ring is closed", "produce", "from")
	p.do("", "undo", "from", "consumer")
	out = proctest.Must(from.Consumer())(s)
	_, err = out.TryPop()
	wantNil(s.T, "Go pops the last", err)
	_, err = out.TryPop()
	wantError(s.T, "Go pops after the end", err, ring.ErrClosed)
	wantNil(s.T, "push", in.TryPush(9))
	wantNil(s.T, "close", in.Close())
	p.do(hexOf(int64(9)), "pop", "to", 0)
	p.do("ring is closed", "pop", "to", 0)
	p.do("ring is closed", "pop", "to", -1)
	p.exit()
}

func testSPSCWait(s *suite) {
	seg := segment(s.T)
	to := proctest.Must(ring.NewSPSC[int64](seg, "to", 2))(s)
	from := proctest.Must(ring.NewSPSC[int64](seg, "from", 2))(s)
	p := s.start()
	p.do("", "spsc", "to", "int64", 2)
	p.do("", "spsc", "from", "int64", 2)
	p.do("", "consume", "to")
	p.do("", "produce", "from")
	in, out := proctest.Must(to.Producer())(s), proctest.Must(from.Consumer())(s)
	for i := range int64(10) {
		p.Send("barriers")
		p.Recv()
		p.Send("pop", "to", -1)
		asleep(s.T, "to", 0)
		wantNil(s.T, "push", in.TryPush(i))
		p.Expect(hexOf(i))
		p.Send("barriers")
		if n := p.Recv(); (n == "0") == asymmetric(s.T) {
			s.Errorf("it has run %s barriers before it slept", n)
		}

		got := proctest.Go(func() int64 {
			x, err := out.Pop(ctx)
			proctest.Check(s, err)
			return x
		})
		asleep(s.T, "from", 0)
		p.do("", "push", "from", hexOf(i), -1)
		if x := proctest.Result(s, got); x != i {
			s.Errorf("Go pops %d, not %d", x, i)
		}

		for range 2 {
			wantNil(s.T, "push", in.TryPush(i))
			p.do("", "push", "from", hexOf(i), -1)
		}
		pushed := proctest.Go(func() error { return in.Push(ctx, i) })
		asleep(s.T, "to", 128)
		p.do(hexOf(i), "pop", "to", 0)
		wantNil(s.T, "Go pushes", proctest.Result(s, pushed))
		p.Send("push", "from", hexOf(i), -1)
		asleep(s.T, "from", 128)
		_, err := out.TryPop()
		wantNil(s.T, "pop", err)
		p.Expect("")
		for range 2 {
			p.do(hexOf(i), "pop", "to", 0)
			_, err := out.TryPop()
			wantNil(s.T, "pop", err)
		}
	}
	p.Send("pop", "to", -1)
	asleep(s.T, "to", 0)
	wantNil(s.T, "close", in.Close())
	p.Expect("ring is closed")
	p.exit()
}

// testSPSCKilled has a successor of the other language go on where the dead have been.
func testSPSCKilled(s *suite) {
	seg := mortal(s.T)
	q := proctest.Must(ring.NewSPSC[[4]uint64](seg, "q", 64))(s)
	out := proctest.Must(q.Consumer())(s)
	next := uint64(0)
	for range 5 {
		p := s.start()
		p.do("", "spsc", "q", "[4]uint64", 64)
		p.do("", "produce", "q")
		p.Send("send", "q", next, 1<<40)
		for range 500 {
			m, err := out.Pop(ctx)
			if err != nil || m != [4]uint64{next, next, next, next} {
				s.Fatalf("Go pops %v, %v, want %d", m, err, next)
			}
			next++
		}
		p.Kill()
		in := proctest.Must(q.Producer())(s)
		for m, err := out.TryPop(); err == nil; m, err = out.TryPop() {
			if m[3] != next {
				s.Fatalf("Go pops %v, want %d", m, next)
			}
			next++
		}
		wantNil(s.T, "detach", in.Detach())
	}
	wantNil(s.T, "detach", out.Detach())
	in := proctest.Must(q.Producer())(s)
	for range 5 { // consumers in C die
		p := s.start()
		p.do("", "spsc", "q", "[4]uint64", 64)
		p.do("", "consume", "q")
		p.Send("receive", "q", next, 1<<40)
		pushed := next
		for ; pushed < next+500; pushed++ {
			wantNil(s.T, "push", in.Push(ctx, [4]uint64{pushed, pushed, pushed, pushed}))
		}
		p.Kill()
		out = proctest.Must(q.Consumer())(s)
		next = binary.NativeEndian.Uint64(object(s.T, "q")[256:]) // head says what it has taken
		for ; next < pushed; next++ {
			if m, err := out.TryPop(); err != nil || m != [4]uint64{next, next, next, next} {
				s.Fatalf("Go pops %v, %v, want %d", m, err, next)
			}
		}
		wantNil(s.T, "detach", out.Detach())
	}
}

// testSPSCStream has many messages pass, of C and Go on both sides.
func testSPSCStream(s *suite) {
	n := uint64(proctest.Scaled(50000))
	seg := segment(s.T)
	to := proctest.Must(ring.NewSPSC[[2]uint64](seg, "to", 2))(s)
	from := proctest.Must(ring.NewSPSC[uint64](seg, "from", 2))(s)
	sender, receiver := s.start(), s.start()
	receiver.do("", "spsc", "to", "[2]uint64", 2)
	receiver.do("", "consume", "to")
	sender.do("", "spsc", "from", "uint64", 2)
	sender.do("", "produce", "from")
	in, out := proctest.Must(to.Producer())(s), proctest.Must(from.Consumer())(s)
	receiver.Send("receive", "to", 0, n)
	sender.Send("send", "from", 0, n)
	sent := proctest.Go(func() error {
		for i := range n {
			if err := in.Push(ctx, [2]uint64{i, i}); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range n {
		if x, err := out.Pop(ctx); x != i || err != nil {
			s.Fatalf("Go pops %d, %v, want %d", x, err, i)
		}
	}
	wantNil(s.T, "push", proctest.Result(s, sent))
	receiver.Expect("")
	sender.Expect("")
	sender.exit()
	receiver.exit()
}

// testEnds has Go, which does not wait for the dead, tell the death of a producer in C from
// its end in order.
func testEnds(s *suite) {
	seg := mortal(s.T)
	for name, want := range map[string]error{"killed": ring.ErrPeerDied, "closed": context.DeadlineExceeded} {
		q := proctest.Must(ring.NewSPSC[int64](seg, name+"-spsc", 4, ring.FailOnDeath))(s)
		many := proctest.Must(ring.NewMPMC[int64](seg, name+"-mpmc", 4, ring.FailOnDeath))(s)
		out := proctest.Must(q.Consumer())(s)
		p := s.start()
		p.do("", "spsc", name+"-spsc", "int64", 4)
		p.do("", "produce", name+"-spsc")
		p.do("", "push", name+"-spsc", hexOf(int64(1)), 0)
		p.do("", "mpmc", name+"-mpmc", "int64", 4)
		p.do("", "mpush", name+"-mpmc", hexOf(int64(1)), 0)
		if !q.ProducerAlive() || !many.ProducerAlive() {
			s.Error("the producer is not seen")
		}
		if name == "killed" {
			p.Kill()
		} else {
			p.do("", "close")
			p.exit()
		}
		limit := proctest.Timeout()
		if name == "closed" {
			limit = 100 * time.Millisecond // in which a death would be found
		}
		for what, pop := range map[string]func(context.Context) (int64, error){"SPSC": out.Pop, "MPMC": many.Pop} {
			_, err := pop(ctx)
			wantNil(s.T, what+" of the "+name, err)
			limited, cancel := context.WithTimeout(ctx, limit)
			_, err = pop(limited)
			cancel()
			wantError(s.T, what+" of the "+name, err, want)
		}
	}
}

// testHeir has a producer in C die in the middle of its claim, where it is the heir of one
// who died or of nobody, and Go tell the one from the other (docs/FORMAT.md, F25).
func testHeir(s *suite) {
	seg := mortal(s.T)
	for name, want := range map[string]error{"killed": ring.ErrPeerDied, "heir": ring.ErrPeerDied, "closed": context.DeadlineExceeded} {
		q := proctest.Must(ring.NewSPSC[int64](seg, name, 4, ring.FailOnDeath))(s)
		out := proctest.Must(q.Consumer())(s)
		claim := func(frail bool) peer {
			p := s.start()
			p.do("", "spsc", name, "int64", 4)
			if frail {
				p.do("", "frail")
				p.Send("produce", name)
				proctest.Until(s.T, "it is in the middle of its claim", func() bool {
					return binary.NativeEndian.Uint64(object(s.T, name)[512:])>>62 == 1
				})
				p.Kill()
			} else {
				p.do("", "produce", name)
			}
			return p
		}
		first := claim(false)
		if name == "closed" {
			first.do("", "close")
			first.exit()
		} else {
			first.Kill()
		}
		claim(true)
		if name == "heir" { // of an heir
			claim(true)
		}
		limit := proctest.Timeout()
		if name == "closed" {
			limit = 100 * time.Millisecond
		}
		limited, cancel := context.WithTimeout(ctx, limit)
		_, err := out.Pop(limited)
		cancel()
		wantError(s.T, "pop, "+name, err, want)
	}
}
