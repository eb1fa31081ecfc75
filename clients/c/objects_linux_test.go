//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"context"
	"sync"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// ended returns a context that has ended.
func ended() context.Context {
	c, cancel := context.WithCancel(ctx)
	cancel()
	return c
}

// wide is a Value's type of several lines of memory, whose words are all alike.
type wide [25]uint64

func wideOf(n uint64) (w wide) {
	for i := range w {
		w[i] = n
	}
	return w
}

func testValue(s *suite) {
	seg := segment(s.T)
	p := s.start()
	v := proctest.Must(shm.NewValue[small](seg, "v"))(s)
	p.do("", "value", "v", "{A~0~uint8,B~2~uint16,_~4~uint8,C~5~[2]int8}")
	v.Store(small{A: 1, B: 2, C: [2]int8{3, 4}})
	p.do(hexOf(uint8(1), uint8(0), uint16(2), uint8(0), int8(3), int8(4), uint8(0)), "vload", "v")
	p.do("", "vstore", "v", "05ff0600ff0708ff") // what is padding counts for nothing
	if got, want := v.Load(), (small{A: 5, B: v.Load().B, C: [2]int8{7, 8}}); got != want || !v.CompareAndSwap(want, small{A: 9}) {
		s.Errorf("Go loads %v, or cannot swap it", got)
	}
	p.do("taken", "vcas", "v", "0000000000000000", "0100000000000000")
	p.do("", "vcas", "v", "09ee0000ee0000ee", "0a00000000000000")
	if got := v.Load(); got != (small{A: 10}) {
		s.Errorf("after a swap Go loads %v", got)
	}

	big := proctest.Must(shm.NewValue[wide](seg, "big"))(s)
	p.do("", "value", "big", "[25]uint64")
	p.do(hexOf(wide{}), "vload", "big")
	for i := range uint64(9) {
		big.Store(wideOf(2*i + 1))
		p.do(hexOf(wideOf(2*i+1)), "vload", "big")
		p.do("", "vstore", "big", hexOf(wideOf(2*i+2)))
		if got := big.Load(); got != wideOf(2*i+2) {
			s.Fatalf("Go loads %v, after %d", got, 2*i+2)
		}
	}
	p.do("taken", "vcas", "big", hexOf(wideOf(7)), hexOf(wideOf(8)))
	p.do("", "vcas", "big", hexOf(wideOf(18)), hexOf(wideOf(8)))
	p.exit()
}

func testValueWait(s *suite) {
	seg := segment(s.T)
	p := s.start()
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(s)
	big := proctest.Must(shm.NewValue[wide](seg, "big"))(s)
	p.do("", "value", "v", "int64")
	p.do("", "value", "big", "[25]uint64")
	p.do("timed out", "vwait", "v", hexOf(int64(0)), 1)
	for i := range int64(5) {
		p.Send("vwait", "v", hexOf(i), -1)
		asleep(s.T, "v", 8)
		v.Store(i + 1)
		p.Expect(hexOf(i + 1))
		p.Send("vwait", "big", hexOf(wideOf(uint64(2*i))), -1)
		asleep(s.T, "big", 136)
		big.Store(wideOf(uint64(2*i + 1)))
		p.Expect(hexOf(wideOf(uint64(2*i + 1))))
		was, version := big.LoadVersion()
		got := proctest.Go(func() wide {
			x, _, err := big.Wait(ctx, version)
			proctest.Check(s, err)
			return x
		})
		asleep(s.T, "big", 136)
		p.do("", "vstore", "big", hexOf(wideOf(was[0]+1)))
		if x := proctest.Result(s, got); x != wideOf(was[0]+1) {
			s.Errorf("Go has waited for %v", x)
		}
	}
	p.exit()
}

// testValueWhole has nobody see half of a store of the other language.
func testValueWhole(s *suite) {
	const n = 20000
	seg := segment(s.T)
	big := proctest.Must(shm.NewValue[wide](seg, "big"))(s)
	writer, reader := s.start(), s.start()
	for _, p := range []peer{writer, reader} {
		p.do("", "value", "big", "[25]uint64")
	}
	reader.Send("vcheck", "big", n, 0)
	writer.Send("vwrite", "big", 1, n)
	stored := proctest.Go(func() bool {
		for i := range uint64(n - 1) {
			big.Store(wideOf(i + 1))
		}
		return true
	})
	for last := uint64(0); last < n/2; {
		w := big.Load()
		if w != wideOf(w[0]) {
			s.Fatalf("torn: %v", w)
		}
		last = w[0]
	}
	writer.Expect("")
	proctest.Result(s, stored)
	big.Store(wideOf(n))
	reader.Expect("whole")
	writer.exit()
	reader.exit()
}

// testValueWriterKilled kills writers in C, and has Go go on.
func testValueWriterKilled(s *suite) {
	seg := mortal(s.T)
	big := proctest.Must(shm.NewValue[wide](seg, "big"))(s)
	for range 10 {
		p := s.start()
		p.do("", "value", "big", "[25]uint64")
		p.Send("vwrite", "big", 1, 1<<40)
		first := big.Load()
		proctest.Until(s, "it writes", func() bool { return big.Load() != first })
		p.Kill()
		if w := big.Load(); w != wideOf(w[0]) {
			s.Fatalf("torn: %v", w)
		}
		big.Store(wideOf(0))
	}
}

func testArray(s *suite) {
	const n = 5000
	seg := segment(s.T)
	p := s.start()
	for _, typ := range []string{"int8", "int16", "int32", "int64"} {
		p.do("", "array", typ, typ, 7)
	}
	p.do("", "array", "wide", "[25]uint64", 3)
	check := func(name string, load func(i int) int64, store func(i int, x int8), add func(i int)) {
		size := map[string]int{"int8": 1, "int16": 2, "int32": 4, "int64": 8}[name]
		for i := range 7 {
			store(i, int8(-i-1))
			want := hexOf(int64(-i - 1))[:2*size]
			p.do(want, "aload", name, i)
			p.do("", "astore", name, i, hexOf(int64(i + 1))[:2*size])
			if x := load(i); x != int64(i+1) {
				s.Errorf("Go loads %d from element %d of %s", x, i, name)
			}
		}
		p.do("invalid argument", "aload", name, 7)
		p.Send("aadd", name, 3, 1, n) // beside each other, in one word
		for range n {
			add(2)
			add(3)
		}
		p.Recv()
		if x := load(3); name != "int8" && x != int64(2*n+4) {
			s.Errorf("the sum is %d, of %s", x, name)
		}
	}
	a8, a16 := proctest.Must(shm.NewArray[int8](seg, "int8", 7))(s), proctest.Must(shm.NewArray[int16](seg, "int16", 7))(s)
	a32, a64 := proctest.Must(shm.NewArray[int32](seg, "int32", 7))(s), proctest.Must(shm.NewArray[int64](seg, "int64", 7))(s)
	check("int8", func(i int) int64 { return int64(a8.Load(i)) }, func(i int, x int8) { a8.Store(i, x) }, func(i int) { shm.AddAt(a8, i, 1) })
	check("int16", func(i int) int64 { return int64(a16.Load(i)) }, func(i int, x int8) { a16.Store(i, int16(x)) }, func(i int) { shm.AddAt(a16, i, 1) })
	check("int32", func(i int) int64 { return int64(a32.Load(i)) }, func(i int, x int8) { a32.Store(i, int32(x)) }, func(i int) { shm.AddAt(a32, i, 1) })
	check("int64", func(i int) int64 { return a64.Load(i) }, func(i int, x int8) { a64.Store(i, int64(x)) }, func(i int) { shm.AddAt(a64, i, 1) })
	proctest.Must(shm.NewArray[wide](seg, "wide", 3))(s).Store(2, wideOf(6))
	p.do(hexOf(wideOf(6)), "aload", "wide", 2)
	p.exit()
}

func testLock(s *suite) {
	seg := segment(s.T)
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	p := s.start()
	p.do("", "lock", "l")
	p.do("not held by this process", "unlock", "l")
	p.do("not held by this process", "consistent", "l")
	p.do("", "take", "l", -1)
	if l.TryLock() {
		s.Fatal("Go locks what C has locked")
	}
	p.do("taken", "try", "l")
	p.do("", "unlock", "l")
	l.Lock()
	p.do("taken", "try", "l")
	p.do("timed out", "take", "l", 0)
	p.do("timed out", "take", "l", 5)
	p.do("not held by this process", "unlock", "l")
	l.Unlock()
	p.do("", "try", "l")
	p.do("", "unlock", "l")
	p.exit()
}

func testLockWait(s *suite) {
	seg := segment(s.T)
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	p := s.start()
	p.do("", "lock", "l")
	for range 10 {
		l.Lock()
		p.Send("take", "l", -1)
		asleep(s.T, "l", 8, 12)
		l.Unlock()
		p.Expect("")
		locked := proctest.Go(func() error { return l.LockContext(ctx) })
		asleep(s.T, "l", 8, 12)
		p.do("", "unlock", "l")
		wantNil(s.T, "Go locks", proctest.Result(s, locked))
		l.Unlock()
	}
	p.exit()
}

var _ = proctest.Register("holder", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("s", nil))(c)
	l := proctest.Must(shm.NewLock(seg, "l"))(c)
	l.Lock()
	c.Send("locked")
	c.Recv()
})

func testLockOwnerKilled(s *suite) {
	seg := mortal(s.T)
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	for _, waits := range []bool{false, true} {
		// C dies, Go repairs.
		p := s.start()
		p.do("", "lock", "l")
		p.do("", "take", "l", -1)
		locked := make(<-chan error)
		if waits {
			locked = proctest.Go(func() error { return l.LockContext(ctx) })
			asleep(s.T, "l", 8, 12)
		}
		p.Kill()
		if !waits {
			locked = proctest.Go(func() error { return l.LockContext(ctx) })
		}
		wantError(s.T, "Go locks", proctest.Result(s, locked), shm.ErrOwnerDied)
		l.Unlock()
		p = s.start()
		p.do("", "lock", "l")
		p.do("owner died", "try", "l")
		p.do("", "consistent", "l")
		p.do("", "unlock", "l")
		p.do("", "take", "l", -1)
		p.do("", "unlock", "l")

		// Go dies, C repairs.
		h := proctest.Start(s, "holder")
		h.Expect("locked")
		if waits {
			p.Send("take", "l", -1)
			asleep(s.T, "l", 8, 12)
			h.Kill()
		} else {
			p.do("taken", "try", "l")
			h.Kill()
			p.Send("try", "l")
		}
		p.Expect("owner died")
		p.do("", "unlock", "l")
		wantError(s.T, "Go locks", l.LockContext(ctx), shm.ErrOwnerDied)
		l.MarkConsistent()
		l.Unlock()
		p.do("", "try", "l")
		p.do("", "unlock", "l")
		p.exit()
	}
}

// testLockCrowd has processes of both languages count with a lock.
func testLockCrowd(s *suite) {
	n := proctest.Scaled(20000)
	seg := segment(s.T)
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	a := proctest.Must(shm.NewArray[int64](seg, "a", 1))(s)
	peers := []peer{s.start(), s.start()}
	for _, p := range peers {
		p.do("", "lock", "l")
		p.do("", "array", "a", "int64", 1)
		p.Send("count", "l", "a", n)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n {
				l.Lock()
				a.View()[0]++
				l.Unlock()
			}
		})
	}
	wg.Wait()
	for _, p := range peers {
		p.Expect("")
		p.exit()
	}
	if x := a.Load(0); x != int64(4*n) {
		s.Errorf("%d of %d counts", x, 4*n)
	}
}
