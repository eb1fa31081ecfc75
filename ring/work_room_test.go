package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestTakerDead kills a worker between the two steps of Get. Producers make its message nobody's,
// whether they wait or try, and whether it is in their way at once or behind what is held:
// nobody gets messages meanwhile.
func TestTakerDead(t *testing.T) {
	proctest.Mortal(t)
	for name, test := range map[string]struct{ behind, waits bool }{
		"at the tail, waiting": {false, true},
		"at the tail, trying":  {false, false},
		"behind, waiting":      {true, true},
		"behind, trying":       {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			q, _ := openWork(t, newSegment(t), false)
			p := startWorker(t, false)
			n := uint64(0)
			var holds []workTask
			if test.behind {
				for ; n < 2; n++ {
					put(t, q, n)
					holds = append(holds, expectTask(t, q, n, 1))
				}
			}
			taken := n
			put(t, q, taken)
			told(p, "done", "take")
			p.Kill()
			for n++; n < workRoom; n++ {
				put(t, q, n)
				proctest.Check(t, expectTask(t, q, n, 1).Ack())
			}
			if test.waits {
				proctest.Check(t, q.Put(background, n))
			} else {
				tries := 0
				for ; q.TryPut(n) == ring.ErrFull; tries++ {
					if tries == 200 {
						t.Fatal("TryPut says full, with room")
					}
				}
				if tries == 0 {
					t.Fatal("TryPut passed over a message that is being taken")
				}
			}
			expectCounts(t, q, 2, len(holds))
			proctest.Check(t, expectTask(t, q, taken, 1).Ack()) // its first delivery
			proctest.Check(t, expectTask(t, q, n, 1).Ack())
			for _, task := range holds {
				proctest.Check(t, task.Ack())
			}
			roomOf(t, q, workRoom)
		})
	}
}

// TestRoomBehind: what was passed over and acknowledged is of no use while a message waits that
// was put before. Whoever waits for that room is woken when it is delivered.
func TestRoomBehind(t *testing.T) {
	q, _ := openWork(t, newSegment(t), false)
	var tasks []workTask
	for n := range uint64(workRoom) {
		put(t, q, n)
	}
	for n := range uint64(workRoom - 2) {
		tasks = append(tasks, expectTask(t, q, n, 1))
	}
	proctest.Check(t, expectTask(t, q, workRoom-2, 1).Ack())
	put(t, q, 100) // passes over all that are held
	for _, task := range tasks {
		proctest.Check(t, task.Ack())
	}
	expectCounts(t, q, 2, 0)
	checkIs(t, "TryPut behind a message that waits", q.TryPut(101), ring.ErrFull)
	done := proctest.Go(func() error { return q.Put(background, 101) })
	proctest.Until(t, "a producer waits", q.PushWaiting)
	task := expectTask(t, q, workRoom-1, 1)
	proctest.Check(t, proctest.Result(t, done))
	for n := range uint64(workRoom - 3) {
		put(t, q, 102+n)
	}
	expectCounts(t, q, workRoom-1, 1)
	checkIs(t, "TryPut to a full queue", q.TryPut(0), ring.ErrFull)
	proctest.Check(t, task.Ack())
}

// TestFullPassesNothing: a Put that finds no room passes over nothing that is held. Its room is of
// use as soon as the message is acknowledged, whether another waits behind it or all are held.
func TestFullPassesNothing(t *testing.T) {
	q, _ := openWork(t, newSegment(t), false)
	for n := range uint64(workRoom) {
		put(t, q, n)
	}
	task := expectTask(t, q, 0, 1)
	for n := uint64(1); n < workRoom; n++ {
		for range 200 {
			checkIs(t, "TryPut to a full queue", q.TryPut(100), ring.ErrFull)
		}
		proctest.Check(t, task.Ack())
		put(t, q, 100+n)
		task = expectTask(t, q, n, 1)
	}
	var tasks []workTask
	for n := uint64(1); n < workRoom; n++ {
		tasks = append(tasks, expectTask(t, q, 100+n, 1))
	}
	before := q.PushHint()
	for range 200 {
		checkIs(t, "TryPut with all held", q.TryPut(100), ring.ErrFull)
	}
	proctest.Check(t, tasks[2].Ack())
	put(t, q, 200)
	if n := q.PushHint() - before; n > workRoom {
		t.Errorf("%d positions were passed over for one message", n)
	}
}

// TestRepairEnds has a repair be of no use, as if somebody spoiled the memory again and again.
// Who repairs comes to an end all the same.
func TestRepairEnds(t *testing.T) {
	for _, end := range []string{"tail", "head"} {
		s := newSegment(t)
		q, _ := openWork(t, s, false)
		m := proctest.Must(ring.NewMPMC[uint64](s, "mpmc", workRoom))(t)
		for n := range uint64(workRoom) {
			put(t, q, n)
			proctest.Check(t, expectTask(t, q, n, 1).Ack())
			proctest.Check(t, m.TryPush(n))
			proctest.Must(m.TryPop())(t)
		}
		b := proctest.Must(ring.NewBytesMPMC(s, "bytes", 64*workRoom))(t)
		repairs := map[string]*int{}
		if end == "tail" {
			repairs["WorkQueue"], repairs["MPMC"], repairs["BytesMPMC"] = q.StickTail(), m.StickTail(), b.StickTail()
			q.RepairRoom()
			m.RepairTail()
			b.RepairTail(8)
		} else {
			repairs["WorkQueue"], repairs["MPMC"], repairs["BytesMPMC"] = q.StickHead(), m.StickHead(), b.StickHead()
			q.RepairHead()
			m.RepairHead()
			b.RepairHead()
		}
		for kind, n := range repairs {
			if *n == 0 || *n > b.ManySteps() {
				t.Errorf("the %s of a %s was repaired %d times", end, kind, *n)
			}
		}
	}
}
