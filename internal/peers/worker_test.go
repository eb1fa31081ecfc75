package peers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

var background = context.Background()

// A worker uses every primitive together with another one. Its arguments are the
// calls that it is refused, its name, and how often to do everything.
var _ = proctest.Register("worker", func(c *proctest.Child) {
	if c.Arg(0) != "" {
		if err := proctest.Refuse(strings.Split(c.Arg(0), ",")...); err != nil {
			c.Send("no sandbox:", err)
			c.Expect("give up")
			return
		}
	}
	wait.SetSpin(false) // hand-overs find the other side asleep, or about to be
	s, err := shm.OpenOrCreate("s", 1<<20, nil)
	if errors.Is(err, shm.ErrMismatch) {
		c.Send("mismatch:", err)
		c.Expect("give up")
		return
	}
	c.Check(err)
	w := newWorker(c, s)
	c.Send("ready")
	if c.Recv() == "give up" {
		_ = shm.Remove("s", nil) // whoever comes first
		return
	}
	w.count(c)
	w.sync.use(c, (w.n+3)/4)
	for _, l := range w.rings {
		w.pingPong(c, l)
	}
	w.pingPong(c, w.entries)
	w.pingPong(c, w.values)
	w.alone(c)
	c.Send("done")

	if c.Recv() == "hold" {
		w.mu.Lock()
		c.Check(w.sem.Acquire(background, 1))
		c.Send("holding", w.locked.Load(), w.permitted.Load())
		c.Recv() // until the kill
	}
	c.Send("waiting")
	if err := w.mu.LockContext(background); !errors.Is(err, shm.ErrOwnerDied) {
		c.Fatalf("the lock of the dead: %v", err)
	}
	w.mu.MarkConsistent()
	w.mu.Unlock()
	if err := w.mu.LockContext(background); err != nil {
		c.Fatalf("the lock that was marked consistent: %v", err)
	}
	c.Check(w.sem.Acquire(background, 1))
	c.Check(shm.Remove("s", nil))
	c.Send("took over")
})

// kinds are the rings that messages go through.
var kinds = map[string]ringtest.Kind{
	"spsc": ringtest.SPSC(ringtest.Words), "mpmc": ringtest.MPMC(ringtest.Words),
	"bytes": ringtest.Bytes(512, lengthOf), "bytes mpmc": ringtest.BytesMPMC(512, lengthOf),
}

func lengthOf(n uint64, _ int) int { return 8 + int(n%100) }

// repeats is how often a pipe, of 4 KiB, has a number: it has room for two and a half numbers.
const repeats = 200

// link is this process's ends of a pair of rings, or of a pipe.
type link struct {
	push func(ctx context.Context, v uint64) error
	pop  func(ctx context.Context) (uint64, error)
}

type worker struct {
	n                 uint64
	mu                *shm.Lock
	sem               *semaphore.Semaphore
	sync              pairs
	locked, permitted *shm.Value[uint64]
	rings             []link
	entries, values   link
}

// cell is an entry of a table, or a value, that a message is written to and waited for.
type cell interface {
	store(v [3]uint64)
	wait(ctx context.Context, version uint64) (v [3]uint64, now uint64, err error)
}

type entry struct{ *shm.Table[[3]uint64] }

func (e entry) store(v [3]uint64) { e.Store(0, v) }
func (e entry) wait(ctx context.Context, version uint64) ([3]uint64, uint64, error) {
	return e.Wait(ctx, 0, version)
}

type value struct{ *shm.Value[[3]uint64] }

func (v value) store(x [3]uint64) { v.Store(x) }
func (v value) wait(ctx context.Context, version uint64) ([3]uint64, uint64, error) {
	return v.Wait(ctx, version)
}

// through makes a link of two cells that nobody has written to. The processes take turns,
// so that each write is seen.
func through(out, in cell) link {
	var version uint64
	return link{
		func(_ context.Context, v uint64) error { out.store([3]uint64{v, ^v, v}); return nil },
		func(ctx context.Context) (uint64, error) {
			v, now, err := in.wait(ctx, version)
			if err == nil && (now != version+1 || v[1] != ^v[0] || v[2] != v[0]) {
				err = fmt.Errorf("version %d, %x, after version %d", now, v, version)
			}
			version = now
			return v[0], err
		},
	}
}

// must unpacks a result that may not be an error.
func must[T any](v T, err error) func(c *proctest.Child) T {
	return func(c *proctest.Child) T {
		c.Check(err)
		return v
	}
}

func newWorker(c *proctest.Child, s *shm.Segment) *worker {
	w := &worker{
		n:         must(strconv.ParseUint(c.Arg(2), 10, 64))(c),
		mu:        must(shm.NewLock(s, "mu"))(c),
		sem:       must(semaphore.New(s, "sem", 1, nil))(c),
		locked:    must(shm.NewValue[uint64](s, "locked"))(c),
		permitted: must(shm.NewValue[uint64](s, "permitted"))(c),
		sync:      newPairs(c, s),
	}
	out, in := c.Arg(1), "b"
	if out == "b" {
		in = "a"
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) { // as the other does
		p := must(must(kinds[kind](s, kind+" "+out, 2))(c).Producer())(c)
		q := must(must(kinds[kind](s, kind+" "+in, 2))(c).Consumer())(c)
		w.rings = append(w.rings, link{p.Push, q.Pop})
	}
	work, done := must(ring.NewWorkQueue[uint64](s, "work "+out, 2))(c), must(ring.NewWorkQueue[uint64](s, "work "+in, 2))(c)
	w.rings = append(w.rings, link{work.Put, func(ctx context.Context) (uint64, error) {
		t, err := done.Get(ctx)
		if err != nil {
			return 0, err
		}
		v := *t.Value()
		return v, t.Ack()
	}})
	for _, opts := range [][]ring.Option{nil, {ring.Lossless}} {
		name := fmt.Sprint("broadcast ", len(opts), " ")
		p := must(must(ring.NewBroadcast[uint64](s, name+out, 2, opts...))(c).Producer())(c)
		q := must(must(ring.NewBroadcast[uint64](s, name+in, 2, opts...))(c).Subscribe(ring.FromOldest))(c)
		w.rings = append(w.rings, link{p.Push, q.Pop})
	}
	pipe := must(shmnet.Pipe(s, "pipe", 1))(c) // one side each, whichever comes first
	w.rings = append(w.rings, link{
		func(_ context.Context, v uint64) error {
			_, err := pipe.Write(bytes.Repeat(binary.NativeEndian.AppendUint64(nil, v), repeats))
			return err
		},
		func(context.Context) (uint64, error) {
			b := make([]byte, 8*repeats)
			_, err := io.ReadFull(pipe, b)
			if err == nil && !bytes.Equal(b, bytes.Repeat(b[:8], repeats)) {
				err = fmt.Errorf("%x came", b)
			}
			return binary.NativeEndian.Uint64(b), err
		},
	})
	w.entries = through(
		entry{must(shm.NewTable[[3]uint64](s, "entry "+out, 1))(c)},
		entry{must(shm.NewTable[[3]uint64](s, "entry "+in, 1))(c)},
	)
	w.values = through(
		value{must(shm.NewValue[[3]uint64](s, "value "+out))(c)},
		value{must(shm.NewValue[[3]uint64](s, "value "+in))(c)},
	)
	return w
}

// count adds to two numbers, by loads and stores that only a lock and a
// semaphore keep apart.
func (w *worker) count(c *proctest.Child) {
	for range w.n {
		w.mu.Lock()
		w.locked.Store(w.locked.Load() + 1)
		w.mu.Unlock()
		c.Check(w.sem.Acquire(background, 1))
		w.permitted.Store(w.permitted.Load() + 1)
		w.sem.Release(1)
	}
}

// pingPong sends numbers to the other process and gets them back, with and
// without a context that can be cancelled.
func (w *worker) pingPong(c *proctest.Child, l link) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for i := range w.n {
		if i == w.n/2 {
			ctx = background
		}
		if c.Arg(1) == "a" {
			c.Check(l.push(ctx, i%100))
			if got := must(l.pop(ctx))(c); got != i%100 {
				c.Fatalf("sent %d there and got %d back", i%100, got)
			}
		} else {
			c.Check(l.push(ctx, must(l.pop(ctx))(c)))
		}
	}
}

// alone makes a segment without a name, and attaches to it a second time.
func (w *worker) alone(c *proctest.Child) {
	s, err := shm.Anonymous(1<<16, nil)
	if errors.Is(err, errors.ErrUnsupported) && (runtime.GOOS != "linux" || strings.Contains(c.Arg(0), "OFD locks")) {
		return // locks of the process do not survive the file's being handed on
	}
	c.Check(err)
	second := must(shm.FromFile(s.File(), nil))(c)
	must(shm.NewValue[uint64](s, "v"))(c).Store(7)
	if got := must(shm.NewValue[uint64](second, "v"))(c).Load(); got != 7 {
		c.Fatalf("an inherited value is %d", got)
	}
	c.Check(second.Close())
	c.Check(s.Close())
}
