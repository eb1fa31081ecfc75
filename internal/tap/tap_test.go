package tap

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func each(t *testing.T, capacity int, test func(t *testing.T, k kind, s shared.Segment, e ends)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := shared.Named(t)
			test(t, k, s, k.open(t, s.Segment, capacity))
		})
	}
}

// expect steps through messages of these numbers.
func expect(t *testing.T, tap *Tap, numbers ...uint64) {
	t.Helper()
	for _, want := range numbers {
		e, err := tap.next()
		if n, whole := number(e.Data); err != nil || e.Missed != 0 || !whole || n != want || e.Size != 64 {
			t.Fatalf("%+v, %v: message %d, expected %d", e, err, n, want)
		}
	}
}

func expectError(t *testing.T, tap *Tap, want error) {
	t.Helper()
	if e, err := tap.next(); !errors.Is(err, want) {
		t.Fatalf("%+v, %v, expected %v", e, err, want)
	}
}

func pushAll(t *testing.T, e ends, from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		proctest.Check(t, e.push(n))
	}
}

func popAll(t *testing.T, e ends, from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		if got, err := e.pop(); err != nil || got != n && got != 0 {
			t.Fatalf("popped %d, %v, expected %d", got, err, n)
		}
	}
}

func TestOrder(t *testing.T) {
	each(t, 8, func(t *testing.T, k kind, s shared.Segment, e ends) {
		pushAll(t, e, 0, 3)
		tapped(t, Options{}, func(tap *Tap) {
			expectError(t, tap, errEmpty)
			pushAll(t, e, 3, 5)
			expect(t, tap, 3, 4)
			expectError(t, tap, errEmpty)
		})
		tapped(t, Options{Oldest: true}, func(tap *Tap) {
			expect(t, tap, 0, 1, 2, 3, 4)
			popAll(t, e, 0, 5)
			for n := uint64(5); n < 50; n++ { // round the ring
				pushAll(t, e, n, n+1)
				expect(t, tap, n)
				popAll(t, e, n, n+1)
			}
			expectError(t, tap, errEmpty)
			pushAll(t, e, 50, 51)
			proctest.Check(t, e.close())
			expect(t, tap, 50)
			expectError(t, tap, errClosed)
		})
	})
}

// TestMissed looks again after a while, and counts.
func TestMissed(t *testing.T) {
	for _, passed := range []uint64{1, 3, 8, 9, 20, 1000} {
		each(t, 8, func(t *testing.T, k kind, s shared.Segment, e ends) {
			tapped(t, Options{}, func(tap *Tap) {
				start := *tap.ring.cursor()
				for n := range passed {
					pushAll(t, e, n, n+1)
					popAll(t, e, n, n+1)
				}
				pushAll(t, e, passed, passed+1)
				var missed uint64
				var seen []uint64
				for {
					e, err := tap.next()
					if err == errEmpty {
						break
					}
					proctest.Check(t, err)
					if missed += e.Missed; e.Missed != 0 {
						continue
					}
					n, whole := number(e.Data)
					if !whole {
						t.Fatalf("%+v is torn", e)
					}
					seen = append(seen, n)
				}
				went := (tap.ring.cursor().pos - start.pos) * k.unit
				if took := uint64(len(seen)) * k.room * k.unit; missed+took != went && k.name != "bytes" || missed+took > went {
					t.Errorf("missed %d, and saw %d, of %d", missed, took, went)
				}
				if !slices.IsSorted(seen) || len(seen) == 0 || seen[len(seen)-1] != passed {
					t.Errorf("saw %d", seen)
				}
				if k.popped && passed < 4 && missed != 0 || !k.popped && len(seen) != 1 {
					t.Errorf("missed %d, and saw %d", missed, seen)
				}
			})
		})
	}
}

// TestOvertaken goes round the ring while a message is copied.
func TestOvertaken(t *testing.T) {
	for _, laps := range []uint64{1, 2, 7} {
		each(t, 8, func(t *testing.T, k kind, s shared.Segment, e ends) {
			pushAll(t, e, 0, 4)
			tapped(t, Options{Oldest: true}, func(tap *Tap) {
				during(t, func() {
					popAll(t, e, 0, 4)
					for n := uint64(4); n < 4+laps*8; n++ {
						pushAll(t, e, n, n+1)
						popAll(t, e, n, n+1)
					}
					pushAll(t, e, 1000, 1001)
				})
				var missed uint64
				for {
					e, err := tap.next()
					proctest.Check(t, err)
					if missed += e.Missed; e.Missed != 0 {
						continue
					}
					n, whole := number(e.Data)
					if !whole || n == 0 {
						t.Fatalf("%+v was overwritten", e)
					}
					if n == 1000 {
						break
					}
				}
				if missed == 0 {
					t.Error("nothing was missed")
				}
			})
		})
	}
}

// TestGone removes the ring, and makes it again, before a step and in the middle of one.
func TestGone(t *testing.T) {
	for _, again := range []bool{false, true} {
		for _, middle := range []bool{false, true} {
			for _, k := range kinds {
				t.Run(k.name, func(t *testing.T) {
					s := shared.Named(t)
					another := shared.Open(t)
					e := k.open(t, another, 8)
					pushAll(t, e, 0, 2)
					renew := func() {
						proctest.Check(t, another.Close())
						proctest.Check(t, s.RemoveObject(object))
						if again {
							e = k.open(t, s.Segment, 8)
							pushAll(t, e, 0, 1)
						}
					}
					tapped(t, Options{Oldest: true}, func(tap *Tap) {
						expect(t, tap, 0)
						if middle {
							during(t, renew)
						} else {
							expect(t, tap, 1)
							renew()
						}
						if middle && again { // it may be the one that it was
							if e, err := tap.next(); err == nil {
								t.Errorf("%+v of a ring that was removed", e)
							}
						} else {
							expectError(t, tap, ErrGone)
						}
					})
				})
			}
		}
	}
}

// TestGivenUp gives up places, and lends messages.
func TestGivenUp(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewMPMC[message](s.Segment, object, 8))(t)
	tapped(t, Options{}, func(tap *Tap) {
		proctest.Check(t, q.TryPush(numbered(1)))
		r := proctest.Must(q.TryReserve())(t)
		proctest.Check(t, q.TryPush(numbered(2)))
		expect(t, tap, 1)
		expectError(t, tap, errEmpty) // nobody can go past what is reserved
		proctest.Check(t, r.Cancel())
		if e, err := tap.next(); e.Missed != 1 || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
		expect(t, tap, 2)
		proctest.Check(t, q.TryPush(numbered(3)))
		for range 2 {
			proctest.Must(q.TryPop())(t)
		}
		proctest.Must(q.TryNext())(t)
		proctest.Check(t, q.TryPush(numbered(4)))
		if e, err := tap.next(); e.Missed != 1 || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
		expect(t, tap, 4)
	})
}

// TestLengths has messages of all lengths, in batches, and around the end of the rings.
func TestLengths(t *testing.T) {
	for _, multi := range []bool{false, true} {
		s := shared.Named(t)
		var push func(bs [][]byte) (int, error)
		var pop func() ([]byte, error)
		if multi {
			q := proctest.Must(ring.NewBytesMPMC(s.Segment, object, 1<<14))(t)
			push = func(bs [][]byte) (int, error) { return q.PushAll(context.Background(), bs) }
			pop = func() ([]byte, error) { return q.TryPop(nil) }
		} else {
			q := proctest.Must(ring.NewBytes(s.Segment, object, 1<<14))(t)
			p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
			push = func(bs [][]byte) (int, error) { return p.PushAll(context.Background(), bs) }
			pop = func() ([]byte, error) { return c.TryPop(nil) }
		}
		tapped(t, Options{Limit: 100}, func(tap *Tap) {
			random := proctest.Random(t)
			for range 2000 {
				var bs [][]byte
				for size := random.IntN(10); len(bs) < random.IntN(6)+1; size = random.IntN(1 << random.IntN(12)) {
					for range random.IntN(3) + 1 {
						b := make([]byte, size)
						for i := range b {
							b[i] = byte(random.Uint32())
						}
						bs = append(bs, b)
					}
					if len(bs) > 3 {
						break
					}
				}
				proctest.Must(push(bs))(t)
				for _, b := range bs {
					e, err := tap.next()
					if err != nil || e.Missed != 0 || e.Size != uint64(len(b)) || string(e.Data) != string(b[:min(len(b), 100)]) {
						t.Fatalf("%v: %d bytes, missed %d, of a message of %d", err, e.Size, e.Missed, len(b))
					}
					proctest.Must(pop())(t)
				}
			}
		})
	}
}

// TestHostile steps through rings that are scribbled over, before and during the steps.
func TestHostile(t *testing.T) {
	each(t, 16, func(t *testing.T, k kind, s shared.Segment, e ends) {
		pushAll(t, e, 0, 4)
		info := proctest.Must(shm.Inspect(shared.Name, nil))(t)
		o := info.Objects[0]
		f := proctest.Must(os.OpenFile(info.Path, os.O_RDWR, 0))(t)
		defer f.Close()
		random := proctest.Random(t)
		scribble := func() {
			var b [8]byte
			binary.NativeEndian.PutUint64(b[:], spoilt(random))
			off := []int64{0, offHead, offTail, offBody + random.Int64N((o.Size-offBody)/8)*8}[random.IntN(4)]
			proctest.Must(f.WriteAt(b[:], o.Offset+off))(t)
		}
		defer func() { copied = nil }()
		for range 300 {
			tapped(t, Options{Oldest: random.IntN(2) == 0}, func(tap *Tap) {
				for range 20 {
					scribble()
					copied = scribble
					if _, err := tap.next(); err != nil && err != errEmpty && err != errClosed {
						if !errors.Is(err, layout.ErrCorrupt) && !errors.Is(err, ErrGone) {
							t.Fatal(err)
						}
						break
					}
				}
			})
		}
	})
}

// spoilt returns a word that may fit into a ring, or not.
func spoilt(random *rand.Rand) uint64 {
	w := random.Uint64() >> random.IntN(64)
	if random.IntN(2) == 0 {
		w = w&^7 | uint64(random.IntN(8))
	}
	return w << (random.IntN(3) * random.IntN(60))
}

// TestNoRing opens what is no ring.
func TestNoRing(t *testing.T) {
	s := shared.Named(t)
	proctest.Must(shm.NewLock(s.Segment, object))(t)
	nothing := func(*Tap) func(Event) error { return nil }
	if err := Watch(t.Context(), shared.Name, object, nil, Options{}, nothing); !errors.Is(err, ErrNoRing) {
		t.Error(err)
	}
	if err := Watch(t.Context(), shared.Name, "absent", nil, Options{}, nothing); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

// TestReserved has a producer that writes to the slot of the message while it is copied, and does
// not publish what it writes; and one that is a slot before.
func TestReserved(t *testing.T) {
	for _, pushed := range []uint64{7, 8} { // before the one that is reserved, of 8
		s := shared.Named(t)
		q := proctest.Must(ring.NewSPSC[message](s.Segment, object, 8))(t)
		p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
		proctest.Check(t, p.TryPush(numbered(0)))
		tapped(t, Options{Oldest: true}, func(tap *Tap) {
			during(t, func() {
				proctest.Must(c.TryPop())(t)
				for n := uint64(1); n < pushed; n++ {
					proctest.Check(t, p.TryPush(numbered(n)))
				}
				m := proctest.Must(p.TryReserve())(t)
				*m = numbered(99)
			})
			switch e, err := tap.next(); {
			case err != nil:
				t.Error(err)
			case pushed == 7 && inOrder:
				if n, whole := number(e.Data); e.Missed != 0 || !whole || n != 0 {
					t.Errorf("%+v was there all the time", e)
				}
			case e.Missed == 0:
				t.Errorf("%+v was overwritten", e)
			}
		})
	}
}

// TestLaps looks again when so many laps have passed that a claimed word shows the same one.
func TestLaps(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewMPMC[message](s.Segment, object, 2))(t)
	tapped(t, Options{}, func(tap *Tap) {
		const laps = 1 << 14
		for n := range uint64(2 * laps) {
			proctest.Check(t, q.TryPush(numbered(n)))
			proctest.Must(q.TryPop())(t)
		}
		proctest.Must(q.TryReserve())(t)
		if e, err := tap.next(); e.Missed != 2*laps || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
		expectError(t, tap, errEmpty)
	})
}

// TestRecord sees some messages of a record, and misses those behind it.
func TestRecord(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewBytes(s.Segment, object, 1<<12))(t)
	p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
	tapped(t, Options{}, func(tap *Tap) {
		const record = 8 + 3*64
		proctest.Must(p.PushAll(t.Context(), [][]byte{text(0, 8), text(1, 8), text(2, 8)}))(t)
		expect(t, tap, 0, 1)
		for range 3 {
			proctest.Must(c.TryPop(nil))(t)
		}
		proctest.Check(t, p.TryPush(text(3, 8)))
		proctest.Must(c.TryPop(nil))(t)
		proctest.Check(t, p.TryPush(text(4, 8)))
		if e, err := tap.next(); e.Missed != 64+72 || e.Position != record-64 || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
		expect(t, tap, 4)
	})
}

// TestAnother has another object in the place of the ring.
func TestAnother(t *testing.T) {
	s := shared.Named(t)
	another := shared.Open(t)
	q := proctest.Must(ring.NewMPMC[message](another, object, 8))(t)
	proctest.Check(t, q.TryPush(numbered(0)))
	tapped(t, Options{Oldest: true}, func(tap *Tap) {
		during(t, func() {
			proctest.Check(t, another.Close())
			proctest.Check(t, s.RemoveObject(object))
			q := proctest.Must(ring.NewMPMC[message](s.Segment, "other", 8))(t)
			proctest.Check(t, q.TryPush(numbered(1)))
		})
		expectError(t, tap, ErrGone)
	})
}

// TestLarge does not show what was popped where a producer's stores may be seen in another order.
func TestLarge(t *testing.T) {
	s := shared.Named(t)
	q := proctest.Must(ring.NewSPSC[[2048]uint64](s.Segment, object, 4))(t)
	p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
	proctest.Check(t, p.TryPush([2048]uint64{}))
	tapped(t, Options{Oldest: true}, func(tap *Tap) {
		during(t, func() { proctest.Must(c.TryPop())(t) })
		if e, err := tap.next(); e.Missed != 1 || err != nil {
			t.Errorf("missed %d, %v", e.Missed, err)
		}
	})
}
