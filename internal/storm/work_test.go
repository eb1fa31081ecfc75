package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A workLog says what has become of each message.
type workLog struct {
	calm, stop uint64
	next       uint64           // number of the next message
	killed     uint64           // hands
	dying      [maxHands]uint64 // 1: a hand may be dead
	ended      [maxHands]uint64 // 1: a hand puts no more
	jobs       [maxJobs]job
}

const maxJobs = 1 << 16

type job struct {
	put        uint64 // 1: begun; 2: done
	holder     uint64 // hand + 1
	deliveries uint64 // as they were counted last
	nacks      uint64
	acking     uint64 // hand + 1 that has begun to acknowledge it, and not ended
	acked      uint64 // how often
	letters    uint64 // how often it was found among the dead letters
}

// settled reports whether a message needs nobody any more. Who has begun to acknowledge it has
// done so, or will, or is dead, and then nobody knows.
func (j *job) settled() bool {
	return get(&j.acked)+get(&j.letters) > 0 || get(&j.acking) != 0
}

// openWork opens the queue, and that of its dead letters, which has little room.
func openWork(t proctest.Fataler, seg *shm.Segment, args string) (q, dead *ring.WorkQueue[message]) {
	var slots, most int
	_, err := fmt.Sscan(args, &slots, &most)
	proctest.Check(t, err)
	dead = proctest.Must(ring.NewWorkQueue[message](seg, "dead letters", 4))(t)
	var opts []ring.WorkQueueOption
	if most > 0 {
		opts = append(opts, ring.MaxDeliveries(most, dead))
	}
	return proctest.Must(ring.NewWorkQueue[message](seg, "work", slots, opts...))(t), dead
}

var _ = crewOf("worker of a queue", putWork, doWork, doWork)

func putWork(m *mate[workLog]) {
	q, _ := openWork(m, m.seg, m.args)
	for get(&m.log.stop) == 0 {
		if m.dawdle(); get(&m.log.calm) == 1 {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		n := next(&m.log.next)
		if n >= maxJobs {
			m.Fatalf("the log is full")
		}
		j, v := &m.log.jobs[n], newMessage(n)
		set(&j.put, 1)
		var err error
		switch m.rnd.IntN(3) {
		case 0:
			err = q.TryPut(v)
		case 1:
			_, err = shm.Select(background, q.PutCase(&v))
		default:
			err = q.Put(background, v)
		}
		if err == ring.ErrFull {
			set(&j.put, 0)
			continue
		}
		m.Check(err)
		set(&j.put, 2)
	}
	set(&m.log.ended[m.hand], 1)
}

func doWork(m *mate[workLog]) {
	q, _ := openWork(m, m.seg, m.args)
	var tasks []ring.Task[message]
	for {
		if len(tasks) > 2 || len(tasks) > 0 && m.rnd.IntN(2) == 0 {
			i := m.rnd.IntN(len(tasks))
			endTask(m, tasks[i])
			tasks = slices.Delete(tasks, i, i+1)
			continue
		}
		t, err := getTask(m, q, len(tasks) == 0)
		switch {
		case err == ring.ErrClosed && len(tasks) == 0:
			return
		case err == nil:
			checkTask(m, t)
			tasks = append(tasks, t)
		case err != ring.ErrEmpty && err != ring.ErrClosed && !errors.Is(err, context.DeadlineExceeded):
			m.Check(err)
		}
		m.dawdle()
	}
}

// getTask gets a task. Who holds nothing may wait for ever.
func getTask(m *mate[workLog], q *ring.WorkQueue[message], idle bool) (t ring.Task[message], err error) {
	ctx, cancel := context.WithTimeout(background, time.Duration(m.rnd.IntN(1000))*time.Microsecond)
	defer cancel()
	if idle {
		ctx = background
	}
	switch m.rnd.IntN(3) {
	case 0:
		return q.TryGet()
	case 1:
		_, err = shm.Select(ctx, q.GetCase(&t))
		return t, err
	}
	return q.Get(ctx)
}

// checkTask sees that a task is nobody else's who lives, and was not done.
func checkTask(m *mate[workLog], t ring.Task[message]) {
	v := *t.Value()
	if !v.whole() || v[0] >= maxJobs {
		m.Fatalf("message %x is torn", v)
	}
	j := &m.log.jobs[v[0]]
	if get(&j.acked) > 0 || get(&j.letters) > 0 {
		m.Fatalf("message %d is delivered after it was acknowledged, or a dead letter", v[0])
	}
	if h := get(&j.holder); h != 0 && get(&m.log.dying[h-1]) == 0 {
		m.Fatalf("message %d is delivered while hand %d holds it", v[0], h-1)
	}
	set(&j.holder, uint64(m.hand)+1)
	d := uint64(t.Deliveries())
	if d <= get(&j.deliveries) || d > 1+get(&j.nacks)+get(&m.log.killed) {
		m.Fatalf("message %d: delivery %d comes after %d, %d Nacks and %d kills", v[0], d, j.deliveries, j.nacks, get(&m.log.killed))
	}
	set(&j.deliveries, d)
	set(&j.acking, 0)
}

func endTask(m *mate[workLog], t ring.Task[message]) {
	n := t.Value()[0]
	j := &m.log.jobs[n]
	if m.rnd.IntN(4) == 0 {
		set(&j.nacks, j.nacks+1)
		set(&j.holder, 0)
		m.Check(t.Nack())
		return
	}
	set(&j.acking, uint64(m.hand)+1)
	m.Check(t.Ack())
	if next(&j.acked) > 0 {
		m.Fatalf("message %d is acknowledged twice", n)
	}
}

// TestWorkStorm kills producers and workers. What was put is acknowledged once, or becomes a
// dead letter once; nobody holds what another does who lives; and Join ends, after that.
func TestWorkStorm(t *testing.T) {
	s := newSquall[workLog](t)
	s.dying = func(l *workLog, h int) {
		set(&l.killed, l.killed+1)
		set(&l.dying[h], 1)
	}
	args := fmt.Sprint(2<<s.rnd.IntN(4), " ", []int{0, 2}[s.rnd.IntN(2)])
	const role = "worker of a queue"
	q, dead := openWork(t, s.seg, args)
	letters, joins := 0, 0
	// join waits for Join, while it reads dead letters, and sees that it is true of what was
	// put before.
	join := func() {
		joins++
		l := s.log
		put := make([]bool, min(get(&l.next), maxJobs))
		for n := range put {
			put[n] = get(&l.jobs[n].put) == 2
		}
		joined := proctest.Go(func() error { return q.Join(background) })
		over := false
		read := func() bool {
			letter, err := dead.TryGet()
			if err != nil {
				return over
			}
			v := *letter.Value()
			if j := &l.jobs[v[0]]; !v.whole() || get(&j.acked) > 0 || next(&j.letters) > 0 {
				t.Fatalf("dead letter %x was acknowledged, or has come before", v)
			}
			letters++
			proctest.Check(t, letter.Ack())
			return false
		}
		s.until("Join has ended", func() bool {
			select {
			case err := <-joined:
				proctest.Check(t, err)
				over = true
			default:
			}
			return read()
		})
		s.until("all letters are read", func() bool { return dead.Len() == 0 || read() && false })
		for n, p := range put {
			if p && !l.jobs[n].settled() {
				t.Fatalf("message %d was put, and Join has not waited for it", n)
			}
		}
	}
	for s.goesOn() && get(&s.log.next) < maxJobs*3/4 {
		s.man(1+s.rnd.IntN(3), role, args)
		s.nap(5 * time.Millisecond)
		s.kill(role, true)
		s.man(1, role, args)
		set(&s.log.calm, 1)
		s.kill(role, false)
		join()
		set(&s.log.calm, 0)
	}
	s.man(1, role, args)
	set(&s.log.stop, 1)
	s.until("nobody puts any more", func() bool {
		return !slices.ContainsFunc(s.hands, func(h *hand) bool { return get(&s.log.ended[h.number]) == 0 })
	})
	join()
	proctest.Check(t, q.Close())
	s.over()
	if q.Len() != 0 || q.InFlight() != 0 {
		t.Errorf("%d messages are left, and %d held", q.Len(), q.InFlight())
	}
	again := 0
	for n := range s.log.jobs[:min(s.log.next, maxJobs)] {
		j := &s.log.jobs[n]
		if j.deliveries > 1+j.nacks {
			again++
		}
		if j.acked+j.letters > 1 || j.put == 2 && j.acked+j.letters == 0 && (j.acking == 0 || s.log.dying[j.acking-1] == 0) {
			t.Errorf("message %d was acknowledged %d times, and a dead letter %d times", n, j.acked, j.letters)
		}
	}
	t.Logf("%s: %d messages, %d of the dead delivered again, %d dead letters, %d Joins", args, s.log.next, again, letters, joins)
}
