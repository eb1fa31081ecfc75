//go:build unix

package process_test

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// pause stops its worker, and does not return before the test wants it to.
var pause = process.Func("pause", func(_ context.Context, x int64) (int64, error) {
	board.Store(atPID, int64(os.Getpid()))
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	for board.Load(atGo) == 0 { // it may go on for a moment
		runtime.Gosched()
	}
	return x, nil
})

// A worker that is stopped delays what it runs, and nothing else.
func TestPoolStopped(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{})
	r := pause.Go(t.Context(), p, 7)
	untilBoard(t, "a worker stops", atPID, 1)
	for i := range int64(500) {
		want(t, square.Go(t.Context(), p, i), i*i)
	}
	select {
	case <-r.Done():
		t.Error("the task of the worker that is stopped has ended")
	default:
	}
	board.Store(atGo, 1)
	proctest.Until(t, "it goes on", func() bool { // it may only be about to stop
		syscall.Kill(int(board.Load(atPID)), syscall.SIGCONT)
		select {
		case <-r.Done():
			return true
		default:
			return false
		}
	})
	want(t, r, 7)
}

// One that nobody continues holds Close up for Grace only.
func TestPoolStoppedClose(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{Grace: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	r := pause.Go(ctx, p, 7)
	untilBoard(t, "a worker stops", atPID, 1)
	cancel()
	_, err := result(t, r)
	proctest.WantError(t, "result", err, context.Canceled)
}

// The end of the parent, by SIGKILL, ends the workers, also those that run.
func TestPoolParentKilled(t *testing.T) {
	proctest.Mortal(t)
	proctest.Dir(t)
	seg := proctest.Must(shm.Create("board", 1<<18, nil))(t)
	defer shm.Remove("board", nil)
	defer seg.Close()
	parent := proctest.Start(t, "parent of a pool")
	parent.Expect("they run")
	if n := len(proctest.Must(seg.Peers())(t)); n != 4 {
		t.Errorf("%d have the board, expected this process, the parent and two workers", n)
	}
	killed := time.Now()
	parent.Kill()
	proctest.Until(t, "nobody has the board any more", func() bool { // they may be zombies for a while
		return len(proctest.Must(seg.Peers())(t)) == 1
	})
	proctest.Prompt(t, "the end of the workers", killed)
}

var _ = proctest.Register("parent of a pool", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("board", nil))(c)
	board = proctest.Must(shm.NewArray[int64](seg, "board", boardSize))(c)
	p := proctest.Must(process.NewPool(context.Background(), &process.PoolOptions{
		Workers: 2, Segments: []*shm.Segment{seg}, Init: setUp.With(rig{}),
	}))(c)
	for i := range int64(2) {
		stubborn.Go(context.Background(), p, i)
	}
	proctest.Until(c, "both run", func() bool { return board.Load(atSeen) == 2 })
	c.Send("they run")
	c.Recv()
})
