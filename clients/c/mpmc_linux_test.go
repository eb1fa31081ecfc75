//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type pair [2]uint64

func testMPMC(s *suite) {
	seg := segment(s.T)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 4))(s)
	p := s.start()
	p.do("mismatch", "mpmc", "q", "[2]uint64", 8)
	p.do("", "mpmc", "q", "[2]uint64", 4)
	for i := range uint64(60) { // laps, by turns
		x := pair{i, i + 1}
		wantNil(s.T, "push", q.TryPush(x))
		p.do("", "mpush", "q", hexOf(x), 0)
		p.do("", "mpush", "q", hexOf(x), -1)
		wantNil(s.T, "push", q.TryPush(x))
		p.do("full", "mpush", "q", hexOf(x), 0)
		p.do("timed out", "mpush", "q", hexOf(x), 1)
		wantError(s.T, "Go pushes to what is full", q.TryPush(x), ring.ErrFull)
		for range 2 {
			p.do(hexOf(x), "mpop", "q", 0)
			if m, err := q.TryPop(); err != nil || m != x {
				s.Fatalf("Go pops %v, %v, want %v", m, err, x)
			}
		}
		p.do("empty", "mpop", "q", 0)
	}
	for i := range uint64(20) { // runs
		n := proctest.Must(q.PushAll(ctx, []pair{{i, 1}, {i, 2}, {i, 3}}))(s)
		for k := range n {
			p.do(hexOf(pair{i, uint64(k + 1)}), "mpop", "q", 0)
		}
		for k := range uint64(4) {
			p.do("", "mpush", "q", hexOf(pair{i, k}), 0)
		}
		dst := make([]pair, 8)
		if n := proctest.Must(q.PopInto(ctx, dst))(s); n != 4 || dst[3] != (pair{i, 3}) {
			s.Errorf("Go pops %v", dst[:n])
		}
	}
	// In place.
	wantNil(s.T, "push", q.TryPush(pair{5, 6}))
	p.do(hexOf(pair{5, 6})+" 1", "mnext", "q", 0)
	_, err := q.TryPop()
	wantError(s.T, "Go pops what is lent", err, ring.ErrEmpty)
	p.do("", "mrelease", "q")
	p.do("not held by this process", "mrelease", "q")
	p.do("", "mpush", "q", hexOf(pair{7, 8}), 0)
	l := proctest.Must(q.TryNext())(s)
	p.do("empty", "mpop", "q", 0)
	wantNil(s.T, "close", q.Close())
	p.do("ring is closed", "mpush", "q", hexOf(pair{7, 8}), 0)
	p.do("empty", "mpop", "q", 0) // it may yet come back
	wantNil(s.T, "release", l.Release())
	p.do("ring is closed", "mpop", "q", 0)
	p.do("", "mpmc", "ends", "int64", 2)
	p.do("", "mpush", "ends", hexOf(int64(1)), 0)
	p.do("", "mend", "ends")
	ends := proctest.Must(ring.NewMPMC[int64](seg, "ends", 2))(s)
	if x, err := ends.Pop(ctx); x != 1 || err != nil {
		s.Errorf("Go pops %d, %v", x, err)
	}
	_, err = ends.Pop(ctx)
	wantError(s.T, "Go pops after the end", err, ring.ErrClosed)
	p.exit()
}

func testMPMCWait(s *suite) {
	seg := segment(s.T)
	q := proctest.Must(ring.NewMPMC[int64](seg, "q", 1))(s)
	p := s.start()
	p.do("", "mpmc", "q", "int64", 1)
	for i := range int64(10) {
		p.Send("mpop", "q", -1)
		asleep(s.T, "q", 0)
		wantNil(s.T, "push", q.TryPush(i))
		p.Expect(hexOf(i))
		got := proctest.Go(func() int64 {
			x, err := q.Pop(ctx)
			proctest.Check(s, err)
			return x
		})
		asleep(s.T, "q", 0)
		p.do("", "mpush", "q", hexOf(i), -1)
		if x := proctest.Result(s, got); x != i {
			s.Errorf("Go pops %d, not %d", x, i)
		}
		wantNil(s.T, "push", q.TryPush(i))
		pushed := proctest.Go(func() error { return q.Push(ctx, i+1) })
		asleep(s.T, "q", 128)
		p.do(hexOf(i), "mpop", "q", 0)
		wantNil(s.T, "Go pushes", proctest.Result(s, pushed))
		p.Send("mpush", "q", hexOf(i+2), -1)
		asleep(s.T, "q", 128)
		l := proctest.Must(q.TryNext())(s)
		wantNil(s.T, "release", l.Release())
		p.Expect("")
		p.do(hexOf(i+2)+" 1", "mnext", "q", 0)
		pushed = proctest.Go(func() error { return q.Push(ctx, i+1) })
		asleep(s.T, "q", 128)
		p.do("", "mrelease", "q")
		wantNil(s.T, "Go pushes", proctest.Result(s, pushed))
		p.do(hexOf(i+1), "mpop", "q", 0)
	}
	p.Send("mpop", "q", -1)
	asleep(s.T, "q", 0)
	wantNil(s.T, "close", q.Close())
	p.Expect("ring is closed")
	p.exit()
}

var _ = proctest.Register("mpmc", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("s", nil))(c)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 8))(c)
	switch c.Arg(0) {
	case "lend":
		l := proctest.Must(q.Next(ctx))(c)
		c.Send(*l.Value(), l.Deliveries())
	case "reserve":
		r := proctest.Must(q.Reserve(ctx))(c)
		*r.Value() = pair{1, 1}
		c.Send("reserved")
	}
	c.Recv()
})

// testMPMCKilled has processes die with messages that they were lent, and that they write.
func testMPMCKilled(s *suite) {
	seg := mortal(s.T)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 8))(s)
	open := func() peer {
		p := s.start()
		p.do("", "mpmc", "q", "[2]uint64", 8)
		return p
	}
	for _, waits := range []bool{false, true} {
		// C dies with a lent message, Go gets it.
		p, x := open(), pair{3, 4}
		wantNil(s.T, "push", q.TryPush(x))
		p.do(hexOf(x)+" 1", "mnext", "q", -1)
		got := make(<-chan int)
		next := func() int {
			l, err := q.Next(ctx)
			if err != nil || *l.Value() != x {
				s.Errorf("Go is lent %v, %v", *l.Value(), err)
			}
			return l.Deliveries()
		}
		if waits {
			got = proctest.Go(next)
			asleep(s.T, "q", 0)
		}
		p.Kill()
		if !waits {
			got = proctest.Go(next)
		}
		if n := proctest.Result(s, got); n != 2 {
			s.Errorf("the message was lent %d times", n)
		}
		// (Go keeps this one, to the end.)

		// Go dies with a lent message, C gets it.
		p, x = open(), pair{5, 6}
		p.do("", "mpush", "q", hexOf(x), 0)
		h := proctest.Start(s, "mpmc", "lend")
		h.Expect(x, 1)
		p.Send("mnext", "q", -1)
		asleep(s.T, "q", 0)
		h.Kill()
		p.Expect(hexOf(x) + " 2")
		p.Kill()
		p = open()
		p.do(hexOf(x), "mpop", "q", -1)

		// Go dies while it writes, C goes on.
		h = proctest.Start(s, "mpmc", "reserve")
		h.Expect("reserved")
		p.do("", "mpush", "q", hexOf(x), 0)
		p.do("empty", "mpop", "q", 0)
		p.Send("mpop", "q", -1)
		asleep(s.T, "q", 0)
		h.Kill()
		p.Expect(hexOf(x))
		p.exit()
	}
}

// testMPMCStorm kills producers in C while others go on: what the living send arrives, in
// order.
func testMPMCStorm(s *suite) {
	n := uint64(proctest.Scaled(20000))
	seg := mortal(s.T)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 16))(s)
	open := func() peer {
		p := s.start()
		p.do("", "mpmc", "q", "[2]uint64", 16)
		return p
	}
	sender, receiver := open(), open()
	receiver.Send("mreceive", "q")
	sender.Send("msend", "q", 1, n)
	var sum, count uint64
	received := proctest.Go(func() error {
		next := map[uint64]uint64{}
		for m, err := range q.All(ctx) {
			if err != nil {
				return err
			}
			from, i := m[0]>>32, m[0]&(1<<32-1)
			if m[1] != m[0] || i < next[from] {
				return fmt.Errorf("%v of %d is torn or out of order", m, from)
			}
			next[from] = i + 1
			if from < 3 {
				sum, count = sum+i, count+1
			}
		}
		return nil
	})
	sent := proctest.Go(func() error {
		for i := range n {
			if err := q.Push(ctx, pair{2<<32 | i, 2<<32 | i}); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range 8 { // what these push does not count, since they die
		victim := open()
		victim.Send("msend", "q", 3+i, 1<<40)
		if i%2 == 0 {
			wantNil(s.T, "push", q.Push(ctx, pair{15<<32 | uint64(i), 15<<32 | uint64(i)}))
		}
		victim.Kill()
	}
	wantNil(s.T, "Go sends", proctest.Result(s, sent))
	sender.Expect("")
	sender.exit()
	wantNil(s.T, "close", q.Close())
	var cn, csum uint64
	if _, err := fmt.Sscan(receiver.Recv(), &cn, &csum); err != nil {
		s.Error(errors.Join(err, errors.New("the receiver fails")))
	}
	receiver.exit()
	wantNil(s.T, "Go receives", proctest.Result(s, received))
	if count+cn < 2*n || count > 2*n {
		s.Errorf("Go has got %d of %d, and C %d of all", count, 2*n, cn)
	}
}

// testMPMCCrowd counts what processes of both languages send and receive.
func testMPMCCrowd(s *suite) {
	n := uint64(proctest.Scaled(20000))
	seg := segment(s.T)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 16))(s)
	peers := []peer{s.start(), s.start()}
	for i, p := range peers {
		p.do("", "mpmc", "q", "[2]uint64", 16)
		if i == 0 {
			p.Send("msend", "q", 1, n)
		} else {
			p.Send("mreceive", "q")
		}
	}
	var sum, count uint64
	received := proctest.Go(func() error {
		for m, err := range q.All(ctx) {
			if err != nil {
				return err
			}
			sum, count = sum+m[0]&(1<<32-1), count+1
		}
		return nil
	})
	for i := uint64(0); i < n; {
		k := min(n-i, 1+i%5)
		var vs []pair
		for j := range k {
			vs = append(vs, pair{2<<32 | (i + j), 2<<32 | (i + j)})
		}
		proctest.Must(q.PushAll(ctx, vs))(s)
		i += k
	}
	peers[0].Expect("")
	wantNil(s.T, "close", q.Close())
	wantNil(s.T, "receive", proctest.Result(s, received))
	var cn, csum uint64
	_, err := fmt.Sscan(peers[1].Recv(), &cn, &csum)
	wantNil(s.T, "the receiver", err)
	if count+cn != 2*n || sum+csum != n*(n-1) {
		s.Errorf("%d and %d messages of %d arrived", count, cn, 2*n)
	}
	for _, p := range peers {
		p.exit()
	}
}

// testMPMCRun has C find the claim of three slots by one that died, who has published one of
// them.
func testMPMCRun(s *suite) {
	seg := mortal(s.T)
	q := proctest.Must(ring.NewMPMC[pair](seg, "q", 8))(s)
	p := s.start()
	p.Send("id")
	id := proctest.Must(strconv.ParseUint(p.Recv(), 10, 64))(s)
	p.Kill()
	spoil(s.T, "q", 640+2*24, 1)        // full, lap 0
	spoil(s.T, "q", 640, 3<<41|id<<3|4) // writing, 3 slots
	x := pair{5, 6}
	wantNil(s.T, "push", q.TryPush(x)) // to the fourth
	p = s.start()
	p.do("", "mpmc", "q", "[2]uint64", 8)
	p.do(hexOf(x), "mpop", "q", -1)
	for i := range uint64(20) {
		p.do("", "mpush", "q", hexOf(pair{i, i}), -1)
		if m, err := q.Pop(ctx); err != nil || m != (pair{i, i}) {
			s.Errorf("Go pops %v, %v", m, err)
		}
	}
	p.exit()
}
