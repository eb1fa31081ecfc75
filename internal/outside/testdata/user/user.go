// Package user is what somebody writes who imports the module.
package user

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// A word and a cache line.
type (
	word = uint64
	line = [8]uint64
)

// Everything generic is compiled here, with all its methods.
var (
	_ ring.SPSC[word]
	_ ring.MPMC[word]
	_ ring.WorkQueue[word]
	_ ring.Broadcast[word]
	_ shm.Value[word]
	_ shm.Array[word]
	_ = shm.Add[word]
	_ = shm.AddAt[word]
	_ = shm.SwapAt[word]
	_ = shm.CompareAndSwapAt[word]
)

// Each of the functions is one operation.

var ctx = context.Background()

func Push(p *ring.Producer[word], m word) error        { return p.Push(ctx, m) }
func PushLine(p *ring.Producer[line], m line) error    { return p.Push(ctx, m) }
func TryPush(p *ring.Producer[word], m word) error     { return p.TryPush(m) }
func TryPushLine(p *ring.Producer[line], m line) error { return p.TryPush(m) }
func Pop(c *ring.Consumer[word]) (word, error)         { return c.Pop(ctx) }
func PopLine(c *ring.Consumer[line]) (line, error)     { return c.Pop(ctx) }
func TryPop(c *ring.Consumer[word]) (word, error)      { return c.TryPop() }
func TryPopLine(c *ring.Consumer[line]) (line, error)  { return c.TryPop() }

func Reserve(p *ring.Producer[line]) (*line, error)    { return p.Reserve(ctx) }
func TryReserve(p *ring.Producer[line]) (*line, error) { return p.TryReserve() }
func Commit(p *ring.Producer[line]) error              { return p.Commit() }
func Next(c *ring.Consumer[line]) (*line, error)       { return c.Next(ctx) }
func TryNext(c *ring.Consumer[line]) (*line, error)    { return c.TryNext() }
func Release(c *ring.Consumer[line]) error             { return c.Release() }

func PushMany(q *ring.MPMC[word], m word) error        { return q.Push(ctx, m) }
func PushManyLine(q *ring.MPMC[line], m line) error    { return q.Push(ctx, m) }
func TryPushMany(q *ring.MPMC[word], m word) error     { return q.TryPush(m) }
func TryPushManyLine(q *ring.MPMC[line], m line) error { return q.TryPush(m) }
func PopMany(q *ring.MPMC[word]) (word, error)         { return q.Pop(ctx) }
func PopManyLine(q *ring.MPMC[line]) (line, error)     { return q.Pop(ctx) }
func TryPopMany(q *ring.MPMC[word]) (word, error)      { return q.TryPop() }
func TryPopManyLine(q *ring.MPMC[line]) (line, error)  { return q.TryPop() }

func PopEach(s *ring.Subscriber[word]) (word, error)        { return s.Pop(ctx) }
func PopEachLine(s *ring.Subscriber[line]) (line, error)    { return s.Pop(ctx) }
func TryPopEach(s *ring.Subscriber[word]) (word, error)     { return s.TryPop() }
func TryPopEachLine(s *ring.Subscriber[line]) (line, error) { return s.TryPop() }

func Lock(l *shm.Lock)         { l.Lock() }
func TryLock(l *shm.Lock) bool { return l.TryLock() }
func Unlock(l *shm.Lock)       { l.Unlock() }

func Acquire(s *semaphore.Semaphore) error   { return s.Acquire(ctx, 1) }
func TryAcquire(s *semaphore.Semaphore) bool { return s.TryAcquire(1) }
func GiveBack(s *semaphore.Semaphore)        { s.Release(1) }

func Load(v *shm.Value[word]) word                 { return v.Load() }
func LoadByte(v *shm.Value[byte]) byte             { return v.Load() }
func Store(v *shm.Value[word], x word)             { v.Store(x) }
func StoreByte(v *shm.Value[byte], x byte)         { v.Store(x) }
func Swap(v *shm.Value[word], x word) word         { return v.Swap(x) }
func Compare(v *shm.Value[word], old, x word) bool { return v.CompareAndSwap(old, x) }
func Add(v *shm.Value[word]) word                  { return shm.Add(v, 1) }

func LoadAt(a *shm.Array[word], i int) word             { return a.Load(i) }
func LoadAtHalf(a *shm.Array[uint32], i int) uint32     { return a.Load(i) }
func StoreAt(a *shm.Array[word], i int, x word)         { a.Store(i, x) }
func StoreAtHalf(a *shm.Array[uint32], i int, x uint32) { a.Store(i, x) }
