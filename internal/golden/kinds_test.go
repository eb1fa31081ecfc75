package golden

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

// kind is an object of a kind, in a state.
type kind struct {
	name string
	size int64
	make func(t *testing.T, s *shm.Segment)
	use  func(t *testing.T, s *shm.Segment) // by somebody else, after the death of who made it
}

// order is a type whose text does not fit beside its name.
type order struct {
	ID   uint64
	Legs [2]struct {
		Price float64
		Size  int32
	}
	Flags [4]bool
}

var anOrder = order{ID: 7, Flags: [4]bool{true}}

var ctx = context.Background()

const object = "object"

// pass goes through a lock.
func pass(l sync.Locker) {
	l.Lock()
	defer l.Unlock()
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func failed(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func value(t *testing.T, s *shm.Segment) *shm.Value[int32] {
	return proctest.Must(shm.NewValue[int32](s, object))(t)
}

func large(t *testing.T, s *shm.Segment) *shm.Value[order] {
	return proctest.Must(shm.NewValue[order](s, object))(t)
}

func array(t *testing.T, s *shm.Segment) *shm.Array[int16] {
	return proctest.Must(shm.NewArray[int16](s, object, 100))(t)
}

func table(t *testing.T, s *shm.Segment) *shm.Table[order] {
	return proctest.Must(shm.NewTable[order](s, object, 10))(t)
}

func lock(t *testing.T, s *shm.Segment) *shm.Lock { return proctest.Must(shm.NewLock(s, object))(t) }

func recursive(t *testing.T, s *shm.Segment) *shm.RecursiveLock {
	return proctest.Must(shm.NewRecursiveLock(s, object))(t)
}

func rwLock(t *testing.T, s *shm.Segment) *shm.RWLock {
	return proctest.Must(shm.NewRWLock(s, object))(t)
}

func event(t *testing.T, s *shm.Segment) *shm.Event { return proctest.Must(shm.NewEvent(s, object))(t) }

func once(t *testing.T, s *shm.Segment) *shm.Once { return proctest.Must(shm.NewOnce(s, object))(t) }

func group(t *testing.T, s *shm.Segment) *shm.WaitGroup {
	return proctest.Must(shm.NewWaitGroup(s, object))(t)
}

func barrier(t *testing.T, s *shm.Segment) *shm.Barrier {
	return proctest.Must(shm.NewBarrier(s, object, 1))(t)
}

func sem(t *testing.T, s *shm.Segment, n int64, o *semaphore.Options) *semaphore.Semaphore {
	return proctest.Must(semaphore.New(s, object, n, o))(t)
}

var signalling = &semaphore.Options{Signalling: true, Bound: 9}

var kinds = []kind{
	{"value", 4096,
		func(t *testing.T, s *shm.Segment) { value(t, s).Store(-5) },
		func(t *testing.T, s *shm.Segment) { same(t, "value", value(t, s).Load(), -5) }},
	{"large", 4096,
		func(t *testing.T, s *shm.Segment) {
			large(t, s).Store(order{})
			large(t, s).Store(anOrder)
		},
		func(t *testing.T, s *shm.Segment) { same(t, "value", large(t, s).Load(), anOrder) }},
	{"array", 4096,
		func(t *testing.T, s *shm.Segment) { array(t, s).Store(99, -7) },
		func(t *testing.T, s *shm.Segment) { same(t, "element", array(t, s).Load(99), -7) }},
	{"table", 4096,
		func(t *testing.T, s *shm.Segment) {
			for i := range 20 {
				table(t, s).Store(i%7, order{ID: uint64(i)})
			}
		},
		func(t *testing.T, s *shm.Segment) {
			x, version := table(t, s).LoadVersion(5)
			same(t, "entry", x, order{ID: 19})
			same(t, "version", version, 3)
			same(t, "next version", table(t, s).Store(5, anOrder), 4)
		}},
	{"lock", 4096,
		func(t *testing.T, s *shm.Segment) { lock(t, s).Lock() },
		func(t *testing.T, s *shm.Segment) {
			failed(t, "lock", lock(t, s).LockContext(ctx), shm.ErrOwnerDied)
			lock(t, s).Unlock()
		}},
	{"recursive", 4096,
		func(t *testing.T, s *shm.Segment) { recursive(t, s).Lock(3) },
		func(t *testing.T, s *shm.Segment) {
			failed(t, "lock", recursive(t, s).LockContext(ctx, 4), shm.ErrOwnerDied)
		}},
	{"read", 4096,
		func(t *testing.T, s *shm.Segment) { rwLock(t, s).RLock(); rwLock(t, s).RLock() },
		func(t *testing.T, s *shm.Segment) { failed(t, "lock", rwLock(t, s).LockContext(ctx), nil) }},
	{"written", 4096,
		func(t *testing.T, s *shm.Segment) { pass(rwLock(t, s)); rwLock(t, s).Lock() },
		func(t *testing.T, s *shm.Segment) {
			failed(t, "lock", rwLock(t, s).RLockContext(ctx), shm.ErrOwnerDied)
		}},
	{"cond", 4096,
		func(t *testing.T, s *shm.Segment) {
			l := proctest.Must(shm.NewLock(s, "lock"))(t)
			c := proctest.Must(shm.NewCond(s, object, l))(t)
			for range 2 {
				inside := make(chan bool)
				go func() {
					l.Lock()
					close(inside)
					c.WaitContext(ctx) // until the segment is closed
				}()
				<-inside
				for !l.TryLock() { // so that nobody sleeps for it
					runtime.Gosched()
				}
				l.Unlock()
			}
		},
		func(t *testing.T, s *shm.Segment) {
			l := proctest.Must(shm.NewLock(s, "lock"))(t)
			c := proctest.Must(shm.NewCond(s, object, l))(t)
			l.Lock()
			go func() {
				l.Lock()
				c.Signal()
				l.Unlock()
			}()
			c.Wait()
			l.Unlock()
		}},
	{"event", 4096,
		func(t *testing.T, s *shm.Segment) { event(t, s).Set(); event(t, s).Clear(); event(t, s).Set() },
		func(t *testing.T, s *shm.Segment) { same(t, "set", event(t, s).IsSet(), true) }},
	{"done", 4096,
		func(t *testing.T, s *shm.Segment) { proctest.Check(t, once(t, s).Do(ctx, func() error { return nil })) },
		func(t *testing.T, s *shm.Segment) { same(t, "done", once(t, s).Done(), true) }},
	{"group", 8192,
		func(t *testing.T, s *shm.Segment) { group(t, s).Add(3); group(t, s).Done(); group(t, s).Take(1) },
		func(t *testing.T, s *shm.Segment) { group(t, s).Wait() }},
	{"barrier", 4096,
		func(t *testing.T, s *shm.Segment) {
			for range 3 {
				proctest.Must(barrier(t, s).Wait(ctx))(t)
			}
			barrier(t, s).Abort()
		},
		func(t *testing.T, s *shm.Segment) {
			_, err := barrier(t, s).Wait(ctx)
			failed(t, "broken", err, shm.ErrBroken)
			barrier(t, s).Reset()
			_, err = barrier(t, s).Wait(ctx)
			failed(t, "reset", err, nil)
		}},
	{"semaphore", 4096,
		func(t *testing.T, s *shm.Segment) { proctest.Check(t, sem(t, s, 5, nil).Acquire(ctx, 3)) },
		func(t *testing.T, s *shm.Segment) { proctest.Check(t, sem(t, s, 5, nil).Acquire(ctx, 5)) }},
	{"signalling", 4096,
		func(t *testing.T, s *shm.Segment) { sem(t, s, 2, signalling).Release(4) },
		func(t *testing.T, s *shm.Segment) { same(t, "permits", sem(t, s, 2, signalling).Value(), 6) }},
	{"pipe", 16384,
		func(t *testing.T, s *shm.Segment) {
			proctest.Must(proctest.Must(shmnet.Pipe(s, object, 4096))(t).Write(make([]byte, 100)))(t)
		},
		func(t *testing.T, s *shm.Segment) {
			b := make([]byte, 200)
			n, err := proctest.Must(shmnet.Pipe(s, object, 4096))(t).Read(b)
			if n != 100 || err != nil {
				t.Error(n, err)
			}
		}},
}

// Rings: of eight messages or so, some were popped, and some are lent.
func init() {
	kinds = append(kinds,
		kind{"spsc", 4096,
			func(t *testing.T, s *shm.Segment) {
				r := proctest.Must(ring.NewSPSC[order](s, object, 8))(t)
				p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
				for i := range uint64(12) {
					proctest.Check(t, p.TryPush(order{ID: i}))
					if i > 4 {
						proctest.Must(c.TryPop())(t)
					}
				}
				proctest.Check(t, c.Detach())
			},
			func(t *testing.T, s *shm.Segment) {
				r := proctest.Must(ring.NewSPSC[order](s, object, 8))(t)
				p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
				proctest.Check(t, p.Close())
				for i := range uint64(5) {
					same(t, "message", proctest.Must(c.TryPop())(t).ID, 7+i)
				}
				_, err := c.TryPop()
				failed(t, "end", err, ring.ErrClosed)
			}},
		kind{"mpmc", 4096,
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewMPMC[int64](s, object, 8))(t)
				for i := range int64(8) {
					proctest.Check(t, q.TryPush(i))
				}
				proctest.Must(q.TryPop())(t)
				proctest.Must(q.TryNext())(t)
				proctest.Must(q.TryReserve())(t)
			},
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewMPMC[int64](s, object, 8))(t)
				proctest.Check(t, q.Close())
				seen := map[int64]bool{}
				for range 7 {
					seen[proctest.Must(q.Pop(ctx))(t)] = true
				}
				same(t, "messages", fmt.Sprint(seen), "map[1:true 2:true 3:true 4:true 5:true 6:true 7:true]")
				_, err := q.Pop(ctx)
				failed(t, "end", err, ring.ErrClosed)
			}},
		kind{"work", 4096,
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewWorkQueue[int64](s, object, 8))(t)
				for i := range int64(6) {
					proctest.Check(t, q.TryPut(i))
				}
				proctest.Check(t, proctest.Must(q.TryGet())(t).Ack())
				proctest.Must(q.TryGet())(t)
				proctest.Check(t, proctest.Must(q.TryGet())(t).Nack())
			},
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewWorkQueue[int64](s, object, 8))(t)
				seen := map[int64]int{}
				for range 5 {
					task := proctest.Must(q.Get(ctx))(t)
					seen[*task.Value()] = task.Deliveries()
					proctest.Check(t, task.Ack())
				}
				same(t, "deliveries", fmt.Sprint(seen), "map[1:2 2:2 3:1 4:1 5:1]")
				proctest.Check(t, q.Join(ctx))
			}},
		kind{"lossy", 4096,
			func(t *testing.T, s *shm.Segment) {
				b := proctest.Must(ring.NewBroadcast[int64](s, object, 16))(t)
				p := proctest.Must(b.Producer())(t)
				for i := range int64(21) {
					proctest.Check(t, p.TryPush(i))
				}
			},
			func(t *testing.T, s *shm.Segment) {
				b := proctest.Must(ring.NewBroadcast[int64](s, object, 16))(t)
				c := proctest.Must(b.Subscribe(ring.FromOldest))(t)
				for want := int64(6); want < 21; want++ {
					same(t, "message", proctest.Must(c.TryPop())(t), want)
				}
			}},
		kind{"lossless", 16384,
			func(t *testing.T, s *shm.Segment) {
				b := proctest.Must(ring.NewBroadcast[int64](s, object, 16, ring.Lossless))(t)
				p := proctest.Must(b.Producer())(t)
				proctest.Must(b.Subscribe(ring.FromNow))(t)
				for i := range int64(5) {
					proctest.Check(t, p.TryPush(i))
				}
				proctest.Must(b.Subscribe(ring.FromNow))(t)
				proctest.Check(t, p.TryPush(5))
				evicted := proctest.Must(b.Subscribe(ring.FromOldest))(t)
				proctest.Check(t, b.Evict(evicted.ID()))
				proctest.Check(t, p.Close())
			},
			func(t *testing.T, s *shm.Segment) {
				b := proctest.Must(ring.NewBroadcast[int64](s, object, 16, ring.Lossless))(t)
				c := proctest.Must(b.Subscribe(ring.FromOldest))(t)
				for want := range int64(6) {
					same(t, "message", proctest.Must(c.TryPop())(t), want)
				}
				_, err := c.TryPop()
				failed(t, "end", err, ring.ErrClosed)
			}},
		kind{"bytes", 4096,
			func(t *testing.T, s *shm.Segment) {
				r := proctest.Must(ring.NewBytes(s, object, 512))(t)
				p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
				for i := range 20 {
					proctest.Check(t, p.TryPush(make([]byte, 3*i)))
					if i > 3 {
						proctest.Must(c.TryPop(nil))(t)
					}
				}
				proctest.Must(p.PushAll(ctx, [][]byte{{1}, {2}, {3}}))(t)
			},
			func(t *testing.T, s *shm.Segment) {
				r := proctest.Must(ring.NewBytes(s, object, 512))(t)
				c := proctest.Must(r.Consumer())(t)
				for i := range 4 {
					same(t, "length", len(proctest.Must(c.TryPop(nil))(t)), 3*(16+i))
				}
				for i := range byte(3) {
					same(t, "message", proctest.Must(c.TryPop(nil))(t)[0], i+1)
				}
			}},
		kind{"wide", 8192,
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewBytesMPMC(s, object, 2048))(t)
				for i := range 10 {
					proctest.Check(t, q.TryPush(make([]byte, 20*i)))
				}
				proctest.Must(q.TryPop(nil))(t)
				proctest.Must(q.TryNext())(t)
			},
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewBytesMPMC(s, object, 2048))(t)
				sum := 0
				for range 9 {
					sum += len(proctest.Must(q.Pop(ctx, nil))(t))
				}
				same(t, "bytes", sum, 900)
			}},
		kind{"long", 131072,
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewBytesMPMC(s, object, 65536))(t)
				for _, n := range []int{20_000, 7, 30_000} {
					proctest.Check(t, q.TryPush(make([]byte, n)))
				}
				proctest.Must(q.TryPop(nil))(t)
			},
			func(t *testing.T, s *shm.Segment) {
				q := proctest.Must(ring.NewBytesMPMC(s, object, 65536))(t)
				for _, n := range []int{7, 30_000} {
					same(t, "length", len(proctest.Must(q.TryPop(nil))(t)), n)
				}
			}},
	)
}
