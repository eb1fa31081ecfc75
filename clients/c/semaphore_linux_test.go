//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

func testSemaphore(s *suite) {
	seg := segment(s.T)
	m := proctest.Must(semaphore.New(seg, "m", 5, nil))(s)
	p := s.start()
	p.do("mismatch", "semaphore", "m", 6)
	p.do("", "semaphore", "m", 5)
	p.do("not held by this process", "release", "m", 1)
	p.do("invalid argument", "acquire", "m", 6, 0)
	p.do("taken", "tryacquire", "m", 6)
	p.do("", "acquire", "m", 3, -1)
	p.do("2", "permits", "m")
	if m.TryAcquire(3) || !m.TryAcquire(2) {
		s.Error("Go does not get what C has left")
	}
	p.do("taken", "tryacquire", "m", 1)
	p.do("timed out", "acquire", "m", 1, 3)
	p.do("not held by this process", "release", "m", 4)
	p.do("", "release", "m", 3)
	if got := m.Value(); got != 3 {
		s.Errorf("%d are free, of 3", got)
	}
	m.Release(2)

	signal := proctest.Must(semaphore.New(seg, "signal", 0, &semaphore.Options{Signalling: true, Bound: 3}))(s)
	p.do("mismatch", "signalling", "signal", 0, 0)
	p.do("", "signalling", "signal", 0, 3)
	p.do("taken", "tryacquire", "signal", 1)
	p.do("", "release", "signal", 3)
	p.do("not held by this process", "release", "signal", 1)
	wantNil(s.T, "acquire", signal.Acquire(ctx, 3))
	p.do("", "semaphore", "made", 4)
	p.do("", "signalling", "other", 2, 0)
	if made := proctest.Must(semaphore.New(seg, "made", 4, nil))(s); made.Value() != 4 {
		s.Errorf("C has made a semaphore with %d permits", made.Value())
	}
	proctest.Must(semaphore.New(seg, "other", 2, &semaphore.Options{Signalling: true}))(s)
	p.exit()
}

func testSemaphoreWait(s *suite) {
	seg := segment(s.T)
	m := proctest.Must(semaphore.New(seg, "m", 5, nil))(s)
	p := s.start()
	p.do("", "semaphore", "m", 5)
	for i := range int64(5) {
		n := i + 1
		wantNil(s.T, "acquire", m.Acquire(ctx, 5))
		p.Send("acquire", "m", n, -1)
		asleep(s.T, "m", 8, 12)
		m.Release(n)
		p.Expect("")
		m.Release(5 - n)
		got := proctest.Go(func() error { return m.Acquire(ctx, 5) })
		asleep(s.T, "m", 8, 12)
		p.do("", "release", "m", n)
		wantNil(s.T, "Go acquires", proctest.Result(s, got))
		m.Release(5)
	}
	p.exit()
}

var _ = proctest.Register("permits", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("s", nil))(c)
	m := proctest.Must(semaphore.New(seg, "m", 5, nil))(c)
	c.Check(m.Acquire(ctx, 4))
	c.Send("acquired")
	for {
		m.Release(1)
		c.Check(m.Acquire(ctx, 1))
	}
})

// testSemaphoreKilled has the permits of the dead come back, which they may have been
// changing.
func testSemaphoreKilled(s *suite) {
	seg := mortal(s.T)
	m := proctest.Must(semaphore.New(seg, "m", 5, nil))(s)
	for range 6 {
		// C dies, Go repairs.
		p := s.start()
		p.do("", "semaphore", "m", 5)
		p.do("", "acquire", "m", 2, -1)
		p.Send("permit", "m", 2, 1<<40)
		got := proctest.Go(func() error { return m.Acquire(ctx, 5) })
		asleep(s.T, "m", 8, 12)
		p.Kill()
		wantNil(s.T, "Go acquires", proctest.Result(s, got))
		m.Release(5)
		// Go dies, C repairs.
		h := proctest.Start(s, "permits")
		h.Expect("acquired")
		p = s.start()
		p.do("", "semaphore", "m", 5)
		p.Send("acquire", "m", 5, -1)
		asleep(s.T, "m", 8, 12)
		h.Kill()
		p.Expect("")
		p.do("", "release", "m", 5)
		p.exit()
	}
	for _, repairs := range []string{"Go", "C"} { // one that died inside a change
		p := s.start()
		p.do("", "semaphore", "m", 5)
		p.do("", "midway", "m")
		p.Kill()
		if repairs == "Go" {
			wantNil(s.T, "Go acquires", m.Acquire(ctx, 5))
			m.Release(5)
			continue
		}
		p = s.start()
		p.do("", "semaphore", "m", 5)
		p.do("", "acquire", "m", 5, -1)
		p.do("", "release", "m", 5)
		p.exit()
	}
	if got := m.Value(); got != 5 {
		s.Errorf("%d are free, of 5", got)
	}
}

// testSemaphoreCrowd has processes of both languages take and give back.
func testSemaphoreCrowd(s *suite) {
	n := proctest.Scaled(3000)
	seg := segment(s.T)
	m := proctest.Must(semaphore.New(seg, "m", 5, nil))(s)
	peers := []peer{s.start(), s.start()}
	for i, p := range peers {
		p.do("", "semaphore", "m", 5)
		p.Send("permit", "m", 2+i, n)
	}
	for range n {
		wantNil(s.T, "acquire", m.Acquire(ctx, 4))
		m.Release(4)
	}
	for _, p := range peers {
		p.Expect("")
		p.exit()
	}
	if got := m.Value(); got != 5 {
		s.Errorf("%d are free, of 5", got)
	}
}
