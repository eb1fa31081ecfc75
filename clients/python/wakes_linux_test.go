//go:build amd64 && !isthmus_nofutex

package python_test

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// testWakes has Go sleep, and what Python does wake it: nobody looks at intervals here.
func testWakes(t *testing.T) {
	seg := segment(t)
	p := start(t)
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(t)
	big := proctest.Must(shm.NewValue[[3]int64](seg, "big"))(t)
	l := proctest.Must(shm.NewLock(seg, "l"))(t)
	m := proctest.Must(semaphore.New(seg, "m", 1, nil))(t)
	w := proctest.Must(ring.NewMPMC[int64](seg, "w", 2))(t)
	to := proctest.Must(ring.NewSPSC[[4]int64](seg, "to", 1))(t)
	from := proctest.Must(ring.NewSPSC[[4]int64](seg, "from", 1))(t)
	bytesTo := proctest.Must(ring.NewBytes(seg, "bytesTo", 64))(t)
	bytesFrom := proctest.Must(ring.NewBytes(seg, "bytesFrom", 64))(t)
	in, out := proctest.Must(to.Producer())(t), proctest.Must(from.Consumer())(t)
	bytesIn, bytesOut := proctest.Must(bytesTo.Producer())(t), proctest.Must(bytesFrom.Consumer())(t)
	for _, line := range []string{
		"v, big, l, m, w = s.value('v', int), s.value('big', '[3]int64'), s.lock('l'), s.semaphore('m', 1), s.mpmc('w', int, 2)",
		"out, into = s.spsc('to', '[4]int64', 1).consumer(), s.spsc('from', '[4]int64', 1).producer()",
		"bytes_out, bytes_into = s.bytes('bytesTo', 64).consumer(), s.bytes('bytesFrom', 64).producer()",
	} {
		p.do("", "%s", line)
	}
	changes := func() error {
		_, version := v.LoadVersion()
		_, _, err := v.Wait(ctx, version)
		return err
	}
	pop := func() error { _, err := out.Pop(ctx); return err }
	popBytes := func() error { _, err := bytesOut.Pop(ctx, nil); return err }
	popShared := func() error { _, err := w.Pop(ctx); return err }
	push := func() error { return in.Push(ctx, [4]int64{}) }
	pushBytes := func() error { return bytesIn.Push(ctx, make([]byte, 16)) }
	wantNil(t, "push", push())
	wantNil(t, "push", pushBytes())
	for _, test := range []struct {
		object string
		events []int
		before string
		wait   func() error
		line   string
	}{
		{"v", []int{8}, "", changes, "v.store(1)"},
		{"v", []int{8}, "", changes, "v.value += 1"},
		{"v", []int{8}, "", changes, "_ = v.add(1)"},
		{"v", []int{8}, "", changes, "_ = v.update(lambda x: x + 1)"},
		{"v", []int{8}, "", changes, "_ = v.compare_and_swap(4, 5)"},
		{"big", []int{136}, "", func() error { _, version := big.LoadVersion(); _, _, err := big.Wait(ctx, version); return err }, "big.store([1, 2, 3])"},
		{"l", []int{8, 12}, "_ = l.acquire()", func() error { return l.LockContext(ctx) }, "l.release()"},
		{"m", []int{8, 12}, "_ = m.acquire()", func() error { return m.Acquire(ctx, 1) }, "m.release()"},
		{"w", []int{0}, "", popShared, "w.push(1)"},
		{"w", []int{128}, "w.push(1); w.push(2)", func() error { return w.Push(ctx, 1) }, "_ = w.pop()"},
		{"w", []int{128}, "", func() error { return w.Push(ctx, 1) }, "w.next().release()"},
		{"from", []int{0}, "", pop, "into.push([0] * 4)"},
		{"from", []int{0}, "", pop, "into.reserve().release()"},
		{"to", []int{128}, "", push, "_ = out.pop()"},
		{"to", []int{128}, "", push, "out.next().release()"},
		{"bytesFrom", []int{0}, "", popBytes, "bytes_into.push(b'')"},
		{"bytesFrom", []int{0}, "", popBytes, "bytes_into.reserve(1).release()"},
		{"bytesTo", []int{128}, "", func() error { return errorsOf(pushBytes, pushBytes) }, "_ = bytes_out.pop(), bytes_out.pop()"},
		{"bytesTo", []int{128}, "", func() error { return errorsOf(pushBytes, pushBytes) }, "bytes_out.next().release(); bytes_out.next().release()"},
		{"from", []int{0}, "", pop, "into.close()"},
		{"bytesFrom", []int{0}, "", popBytes, "bytes_into.close()"},
	} {
		p.do("", "%s", test.before)
		done := proctest.Go(test.wait)
		asleep(t, test.object, test.events...)
		p.do("", "%s", test.line)
		err := proctest.Result(t, done)
		if test.line[len(test.line)-7:] == "close()" {
			wantError(t, test.line, err, ring.ErrClosed)
		} else {
			wantNil(t, test.line, err)
		}
	}
	p.exit()
}

func errorsOf(fs ...func() error) error {
	for _, f := range fs {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// asleep waits until somebody has armed one of the Events at offsets of an object
// (docs/FORMAT.md, F16 and F22).
func asleep(t *testing.T, name string, offs ...int) {
	t.Helper()
	order := binary.NativeEndian
	proctest.Until(t, "somebody sleeps", func() bool {
		b := proctest.Must(os.ReadFile(os.Getenv("ISTHMUS_DIR") + "/isthmus.s"))(t)
		for e := b[order.Uint64(b[40:]):]; order.Uint32(e) == 1; e = e[256:] {
			if string(e[56:56+len(name)]) == name && e[56+len(name)] == 0 {
				mem := b[order.Uint64(e[8:]):]
				return slices.ContainsFunc(offs, func(off int) bool { return order.Uint32(mem[off:])&1 != 0 })
			}
		}
		t.Fatalf("there is no object %q", name)
		return false
	})
}
