package process

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// spoil spoils what its worker reads of its link, as C code may.
var spoil = Func("spoil", func(context.Context, struct{}) (int, error) {
	refs := self.launch.Segments
	f := self.files[refs[len(refs)-1].File]
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return 0, err
	}
	defer syscall.Munmap(b)
	in := b[len(b)-int(ring.BytesSize(linkCapacity)):] // and the end of the other one, which is empty
	copy(in, bytes.Repeat([]byte{0xff}, len(in)))
	return len(in), nil
})

var lengthOf = Func("length of", func(_ context.Context, b []byte) (int, error) { return len(b), nil })

// A worker that has spoilt the link by which it gets large arguments is one that dies.
func TestPoolSpoiltLink(t *testing.T) {
	proctest.Mortal(t)
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Timeout())
	defer cancel()
	p := proctest.Must(NewPool(ctx, &PoolOptions{Workers: 1}))(t)
	var died *WorkerDied
	if _, err := spoil.Call(ctx, p, struct{}{}); err != nil && !errors.As(err, &died) {
		t.Error(err)
	}
	if n, err := lengthOf.Call(ctx, p, make([]byte, 1000)); n != 1000 || err != nil {
		t.Errorf("length is %d, %v", n, err)
	}
	proctest.Check(t, p.Close())
}

// Messages that no worker sends end the worker.
func TestPoolSpoiltMessages(t *testing.T) {
	g := newPlay(t, proctest.Random(t))
	defer g.pool.shared.close()
	c := &parcel{pool: g.pool, task: &task{}, done: make(chan struct{}), outcomes: make([]outcome, 2)}
	proctest.Check(t, c.pass(t.Context()))
	l := &link{pool: g.pool, ready: time.Now()}
	for what, h := range map[string]header{
		"outcome out of its order": {kind: isResult, ticket: c.ticket, index: 1},
		"gate that is not there":   {kind: isResult, ticket: ticket{gate: 1000}},
		"argument":                 {kind: isArgument, ticket: c.ticket},
		"no kind":                  {ticket: c.ticket},
		"second time ready":        {kind: isReady, ticket: c.ticket},
	} {
		b := make([]byte, headerSize)
		h.put(b)
		proctest.WantError(t, what, l.take(b), shm.ErrCorrupt)
	}
	b := make([]byte, headerSize)
	for i := range c.outcomes {
		header{kind: isResult, ticket: c.ticket, index: uint16(i)}.put(b)
		proctest.Check(t, l.take(b))
	}
	if !c.over() || g.pool.ready.Load() != 0 {
		t.Error("what is not spoilt does not count")
	}
}
