package shm_test

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A peer is attached to the segment, and detaches when told to.
var _ = proctest.Register("peer", func(c *proctest.Child) {
	seg := shared.Open(c)
	c.Send("attached")
	for {
		switch c.Recv() {
		case "close":
			c.Check(seg.Close())
			c.Send("closed")
		case "return":
			return
		}
	}
})

func startPeer(t *testing.T, s shared.Segment) *proctest.Proc {
	p := s.Start(t, "peer")
	p.Expect("attached")
	return p
}

// peerOf returns the attachment of a process that has one.
func peerOf(t *testing.T, seg *shm.Segment, pid int) shm.Peer {
	t.Helper()
	for _, p := range proctest.Must(seg.Peers())(t) {
		if p.PID == pid {
			return p
		}
	}
	t.Fatalf("no peer has pid %d", pid)
	return shm.Peer{}
}

func expectPeers(t *testing.T, seg *shm.Segment, n int) {
	t.Helper()
	if peers := proctest.Must(seg.Peers())(t); len(peers) != n {
		t.Errorf("peers are %+v, want %d", peers, n)
	}
}

// TestPeers has processes come, stop and go.
func TestPeers(t *testing.T) {
	s := shared.Named(t)
	self := proctest.Must(s.Peers())(t)
	if len(self) != 1 || !self[0].Self || self[0].PID != os.Getpid() || self[0].ID == 0 {
		t.Errorf("alone: %+v", self)
	}
	a, b := startPeer(t, s), startPeer(t, s)
	if p := peerOf(t, s.Segment, a.Pid()); p.Self || p.ID == self[0].ID || p.Slot == self[0].Slot {
		t.Errorf("another process is %+v, this one %+v", p, self[0])
	}
	expectPeers(t, s.Segment, 3)
	a.Stop()
	expectPeers(t, s.Segment, 3)
	a.Kill()
	expectPeers(t, s.Segment, 2)
	b.Send("close")
	b.Expect("closed")
	expectPeers(t, s.Segment, 1)
	b.Send("return")
	b.Wait()

	other := s.Another(t)
	peers := proctest.Must(other.Peers())(t)
	for _, p := range peers {
		if p.PID != os.Getpid() || p.Self == (p.ID == self[0].ID) {
			t.Errorf("two attachments of one process: %+v", peers)
		}
	}
	proctest.Check(t, s.Close())
	_, err := s.Peers()
	proctest.WantError(t, "Peers after Close", err, shm.ErrSegmentClosed, `"`+shared.Name+`"`)
	if peers := proctest.Must(other.Peers())(t); len(peers) != 1 || !peers[0].Self {
		t.Errorf("after Close: %+v", peers)
	}
}

// A watch takes events one by one.
type watch struct {
	t    *testing.T
	next func() (shm.PeerEvent, error, bool)
}

func watchPeers(t *testing.T, ctx context.Context, seg *shm.Segment) watch {
	next, stop := iter.Pull2(seg.WatchPeers(ctx))
	t.Cleanup(stop)
	return watch{t, next}
}

func (w watch) expect(p shm.Peer, change shm.PeerChange) {
	w.t.Helper()
	e, err, _ := w.next()
	if err != nil || e.Peer != p || e.Change != change {
		w.t.Fatalf("%+v %v, %v, want %+v %v", e.Peer, e.Change, err, p, change)
	}
}

// end wants the error at the end, once.
func (w watch) end(want error) {
	w.t.Helper()
	_, err, _ := w.next()
	proctest.WantError(w.t, "end of the watch", err, want, `"`+shared.Name+`"`)
	if e, err, ok := w.next(); ok {
		w.t.Errorf("after the end: %+v, %v", e, err)
	}
}

// TestWatchPeers has processes come, die and leave. The last two leave two slots to
// those who come next, before anybody has looked.
func TestWatchPeers(t *testing.T) {
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 3})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	self := proctest.Must(s.Peers())(t)[0]
	w := watchPeers(t, ctx, s.Segment)
	w.expect(self, shm.PeerJoined)

	start := time.Now()
	a := startPeer(t, s)
	pa := peerOf(t, s.Segment, a.Pid())
	w.expect(pa, shm.PeerJoined)
	a.Kill()
	w.expect(pa, shm.PeerDied)
	proctest.Prompt(t, "told", start)

	a, b := startPeer(t, s), startPeer(t, s)
	pa, pb := peerOf(t, s.Segment, a.Pid()), peerOf(t, s.Segment, b.Pid())
	if pa.Slot > pb.Slot {
		a, b, pa, pb = b, a, pb, pa
	}
	w.expect(pa, shm.PeerJoined)
	w.expect(pb, shm.PeerJoined)
	b.Send("close")
	b.Expect("closed")
	w.expect(pb, shm.PeerLeft)
	b.Kill() // and nothing happens
	b = startPeer(t, s)
	pb = peerOf(t, s.Segment, b.Pid())
	w.expect(pb, shm.PeerJoined)

	a.Kill()
	b.Send("close")
	b.Expect("closed")
	c, d := startPeer(t, s), startPeer(t, s)
	pc, pd := peerOf(t, s.Segment, c.Pid()), peerOf(t, s.Segment, d.Pid())
	if pc.Slot > pd.Slot {
		c, d, pc, pd = d, c, pd, pc
	}
	w.expect(pa, shm.PeerDied)
	w.expect(pb, shm.PeerLeft)
	w.expect(pc, shm.PeerJoined)
	w.expect(pd, shm.PeerJoined)

	d.Send("return") // without Close
	d.Wait()
	w.expect(pd, shm.PeerDied)
	b.Kill()
	cancel()
	w.end(context.Canceled)
	c.Kill()
}

// TestWatchEnds has watches end, or not begin.
func TestWatchEnds(t *testing.T) {
	s := shared.Named(t)
	self := proctest.Must(s.Peers())(t)[0]
	watchPeers(t, nil, s.Segment).end(fs.ErrInvalid)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	watchPeers(t, ended, s.Segment).end(context.Canceled)
	for range s.WatchPeers(context.Background()) {
		break
	}
	w := watchPeers(t, context.Background(), s.Segment)
	w.expect(self, shm.PeerJoined)
	proctest.Check(t, s.Close())
	w.end(shm.ErrSegmentClosed)
	watchPeers(t, context.Background(), s.Segment).end(shm.ErrSegmentClosed)
}
