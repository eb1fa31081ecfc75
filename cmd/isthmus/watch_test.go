package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// sample says its number in each field.
type numbered struct {
	N    uint64
	More [7]uint64
}

func number(n uint64) numbered {
	m := numbered{N: n}
	for i := range m.More {
		m.More[i] = n * uint64(i+3)
	}
	return m
}

const passing = 50_000

var _ = proctest.Register("pusher", func(c *proctest.Child) {
	s := shared.Open(c)
	defer s.Close()
	p := proctest.Must(proctest.Must(ring.NewSPSC[numbered](s, "busy", 64))(c).Producer())(c)
	c.Send("ready")
	c.Expect("go")
	for n := uint64(0); n < passing; {
		switch err := p.TryPush(number(n)); err {
		case nil:
			n++
		case ring.ErrFull:
			runtime.Gosched()
		default:
			c.Check(err)
		}
	}
	c.Check(p.Close())
	c.Send("pushed")
})

var _ = proctest.Register("popper", func(c *proctest.Child) {
	s := shared.Open(c)
	defer s.Close()
	q := proctest.Must(proctest.Must(ring.NewSPSC[numbered](s, "busy", 64))(c).Consumer())(c)
	c.Send("ready")
	for n := uint64(0); ; {
		switch m, err := q.TryPop(); {
		case err == ring.ErrEmpty:
			runtime.Gosched()
		case err == ring.ErrClosed:
			c.Send("popped", n)
			return
		case err != nil || m != number(n):
			c.Fatalf("popped %v, %v, expected %d", m, err, n)
		default:
			n++
		}
	}
})

// lines are those of a watch.
type lines struct {
	t   *testing.T
	out *bufio.Reader
}

// line is any line that a watch writes.
type line struct {
	Watching, Kind, Type string
	Position             uint64
	Size                 uint64
	Value                json.RawMessage
	Missed               uint64
	Unit                 string
	Ended                string
	Messages             uint64
}

func (l *lines) next() (v line) {
	l.t.Helper()
	text := proctest.Must(l.out.ReadString('\n'))(l.t)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		l.t.Fatalf("%v: %s", err, text)
	}
	return v
}

// watch starts a watch, and returns its lines and how to wait for its end.
func watch(t *testing.T, args ...string) (l *lines, wait func() (code int, errs string), kill func(os.Signal)) {
	t.Helper()
	cmd := program(t, append([]string{"watch", "-json"}, args...)...)
	out := proctest.Must(cmd.StdoutPipe())(t)
	var errs strings.Builder
	cmd.Stderr = &errs
	proctest.Check(t, cmd.Start())
	wait = func() (int, string) { cmd.Wait(); return cmd.ProcessState.ExitCode(), errs.String() }
	return &lines{t, bufio.NewReader(out)}, wait, func(s os.Signal) { cmd.Process.Signal(s) }
}

// TestWatchBusy watches a ring in a segment that has no room for one more process: no message is
// lost or changed for the two that have it, and each is seen whole and in order, or counted.
func TestWatchBusy(t *testing.T) {
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 3})
	proctest.Must(ring.NewSPSC[numbered](s.Segment, "busy", 64))(t)
	procs := []*proctest.Proc{s.Start(t, "pusher"), s.Start(t, "popper")}
	for _, p := range procs {
		p.Expect("ready")
	}
	l, wait, _ := watch(t, shared.Name, "busy")
	if first := l.next(); first.Watching != "busy" || first.Kind != "SPSC ring" || first.Unit != "messages" ||
		first.Position != 0 || first.Type != "{N 0 uint64,More 8 [7]uint64}" {
		t.Errorf("%+v", first)
	}
	procs[0].Send("go")
	var seen, missed, next uint64
	for {
		v := l.next()
		if v.Ended != "" {
			if v.Ended != "closed" || v.Messages != seen || v.Missed != missed || seen+missed != passing {
				t.Errorf("%+v, saw %d and missed %d of %d", v, seen, missed, passing)
			}
			break
		}
		if v.Position != next {
			t.Fatalf("%+v, expected position %d", v, next)
		}
		if v.Missed != 0 {
			missed, next = missed+v.Missed, next+v.Missed
			continue
		}
		var m numbered
		proctest.Check(t, json.Unmarshal(v.Value, &m))
		if m != number(next) || v.Size != 64 {
			t.Fatalf("%+v, expected message %d", v, next)
		}
		seen, next = seen+1, next+1
	}
	if code, errs := wait(); code != exitOK || errs != "" {
		t.Errorf("exit code %d: %s", code, errs)
	}
	procs[0].Expect("pushed")
	procs[1].Expect("popped", passing)
	for _, p := range procs {
		p.Wait()
	}
	t.Logf("saw %d", seen)
}

// TestWatchEnds ends watches in each way there is.
func TestWatchEnds(t *testing.T) {
	s := shared.Named(t)
	another := shared.Open(t)
	q := proctest.Must(ring.NewMPMC[leg](another, "legs", 8))(t)
	b := proctest.Must(ring.NewBytesMPMC(another, "text", 1<<12))(t)
	proctest.Check(t, q.TryPush(leg{1.5, -2}))
	proctest.Check(t, q.TryPush(leg{2.5, 3}))
	proctest.Check(t, b.TryPush([]byte("a\x1b\u009b")))
	proctest.Check(t, b.TryPush([]byte{0xff, 0xfe}))

	if out := expect(t, exitOK, "watch", shared.Name, "legs", "-oldest", "-n1"); out != `legs: MPMC ring of {Price 0 float64,Size 8 int64}, from position 0
0  {"Price":1.5,"Size":-2}
messages: 1 message, missed 0 messages
` {
		t.Error(out)
	}
	if out := expect(t, exitOK, "watch", shared.Name, "text", "-oldest", "-n2"); out != `text: MPMC byte ring, from position 0
0  "a\u001b\u009b"
1  0xfffe
messages: 2 messages, missed 0 bytes
` {
		t.Error(out)
	}
	proctest.Check(t, b.Close())
	if out := expect(t, exitOK, "watch", shared.Name, "text", "-oldest", "-bytes=1"); !strings.Contains(out, "0  0x61… of 4 bytes\n") ||
		!strings.HasSuffix(out, "closed: 2 messages, missed 0 bytes\n") {
		t.Error(out)
	}

	if runtime.GOOS != "windows" { // where no process sends this to another one
		l, wait, kill := watch(t, shared.Name, "legs")
		l.next()
		kill(os.Interrupt)
		if v := l.next(); v.Ended != "interrupted" {
			t.Errorf("%+v", v)
		}
		if code, errs := wait(); code != exitOK {
			t.Error(code, errs)
		}
	}

	l, wait, _ := watch(t, shared.Name, "legs")
	l.next()
	proctest.Must(q.TryPop())(t)
	proctest.Check(t, q.TryPush(leg{3.5, 4}))
	if v := l.next(); string(v.Value) != `{"Price":3.5,"Size":4}` {
		t.Errorf("%+v", v)
	}
	proctest.Check(t, another.Close())
	proctest.Check(t, s.RemoveObject("legs"))
	if v := l.next(); v.Ended != "gone" || v.Messages != 1 {
		t.Errorf("%+v", v)
	}
	if code, errs := wait(); code != exitMissing || !strings.Contains(errs, `MPMC ring "legs": was removed`) {
		t.Error(code, errs)
	}
}

// TestWatchReplaced has the segment removed, and another made.
func TestWatchReplaced(t *testing.T) {
	proctest.Dir(t)
	first := proctest.Must(shm.Create(shared.Name, 1<<16, nil))(t)
	defer first.Close()
	furnish(t, first)
	l, wait, _ := watch(t, shared.Name, "log")
	l.next()
	proctest.Check(t, shm.Remove(shared.Name, nil))
	second := proctest.Must(shm.Create(shared.Name, 1<<16, nil))(t)
	defer shm.Remove(shared.Name, nil)
	defer second.Close()
	if v := l.next(); v.Ended != "gone" {
		t.Errorf("%+v", v)
	}
	if code, errs := wait(); code != exitMissing || !strings.Contains(errs, "segment was removed") {
		t.Error(code, errs)
	}
}

// TestWatchCutOff has the file cut off under a watch.
func TestWatchCutOff(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be cut off")
	}
	dir := proctest.Dir(t)
	s := proctest.Must(shm.Create(shared.Name, 1<<16, nil))(t)
	furnish(t, s)
	proctest.Check(t, s.Close())
	defer shm.Remove(shared.Name, nil)
	l, wait, _ := watch(t, shared.Name, "log")
	l.next()
	proctest.Check(t, os.Truncate(filepath.Join(dir, "isthmus."+shared.Name), 4096))
	if v := l.next(); v.Ended != "corrupt" {
		t.Errorf("%+v", v)
	}
	if code, errs := wait(); code != exitDamaged || !strings.Contains(errs, "cut off") {
		t.Error(code, errs)
	}
}

// TestAllMissed watches a ring whose messages are taken at once: it tells so before its end.
func TestAllMissed(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewMPMC[leg](s.Segment, "legs", 8))(t)
	l, wait, kill := watch(t, shared.Name, "legs")
	l.next()
	end := make(chan bool)
	passed := proctest.Go(func() error {
		for {
			select {
			case <-end:
				return nil
			case <-time.After(time.Millisecond):
			}
			if err := q.TryPush(leg{}); err != nil {
				return err
			}
			if _, err := q.TryPop(); err != nil {
				return err
			}
		}
	})
	began := time.Now()
	var missed, next uint64
	for v := l.next(); missed == 0; v = l.next() {
		if v.Ended != "" || v.Position != next {
			t.Fatalf("%+v", v)
		}
		next += max(v.Missed, 1)
		missed += v.Missed
	}
	proctest.Prompt(t, "told", began)
	close(end)
	proctest.Check(t, proctest.Result(t, passed))
	kill(os.Kill)
	wait()
}

// TestTop looks at a ring that is in use.
func TestTop(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewSPSC[leg](s.Segment, "legs", 8))(t)
	p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
	v := proctest.Must(shm.NewValue[order](s.Segment, "value"))(t)
	cmd := program(t, "top", "-json", "-n", "100000", "-d", "1ms", shared.Name)
	out := proctest.Must(cmd.StdoutPipe())(t)
	proctest.Check(t, cmd.Start())
	end := make(chan bool)
	pushed := proctest.Go(func() error {
		for {
			select {
			case <-end:
				return nil
			default:
			}
			if err := p.TryPush(leg{}); err != nil {
				return err
			}
			if _, err := c.TryPop(); err != nil {
				return err
			}
			v.Store(order{})
		}
	})
	in := bufio.NewReader(out)
	moved := 0
	proctest.Until(t, "rates are seen", func() bool {
		var f Frame
		proctest.Check(t, json.Unmarshal([]byte(proctest.Must(in.ReadString('\n'))(t)), &f))
		legs, value := f.Objects[0], f.Objects[1]
		if len(f.Objects) != 2 || f.Time.IsZero() || legs.Object != "legs" || legs.Unit != "messages" || *legs.In < 0 || *legs.Out < 0 ||
			legs.Fill == nil || *value.In < 0 || value.Out != nil || value.Fill != nil || value.Unit != "writes" {
			t.Errorf("%+v", f)
		}
		if *legs.In > 0 && *legs.Out > 0 && *value.In > 0 {
			moved++
		}
		return moved == 3 || t.Failed()
	})
	proctest.Check(t, cmd.Process.Kill())
	cmd.Wait()
	close(end)
	proctest.Check(t, proctest.Result(t, pushed))
	golden(t, expect(t, exitOK, "top", "-n2", "-d1ms"), `
SEGMENT OBJECT KIND IN/s OUT/s FILL STATE
test legs SPSC ring 0 0 0% 0 messages, producer pid P, consumer pid P
test value value 0 - - VERSION

SEGMENT OBJECT KIND IN/s OUT/s FILL STATE
test legs SPSC ring 0 0 0% 0 messages, producer pid P, consumer pid P
test value value 0 - - VERSION
`)
}
