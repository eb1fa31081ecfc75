//go:build amd64 && !isthmus_nofutex

package python_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// The helper is a program in Python, tests/peer.py.
var _ = proctest.Register("peer", func(c *proctest.Child) { c.Fatalf("this is not the peer") })

var helpers = []string{"peer", "holder"}

// A peer is a process that runs the program in Python.
type peer struct {
	*proctest.Proc
	t *testing.T
}

// start starts a peer that has opened the segment s.
func start(t *testing.T) peer {
	t.Helper()
	options := &proctest.Options{
		Binary: interpreter(),
		Env:    []string{"PYTHONPATH=" + lib, "PYTHONDONTWRITEBYTECODE=1"},
	}
	p := peer{proctest.StartWith(t, options, "peer", here(t)+"/tests/peer.py"), t}
	p.do("", "s = isthmus.open('s')")
	return p
}

// do has the peer do something, and checks its answer.
func (p peer) do(want any, line string, operands ...any) {
	p.t.Helper()
	p.Send(fmt.Sprintf(line, operands...))
	p.Expect(want)
}

func (p peer) exit() {
	p.t.Helper()
	p.Send("exit")
	p.Wait()
}

// segment makes the segment s, in Go.
func segment(t *testing.T) *shm.Segment {
	t.Helper()
	proctest.Dir(t)
	return created(t)
}

// mortal is segment for a test in which somebody dies.
func mortal(t *testing.T) *shm.Segment {
	t.Helper()
	proctest.Dir(t)
	proctest.Mortal(t)
	return created(t)
}

func created(t *testing.T) *shm.Segment {
	t.Helper()
	seg := proctest.Must(shm.Create("s", 4<<20, nil))(t)
	t.Cleanup(func() {
		seg.Close()
		shm.Remove("s", nil)
	})
	return seg
}

func wantNil(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func wantError(t *testing.T, what string, err, is error) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%s: %v, want %v", what, err, is)
	}
}

// A quote is a type with padding, and an array of structs.
type quote struct {
	ID   uint64
	Tag  uint8
	Legs [2]struct {
		P float64
		N int32
	}
}

const quoteText = "{ID 0 uint64,Tag 8 uint8,Legs 16 [2]{P 0 float64,N 8 int32}}"

func quoteOf(n uint64) (q quote) {
	q.ID, q.Tag, q.Legs[1].P, q.Legs[0].N = n, uint8(n), float64(n)/2, -int32(n)
	return q
}

// text is the quote as Python prints it.
func (q quote) text() string {
	f := func(x float64) string {
		s := fmt.Sprint(x)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return fmt.Sprintf("(%d, %d, [(%s, %d), (%s, %d)])", q.ID, q.Tag, f(q.Legs[0].P), q.Legs[0].N, f(q.Legs[1].P), q.Legs[1].N)
}

// testCreate has Python make a segment with all objects, and Go open it, and remove it.
func testCreate(t *testing.T) {
	proctest.Dir(t)
	options := &proctest.Options{Binary: interpreter(), Env: []string{"PYTHONPATH=" + lib}}
	p := peer{proctest.StartWith(t, options, "peer", here(t)+"/tests/peer.py"), t}
	p.do("NotFound", "isthmus.open('s')")
	p.do("", "s = isthmus.create('s', 1 << 20, version=7)")
	p.do("Exists", "isthmus.create('s', 1 << 20)")
	for _, line := range []string{
		"v = s.value('v', 'd', 1.5)", "big = s.value('big', '" + quoteText + "')", "a = s.array('a', 'int32', 5)", "l = s.lock('l')",
		"m = s.semaphore('m', 3)", "q = s.spsc('q', 'int', 4)", "w = s.mpmc('w', '" + quoteText + "', 4)", "b = s.bytes('b', 256)",
	} {
		p.do("", "%s", line)
	}
	p.do("", "a[3] = 4; big.store(%s); w.push(big.load())", quoteOf(9).text())
	_, err := shm.Open("s", nil)
	wantError(t, "another version", err, shm.ErrMismatch)
	seg := proctest.Must(shm.Open("s", &shm.Options{Version: 7}))(t)
	defer seg.Close()
	if x := proctest.Must(shm.NewValue[float64](seg, "v"))(t).Load(); x != 1.5 {
		t.Errorf("Go loads %v", x)
	}
	if x := proctest.Must(shm.NewValue[quote](seg, "big"))(t).Load(); x != quoteOf(9) {
		t.Errorf("Go loads %v", x)
	}
	if x := proctest.Must(shm.NewArray[int32](seg, "a", 5))(t).Load(3); x != 4 {
		t.Errorf("Go loads %v", x)
	}
	proctest.Must(shm.NewLock(seg, "l"))(t).Lock()
	p.do("False", "l.acquire(False)")
	if x := proctest.Must(semaphore.New(seg, "m", 3, nil))(t).Value(); x != 3 {
		t.Errorf("%d permits", x)
	}
	proctest.Must(proctest.Must(ring.NewSPSC[int](seg, "q", 4))(t).Producer())(t)
	p.do("Busy", "q.producer()")
	if x, err := proctest.Must(ring.NewMPMC[quote](seg, "w", 4))(t).Pop(ctx); x != quoteOf(9) || err != nil {
		t.Errorf("Go pops %v, %v", x, err)
	}
	proctest.Must(ring.NewBytes(seg, "b", 256))(t)
	_, err = shm.NewValue[int64](seg, "v")
	wantError(t, "another type", err, shm.ErrMismatch)
	p.do("", "s.remove()")
	p.exit()
}

func testValue(t *testing.T) {
	seg := segment(t)
	p := start(t)
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(t)
	big := proctest.Must(shm.NewValue[quote](seg, "big"))(t)
	p.do("Mismatch", "s.value('v', 'uint64')")
	p.do("", "v, big = s.value('v', int), s.value('big', '%s')", quoteText)
	for n := range int64(5) {
		v.Store(n)
		p.do(n, "v.value")
		p.do(n+1, "v.add(1)")
		big.Store(quoteOf(uint64(n)))
		p.do(quoteOf(uint64(n)).text(), "big.value")
		p.do("", "big.value = %s", quoteOf(uint64(n)+1).text())
		if a, b := v.Load(), big.Load(); a != n+1 || b != quoteOf(uint64(n)+1) {
			t.Errorf("Go loads %v, %v", a, b)
		}
		p.Send(fmt.Sprintf("v.wait(%d), big.wait(%s)[0]", n+1, quoteOf(uint64(n)+1).text()))
		v.Store(n + 100)
		big.Store(quoteOf(uint64(n) + 100))
		p.Expect(fmt.Sprintf("(%d, %d)", n+100, n+100))
		old, version := big.LoadVersion()
		got := proctest.Go(func() uint64 {
			x, _, err := big.Wait(ctx, version)
			proctest.Check(t, err)
			return x.ID
		})
		p.do(old.ID+1, "big.update(lambda q: (q[0] + 1, *q[1:]))[0]")
		if x := proctest.Result(t, got); x != old.ID+1 {
			t.Errorf("Go has waited for %v", x)
		}
	}
	p.exit()
}

func testArray(t *testing.T) {
	seg := segment(t)
	p := start(t)
	a := proctest.Must(shm.NewArray[quote](seg, "a", 3))(t)
	f := proctest.Must(shm.NewArray[float64](seg, "f", 1000))(t)
	p.do("", "import numpy; a, f = s.array('a', '%s', 3), s.array('f', float, 1000)", quoteText)
	a.Store(1, quoteOf(7))
	p.do(quoteOf(7).text(), "a[1]")
	p.do("", "va, vf = numpy.asarray(a), numpy.asarray(f)")
	p.do("(7, -7)", "int(va['ID'][1]), int(va['Legs']['N'][1, 0])")
	p.do("", "va[2] = va[1]; va['ID'][2] += 1; vf[:] = numpy.arange(1000) / 2")
	if x := a.Load(2); x.ID != 8 || x.Legs != quoteOf(7).Legs {
		t.Errorf("Go loads %v", x)
	}
	for i, x := range f.View() {
		if x != float64(i)/2 {
			t.Fatalf("Go sees %v at %d", x, i)
		}
	}
	f.View()[3] = 100
	p.do("100.0", "float(vf[3])")
	p.do("BufferError", "s.close()")
	p.do("", "del va, vf; s.close()")
	p.exit()
}

var _ = proctest.Register("holder", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("s", nil))(c)
	proctest.Must(shm.NewLock(seg, "l"))(c).Lock()
	c.Check(proctest.Must(semaphore.New(seg, "m", 3, nil))(c).Acquire(ctx, 2))
	l := proctest.Must(proctest.Must(ring.NewMPMC[int](seg, "w", 4))(c).Next(ctx))(c)
	proctest.Must(proctest.Must(ring.NewSPSC[int](seg, "q", 4))(c).Producer())(c)
	c.Send(*l.Value())
	c.Recv()
})

// testLock has both languages count with a lock, and each wait for the other.
func testLock(t *testing.T) {
	n := proctest.Scaled(5000)
	seg := segment(t)
	l := proctest.Must(shm.NewLock(seg, "l"))(t)
	a := proctest.Must(shm.NewArray[int64](seg, "a", 1))(t)
	peers := []peer{start(t), start(t)}
	for _, p := range peers {
		p.do("", "l, a = s.lock('l'), s.array('a', int, 1)")
		p.Send(fmt.Sprintf("count(l, a, %d)", n))
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
	}
	if x := a.Load(0); x != int64(4*n) {
		t.Errorf("%d of %d counts", x, 4*n)
	}
	l.Lock()
	p := peers[0]
	p.do("False", "l.acquire(block=False)")
	p.do("NotHeld", "l.release()")
	p.Send("l.acquire()")
	l.Unlock()
	p.Expect("True")
	if l.TryLock() {
		t.Error("Go locks what Python has locked")
	}
	got := proctest.Go(func() error { return l.LockContext(ctx) })
	p.do("", "l.release()")
	wantNil(t, "Go locks", proctest.Result(t, got))
	l.Unlock()
	for _, p := range peers {
		p.exit()
	}
}

// testKilled kills who holds a lock, permits, a role and a message, in both languages.
func testKilled(t *testing.T) {
	seg := mortal(t)
	l := proctest.Must(shm.NewLock(seg, "l"))(t)
	m := proctest.Must(semaphore.New(seg, "m", 3, nil))(t)
	w := proctest.Must(ring.NewMPMC[int](seg, "w", 4))(t)
	q := proctest.Must(ring.NewSPSC[int](seg, "q", 4))(t)
	open := func(p peer) {
		p.do("", "l, m, w, q = s.lock('l'), s.semaphore('m', 3), s.mpmc('w', 'int', 4), s.spsc('q', 'int', 4)")
	}
	for i := range 3 {
		// Python dies, Go repairs.
		wantNil(t, "push", w.Push(ctx, i))
		p := start(t)
		open(p)
		p.do("(True, True)", "l.acquire(), m.acquire(permits=2)")
		p.do(i, "int(memoryview(lent := w.next())[()])")
		p.do("", "into = q.producer()")
		locked := proctest.Go(func() error { return l.LockContext(ctx) })
		acquired := proctest.Go(func() error { return m.Acquire(ctx, 3) })
		p.Kill()
		wantError(t, "Go locks", proctest.Result(t, locked), shm.ErrOwnerDied)
		wantNil(t, "Go acquires", proctest.Result(t, acquired))
		if x, err := w.Pop(ctx); x != i || err != nil {
			t.Errorf("Go pops %v, %v", x, err)
		}
		in := proctest.Must(q.Producer())(t)
		l.MarkConsistent()
		l.Unlock()
		m.Release(3)
		wantNil(t, "detach", in.Detach())

		// Go dies, Python repairs.
		wantNil(t, "push", w.Push(ctx, i))
		h := proctest.Start(t, "holder")
		h.Expect(i)
		p = start(t)
		open(p)
		p.do("(False, False)", "l.acquire(timeout=0.001), m.acquire(permits=2, block=False)")
		p.do("Busy", "q.producer()")
		p.do("Empty", "w.pop(timeout=0)")
		if i == 1 { // while it waits
			p.Send("l.acquire()")
			h.Kill()
			p.Expect("OwnerDied")
		} else {
			h.Kill()
			p.do("OwnerDied", "l.acquire(block=False)")
		}
		p.do("", "l.release()")
		p.do("OwnerDied", "l.__enter__()")
		p.do("NotHeld", "l.release()")
		p.do("OwnerDied", "l.acquire()")
		p.do("", "l.mark_consistent(); l.release()")
		p.do("True", "m.acquire(permits=3)")
		p.do(1, "(lent := w.next()).deliveries - 1")
		p.do(i, "int(memoryview(lent)[()])")
		p.do("", "lent.release(); m.release(3); into = q.producer()")
		p.do("True", "l.acquire()")
		p.do("", "l.release()")
		p.exit()
	}
}

func testSemaphore(t *testing.T) {
	seg := segment(t)
	m := proctest.Must(semaphore.New(seg, "m", 3, nil))(t)
	p := start(t)
	p.do("Mismatch", "s.semaphore('m', 4)")
	p.do("", "m = s.semaphore('m', 3)")
	for range 3 {
		p.do("True", "m.acquire(permits=2)")
		got := proctest.Go(func() error { return m.Acquire(ctx, 2) })
		p.do("", "m.release(2)")
		wantNil(t, "Go acquires", proctest.Result(t, got))
		p.do("NotHeld", "m.release()")
		p.do("False", "m.acquire(timeout=0.001, permits=2)")
		p.do(1, "m.get_value()")
		p.Send("m.acquire(permits=3)")
		m.Release(2)
		p.Expect("True")
		if m.TryAcquire(1) {
			t.Error("Go takes what Python has")
		}
		p.do("", "m.release(3)")
	}
	p.exit()
}

// testSPSC streams both ways, through rings that fill up.
func testSPSC(t *testing.T) {
	n := proctest.Scaled(5000)
	seg := segment(t)
	to := proctest.Must(ring.NewSPSC[quote](seg, "to", 16))(t)
	from := proctest.Must(ring.NewSPSC[uint16](seg, "from", 16))(t)
	in, out := proctest.Must(to.Producer())(t), proctest.Must(from.Consumer())(t)
	p := start(t)
	p.do("Busy", "s.spsc('to', '%s', 16).producer()", quoteText)
	p.do("", "to, from_ = s.spsc('to', '%s', 16), s.spsc('from', 'H', 16)", quoteText)
	p.do("", "out, into = to.consumer(), from_.producer()")
	p.Send(fmt.Sprintf("receive(out, lambda n: (n, n & 255, [(0.0, -n), (n / 2, 0)]), 0, %d)", n))
	for i := range uint64(n) {
		wantNil(t, "push", in.Push(ctx, quoteOf(i)))
	}
	p.Expect("")
	p.Send(fmt.Sprintf("send(into, lambda n: n, 0, %d)", n))
	for i := range n {
		if x, err := out.Pop(ctx); x != uint16(i) || err != nil {
			t.Fatalf("Go pops %v, %v, want %v", x, err, i)
		}
	}
	p.Expect("")
	wantNil(t, "close", in.Close())
	p.do("End", "out.pop()")
	p.do("", "into.push(7); into.close()")
	if x, err := out.Pop(ctx); x != 7 || err != nil {
		t.Errorf("Go pops %v, %v", x, err)
	}
	_, err := out.Pop(ctx)
	wantError(t, "the end", err, ring.ErrClosed)
	p.exit()
}

// testBlocks hands arrays of NumPy over, by copies and in place.
func testBlocks(t *testing.T) {
	seg := segment(t)
	to := proctest.Must(ring.NewSPSC[[4096]float64](seg, "to", 4))(t)
	from := proctest.Must(ring.NewSPSC[[4096]float64](seg, "from", 4))(t)
	in, out := proctest.Must(to.Producer())(t), proctest.Must(from.Consumer())(t)
	p := start(t)
	p.do("", "import numpy as np; block = np.dtype((float, 4096)); room = np.zeros(4096)")
	p.do("", "out, into = s.spsc('to', block, 4).consumer(), s.spsc('from', block, 4).producer()")
	p.do("", "def take(): lent = out.next(); x = np.asarray(lent); n = x[0], x.sum(); del x; lent.release(); return n")
	for i, line := range []string{
		"(x := np.asarray(out.pop()))[0], x.sum()", "out.pop(out=room)[0], room.sum()", "take()",
	} {
		block := proctest.Must(in.Reserve(ctx))(t)
		for k := range block {
			block[k] = float64(i + 1)
		}
		wantNil(t, "commit", in.Commit())
		p.do(fmt.Sprintf("(%d.0, %d.0)", i+1, 4096*(i+1)), "%s", line)
	}
	for i, line := range []string{
		"into.push(np.full(4096, 5.0))", "into.push([6.0] * 4096)", "(lent := into.reserve()).__enter__()[0:0]; np.asarray(lent)[:] = 7",
	} {
		p.do("", "%s", line)
		if i == 2 {
			if _, err := out.TryPop(); !errors.Is(err, ring.ErrEmpty) {
				t.Errorf("Go pops what is reserved: %v", err)
			}
			p.do("", "lent.release()")
		}
		if x, err := out.Pop(ctx); err != nil || x[0] != float64(i+5) || x[4095] != float64(i+5) {
			t.Errorf("Go pops %v, %v, %v", x[0], x[4095], err)
		}
	}
	p.exit()
}

// testMPMC has both languages push and pop.
func testMPMC(t *testing.T) {
	n := proctest.Scaled(2000)
	seg := segment(t)
	q := proctest.Must(ring.NewMPMC[quote](seg, "q", 16))(t)
	results := proctest.Must(ring.NewMPMC[uint64](seg, "results", 16))(t)
	pushers, poppers := start(t), start(t)
	for _, p := range []peer{pushers, poppers} {
		p.do("", "q, results = s.mpmc('q', '%s', 16), s.mpmc('results', 'uint64', 16)", quoteText)
	}
	wantNil(t, "push", q.Push(ctx, quoteOf(7)))
	pushers.do("", "lent = q.next()")
	lent := proctest.Go(func() ring.Lent[quote] { return proctest.Must(q.Next(ctx))(t) })
	pushers.do("", "lent.abandon()")
	if l := proctest.Result(t, lent); *l.Value() != quoteOf(7) || l.Deliveries() != 2 || l.Release() != nil {
		t.Errorf("Go is lent %v, for the %d. time", *l.Value(), l.Deliveries())
	}
	wantNil(t, "push", q.Push(ctx, quoteOf(8)))
	pushers.do("", "q.next().abandon()")
	for _, o := range proctest.Must(shm.Inspect("s", nil))(t).Objects {
		if len(o.Faults) > 0 {
			t.Errorf("%s, where a message was given back: %v", o.Name, o.Faults)
		}
	}
	if x := proctest.Must(q.Pop(ctx))(t); x != quoteOf(8) {
		t.Errorf("Go pops %v", x)
	}
	pushers.Send(fmt.Sprintf("send(q, lambda n: (n, 0, [(0, 0), (0, 0)]), 0, %d)", n))
	poppers.Send("for x in q: results.push(x[0])")
	pushed := proctest.Go(func() error {
		for i := range n {
			if err := q.Push(ctx, quote{ID: uint64(n + i)}); err != nil {
				return err
			}
		}
		return nil
	})
	popped := proctest.Go(func() error {
		for {
			x, err := q.Pop(ctx)
			if errors.Is(err, ring.ErrClosed) {
				return nil
			}
			if err == nil {
				err = results.Push(ctx, x.ID)
			}
			if err != nil {
				return err
			}
		}
	})
	seen := make([]bool, 2*n)
	for range seen {
		x := proctest.Must(results.Pop(ctx))(t)
		if seen[x] {
			t.Fatalf("%d comes twice", x)
		}
		seen[x] = true
	}
	wantNil(t, "push", proctest.Result(t, pushed))
	pushers.Expect("")
	pushers.do("", "q.close()")
	wantNil(t, "pop", proctest.Result(t, popped))
	poppers.Expect("")
	pushers.do("End", "q.push((0, 0, [(0, 0), (0, 0)]))")
	pushers.exit()
	poppers.exit()
}

func testBytes(t *testing.T) {
	n := proctest.Scaled(2000)
	seg := segment(t)
	to := proctest.Must(ring.NewBytes(seg, "to", 1024))(t)
	from := proctest.Must(ring.NewBytes(seg, "from", 1024))(t)
	in, out := proctest.Must(to.Producer())(t), proctest.Must(from.Consumer())(t)
	p := start(t)
	p.do("", "out, into = s.bytes('to', 1024).consumer(), s.bytes('from', 1024).producer()")
	message := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i%200) }
	p.Send(fmt.Sprintf("receive(out, lambda n: bytes([n & 255]) * (n %% 200), 0, %d)", n))
	for i := range n {
		wantNil(t, "push", in.Push(ctx, message(i)))
	}
	p.Expect("")
	p.Send(fmt.Sprintf("send(into, lambda n: bytes([n & 255]) * (n %% 200), 0, %d)", n))
	for i := range n {
		if x, err := out.Pop(ctx, nil); !bytes.Equal(x, message(i)) || err != nil {
			t.Fatalf("Go pops %v, %v, want %v", x, err, i)
		}
	}
	p.Expect("")
	wantNil(t, "push", in.Push(ctx, []byte("in place")))
	p.do("b'in place'", "bytes((lent := out.next()).__enter__())")
	p.do("", "lent.release(); lent = into.reserve(3); memoryview(lent)[:] = b'abc'; lent.release()")
	if x, err := out.Pop(ctx, nil); string(x) != "abc" || err != nil {
		t.Errorf("Go pops %q, %v", x, err)
	}
	p.do("", "into.close()")
	_, err := out.Pop(ctx, nil)
	wantError(t, "the end", err, ring.ErrClosed)
	p.exit()
}

// testKilledStream kills producers and consumers in Python in the midst of streams.
func testKilledStream(t *testing.T) {
	seg := mortal(t)
	q := proctest.Must(ring.NewSPSC[[4]uint64](seg, "q", 64))(t)
	out := proctest.Must(q.Consumer())(t)
	for next := uint64(0); next < 900; {
		p := start(t)
		p.do("", "into = s.spsc('q', '[4]uint64', 64).producer()")
		p.Send(fmt.Sprintf("send(into, lambda n: [n] * 4, %d, 1 << 40)", next))
		for end := next + 300; next < end; next++ {
			if m, err := out.Pop(ctx); err != nil || m != [4]uint64{next, next, next, next} {
				t.Fatalf("Go pops %v, %v, want %d", m, err, next)
			}
		}
		p.Kill()
		for m, err := out.TryPop(); err == nil; m, err = out.TryPop() {
			if m != [4]uint64{next, next, next, next} {
				t.Fatalf("Go pops %v, want %d", m, next)
			}
			next++
		}
	}
	wantNil(t, "detach", out.Detach())
	in := proctest.Must(q.Producer())(t)
	p := start(t)
	p.do("", "lent = s.spsc('q', '[4]uint64', 64).consumer().next")
	wantNil(t, "push", in.Push(ctx, [4]uint64{1, 2, 3, 4}))
	p.do("[1, 2, 3, 4]", "(lent := lent()).__enter__().tolist()")
	p.Kill()
	out = proctest.Must(q.Consumer())(t) // what it was lent comes to its successor
	if m, err := out.Pop(ctx); err != nil || m != [4]uint64{1, 2, 3, 4} {
		t.Errorf("Go pops %v, %v", m, err)
	}
}

// testExample runs examples/python.
func testExample(t *testing.T) {
	proctest.Dir(t)
	c := exec.Command("go", "run", "../../examples/python", "-python", interpreter())
	c.Env = append(os.Environ(), "PYTHONPATH="+lib)
	out, err := c.CombinedOutput()
	want := "Python is done with 2 processes\n"
	for i := range 10 {
		want += fmt.Sprintf("sum of a block: %d\n", 4096*4095/2+4096*i)
	}
	want += "end balance: 0\n"
	if string(out) != want || err != nil {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
