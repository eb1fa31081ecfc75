package ring_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
)

func TestAtkLen(t *testing.T) {
	for name, opts := range broadcasts {
		s := newSegment(t)
		b, p := newBroadcast(t, s, 16, opts...)
		sub := subscribe(t, b, ring.FromNow)
		for i := range uint64(100) {
			proctest.Check(t, p.Push(background, i))
			sub.TryPop()
		}
		t.Log(name, "Len before", sub.Len())
		sub.Detach()
		t.Log(name, "Len after Detach", sub.Len())
	}
}

func TestAtkEvictZero(t *testing.T) {
	s := newSegment(t)
	b, _ := newBroadcast(t, s, 16, ring.Lossless)
	t.Log("Evict(SubscriberID{}):", b.Evict(ring.SubscriberID{}))
	x := subscribe(t, b, ring.FromNow)
	t.Log(b.Subscribers())
	t.Log(x.TryPop())
}

func TestAtkLenLossless(t *testing.T) {
	s := newSegment(t)
	b, p := newBroadcast(t, s, 32, ring.Lossless)
	pushRange(t, p, 0, 100)
	sub := subscribe(t, b, ring.FromOldest)
	n := uint64(100)
	for p.TryPush(n) == nil {
		n++
	}
	subs, _ := b.Subscribers()
	got := 0
	l := sub.Len()
	for {
		if _, err := sub.TryPop(); err != nil {
			break
		}
		got++
	}
	t.Log("Len", l, "Subscribers", subs, "popped", got)
}

func TestAtkTryPushSlow(t *testing.T) {
	proctest.Mortal(t)
	newSegment(t)
	b := openCast(t, "lossless")
	p := proctest.Must(b.Producer())(t)
	l := proctest.Start(t, "listener", "lossless")
	l.Expect("ready")
	for p.TryPush(pageOf(0)) == nil {
	}
	l.Kill()
	start := time.Now()
	for p.TryPush(pageOf(0)) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	t.Log("TryPush at 100 Hz goes on after", time.Since(start))
}

func TestAtkStale(t *testing.T) {
	proctest.Mortal(t)
	wait.SetSlice(2 * time.Second)
	newSegment(t)
	x, y := shared.Open(t), shared.Open(t)
	bx, px := newBroadcast(t, x, 2, ring.Lossless)
	by := proctest.Must(ring.NewBroadcast[uint64](y, "broadcast", 2, ring.Lossless))(t)
	sub := subscribe(t, by, ring.FromNow)
	pushRange(t, px, 0, 2)
	gone := proctest.Go(func() error { return px.Push(background, 2) })
	proctest.Until(t, "Push waits", bx.PushWaiting)
	time.Sleep(50 * time.Millisecond)
	proctest.Check(t, x.Close())
	py := proctest.Must(by.Producer())(t)
	done := proctest.Go(func() error { return py.Push(context.Background(), 2) })
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	proctest.Must(sub.TryPop())(t)
	err := proctest.Result(t, done)
	t.Log("the successor's Push returns", err, "after", time.Since(start))
	t.Log(proctest.Result(t, gone))
}

func TestAtkSticky(t *testing.T) {
	s := newSegment(t)
	b, p := newBroadcast(t, s, 64, ring.Lossless)
	sub := subscribe(t, b, ring.FromNow)
	pushRange(t, p, 0, 64)
	blocked := proctest.Go(func() error { return p.Push(background, 64) })
	proctest.Until(t, "Push waits", b.PushWaiting)
	time.Sleep(20 * time.Millisecond)
	proctest.Must(sub.PopInto(background, make([]uint64, 32)))(t)
	proctest.Check(t, proctest.Result(t, blocked))
	for sub.Len() > 0 {
		sub.TryPop()
	}
	for i := range uint64(100000) {
		proctest.Check(t, p.TryPush(i))
		proctest.Must(sub.TryPop())(t)
	}
	t.Log("waiting still set:", b.PushWaiting())
}
