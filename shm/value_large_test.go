package shm_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A block is a large value whose words are all the same, unless it is torn.
type block [512]uint64

func blockOf(x uint64) (b block) {
	for i := range b {
		b[i] = x
	}
	return b
}

// torn returns a word of b that differs from the first.
func (b *block) torn() (word uint64, is bool) {
	for _, x := range b {
		if x != b[0] {
			return x, true
		}
	}
	return 0, false
}

// A writer stores blocks in all possible ways, and checks what it gets to see.
var _ = proctest.Register("block writer", func(c *proctest.Child) {
	seg := shared.Open(c)
	v := shared.Value[block](c, seg, "block")
	stop := shared.Value[bool](c, seg, "stop")
	check := func(b block) block {
		if x, torn := b.torn(); torn {
			c.Fatalf("a block has both %d and %d", b[0], x)
		}
		return b
	}
	for i := uint64(1); !stop.Load(); i++ {
		b := blockOf(rand.Uint64())
		switch i % 4 {
		case 0:
			v.Store(b)
		case 1:
			check(v.Swap(b))
		case 2:
			v.CompareAndSwap(check(v.Load()), b)
		case 3:
			v.Update(func(old block) block { check(old); return b })
		}
	}
	c.Check(seg.Close())
})

// TestNeverTorn reads blocks while several processes write them, and kills those
// wherever they are. Readers make progress all the time.
func TestNeverTorn(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)

	s := shared.Named(t)
	v := shared.Value[block](t, s.Segment, "block")
	procs := s.StartAll(t, 3, "block writer")
	reads := 0
	// read reads until the writers have written n more blocks.
	read := func(n uint64) error {
		for goal := v.Sequence() + n; v.Sequence() < goal; reads++ {
			b := v.Load()
			if x, torn := b.torn(); torn {
				return fmt.Errorf("a block has both %d and %d", b[0], x)
			}
		}
		return nil
	}
	for range 20 {
		n := 1 + random.Uint64N(2000)
		if err := proctest.Result(t, proctest.Go(func() error { return read(n) })); err != nil {
			t.Fatal(err)
		}
		i := random.IntN(len(procs))
		procs[i].Kill()
		procs[i] = s.Start(t, "block writer")
	}
	t.Logf("%d reads, %d writes", reads, v.Sequence())
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
}

var _ = proctest.Register("stepping writer", func(c *proctest.Child) {
	seg := shared.Open(c)
	v := shared.Value[block](c, seg, "block")
	x := blockOf(2)
	if c.Arg(0) == shm.StepWritten {
		x[len(x)/2] = 3 // what it had not got to
	}
	v.StoreUpTo(c.Arg(0), x)
	c.Send("there")
	c.Recv()
})

// TestKilledInStore kills a writer between the steps of a Store. Nobody sees half
// of it, readers do not even wait, and the next writer goes on.
func TestKilledInStore(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct {
		step string
		want uint64
	}{
		{shm.StepLocked, 1},
		{shm.StepWritten, 1},
		{shm.StepPublished, 2},
	} {
		t.Run(test.step, func(t *testing.T) {
			s := shared.Named(t)
			v := shared.Value[block](t, s.Segment, "block")
			v.Store(blockOf(1))
			p := s.Start(t, "stepping writer", test.step)
			p.Expect("there")
			if got := v.Load(); got != blockOf(test.want) {
				t.Errorf("while the writer stands still, the block begins with %d, expected all %d", got[0], test.want)
			}
			old := proctest.Go(func() block { return v.Swap(blockOf(4)) })
			proctest.Until(t, "the next writer waits", v.WritersWait)
			start := time.Now()
			p.Kill()
			if got := proctest.Result(t, old); got != blockOf(test.want) {
				t.Errorf("the block before began with %d, expected all %d", got[0], test.want)
			}
			proctest.Prompt(t, "written", start)
			if got := v.Load(); got != blockOf(4) {
				t.Errorf("the block begins with %d, expected all 4", got[0])
			}
		})
	}
}

// TestSequenceWraps has the sequence number of a large value run over.
func TestSequenceWraps(t *testing.T) {
	v := shared.Value[block](t, shared.Named(t).Segment, "block")
	v.SetSequence(1<<64 - 4)
	for i := range uint64(12) {
		if got := v.Load(); got != blockOf(i) {
			t.Fatalf("store %d: the block begins with %d", i, got[0])
		}
		v.Store(blockOf(i + 1))
	}
}

// TestUpdatePanics has the function of an Update panic: nothing has happened.
func TestUpdatePanics(t *testing.T) {
	s := shared.Named(t)
	v, w := shared.Value[int](t, s.Segment, "word"), shared.Value[block](t, s.Segment, "block")
	v.Store(1)
	w.Store(blockOf(1))
	if proctest.PanicOf(func() { v.Update(func(int) int { panic("on purpose") }) }) != "on purpose" ||
		proctest.PanicOf(func() { w.Update(func(block) block { panic("on purpose") }) }) != "on purpose" {
		t.Error("Update swallows a panic")
	}
	if v.Load() != 1 || w.Load() != blockOf(1) {
		t.Error("Update changed the value although its function panicked")
	}
	if !w.CompareAndSwap(blockOf(1), blockOf(2)) {
		t.Error("CompareAndSwap failed after a panic in Update")
	}
}

var _ = proctest.Register("block adder", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	v := shared.Value[block](c, seg, "block")
	c.Send("ready")
	c.Expect("go")
	for i := range blockAdds {
		if i%2 == 0 {
			v.Update(func(b block) block { return blockOf(b[0] + 1) })
			continue
		}
		for old := v.Load(); !v.CompareAndSwap(old, blockOf(old[0]+1)); old = v.Load() {
		}
	}
})

const blockAdds = 500

// TestLargeAdders loses no Update and no CompareAndSwap of a large value.
func TestLargeAdders(t *testing.T) {
	s := shared.Named(t)
	procs := s.StartAll(t, 4, "block adder")
	proctest.Together(procs)
	v := shared.Value[block](t, s.Segment, "block")
	if got := v.Load(); got != blockOf(uint64(len(procs)*blockAdds)) {
		t.Errorf("the total is %d, expected %d", got[0], len(procs)*blockAdds)
	}
}

// TestLargeWriterPaused suspends a writer inside a Store. It is not dead: others
// wait, but readers do not.
func TestLargeWriterPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	v := shared.Value[block](t, s.Segment, "block")
	v.Store(blockOf(1))
	p := s.Start(t, "stepping writer", shm.StepWritten)
	p.Expect("there")
	p.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	stored := make(chan struct{})
	go func() { v.Store(blockOf(4)); close(stored) }()
	select {
	case <-stored:
		t.Error("Store robbed a paused writer")
	case <-ctx.Done():
	}
	if got := v.Load(); got != blockOf(1) {
		t.Errorf("the block begins with %d, expected all 1", got[0])
	}
	p.Kill()
	<-stored
}
