//go:build (amd64 || arm64) && !isthmus_nofutex

package storm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// A mixedLog is what hands in Go and in C write down: testdata/mixed.c has it as well.
type mixedLog struct {
	stop    uint64
	next    uint64               // number of the next message
	lock    uint64               // hand + 1 that has it
	counter uint64               // protected by the lock
	permits [mixedPermits]uint64 // hand + 1 that has one of them
	last    [mixedRings]uint64   // one more than the message that was popped last, of a ring with roles
	hands   [maxHands]mixedHand
	jobs    [mixedJobs]uint64 // what has become of each message: see the bits below
}

type mixedHand struct {
	dying            uint64 // 1: it may be dead
	counted, updated uint64 // how often it has counted up the counter, and the Value
	popping          uint64 // ring + 1 that it is popping from
}

const (
	mixedPermits = 3
	mixedJobs    = 1 << 19
	mixedTenure  = 32 // most messages of one holder of a role
)

// The rings, and the bits of a job: its ring + 1, whether it was pushed for certain, or not, and
// how often it was popped.
const (
	mixedMPMC = iota
	mixedSPSC
	mixedBytes
	mixedRings

	jobRing = 255
	pushed  = 1 << 8
	void    = 1 << 9
	onePop  = 1 << 32
)

type mixedValue [9]uint64

// mixedObjects are what all use.
type mixedObjects struct {
	lock  *shm.Lock
	sem   *semaphore.Semaphore
	value *shm.Value[mixedValue]
	mpmc  *ring.MPMC[message]
	spsc  *ring.SPSC[message]
	bytes *ring.Bytes
}

func openMixed(t proctest.Fataler, seg *shm.Segment, args string) (o mixedObjects) {
	var slots, room int
	_, err := fmt.Sscan(args, &slots, &room)
	proctest.Check(t, err)
	o.lock = proctest.Must(shm.NewLock(seg, "lock"))(t)
	o.sem = proctest.Must(semaphore.New(seg, "semaphore", mixedPermits, nil))(t)
	o.value = proctest.Must(shm.NewValue[mixedValue](seg, "value"))(t)
	o.mpmc = proctest.Must(ring.NewMPMC[message](seg, "mpmc", slots))(t)
	o.spsc = proctest.Must(ring.NewSPSC[message](seg, "spsc", slots))(t)
	o.bytes = proctest.Must(ring.NewBytes(seg, "bytes", room))(t)
	return o
}

// A mixer is a hand in Go.
type mixer struct {
	*mate[mixedLog]
	mixedObjects
	me *mixedHand
}

var _ = crewOf("mixer", func(m *mate[mixedLog]) {
	x := mixer{m, openMixed(m, m.seg, m.args), &m.log.hands[m.hand]}
	uses := []func(){x.useLock, x.useSemaphore, x.useValue, x.useMPMC, x.useSPSC, x.useBytes}
	for get(&m.log.stop) == 0 {
		uses[m.rnd.IntN(len(uses))]()
	}
})

// The hand in C is testdata/mixed.c.
var _ = proctest.Register("mixer in C", func(c *proctest.Child) { c.Fatalf("this is not C") })

// brief returns a context that ends soon, or has ended.
func (x mixer) brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, time.Duration(x.rnd.IntN(2))*time.Millisecond)
}

func (x mixer) useLock() {
	err := x.lock.LockContext(background)
	if errors.Is(err, shm.ErrOwnerDied) {
		x.lock.MarkConsistent()
	} else if x.Check(err); get(&x.log.lock) != 0 && get(&x.log.hands[get(&x.log.lock)-1].dying) == 0 {
		x.Fatalf("hand %d has the lock as well", get(&x.log.lock)-1)
	}
	mine := uint64(x.hand) + 1
	set(&x.log.lock, mine)
	set(&x.log.counter, get(&x.log.counter)+1)
	set(&x.me.counted, x.me.counted+1)
	if !atomic.CompareAndSwapUint64(&x.log.lock, mine, 0) {
		x.Fatalf("another has the lock as well")
	}
	x.lock.Unlock()
}

func (x mixer) useSemaphore() {
	n := 1 + x.rnd.IntN(2)
	ctx, cancel := x.brief()
	defer cancel()
	if x.rnd.IntN(2) == 0 {
		ctx = background
	}
	err := x.sem.Acquire(ctx, int64(n))
	if errors.Is(err, context.DeadlineExceeded) {
		return
	}
	x.Check(err)
	var tokens []*uint64
	for range n {
		tokens = append(tokens, x.token())
	}
	for _, token := range tokens {
		set(token, 0)
	}
	x.sem.Release(int64(n))
}

// token takes one of the tokens, of which there are as many as permits.
func (x mixer) token() *uint64 {
	for range 2 {
		for i := range x.log.permits {
			token := &x.log.permits[i]
			w := get(token)
			if (w == 0 || get(&x.log.hands[w-1].dying) != 0) && atomic.CompareAndSwapUint64(token, w, uint64(x.hand)+1) {
				return token
			}
		}
	}
	x.Fatalf("too many have permits")
	return nil
}

func (x mixer) useValue() {
	x.value.Update(func(v mixedValue) mixedValue {
		for i := range v {
			if v[i] != v[0] {
				x.Fatalf("the value is torn: %v", v)
			}
		}
		for i := range v {
			v[i]++
		}
		return v
	})
	set(&x.me.updated, x.me.updated+1)
}

// begin draws the number of a message.
func (x mixer) begin(ring uint64) (n uint64, ok bool) {
	if get(&x.log.next) >= mixedJobs {
		return 0, false
	}
	if n = next(&x.log.next); n >= mixedJobs {
		return 0, false
	}
	set(&x.log.jobs[n], ring+1)
	return n, true
}

// pushed notes how a push has ended, and reports whether it has pushed.
func (x mixer) pushed(n uint64, err error) bool {
	none := errors.Is(err, ring.ErrFull) || errors.Is(err, context.DeadlineExceeded)
	if none {
		atomic.AddUint64(&x.log.jobs[n], void)
		return false
	}
	x.Check(err)
	atomic.AddUint64(&x.log.jobs[n], pushed)
	return true
}

// popped notes what a pop has got, and reports whether it was a message.
func (x mixer) popped(ring uint64, n uint64, whole bool, err error) bool {
	defer set(&x.me.popping, 0)
	if isNone(err) {
		return false
	}
	x.Check(err)
	checkPopped(x, x.log, ring, n, whole)
	return true
}

// isNone reports whether a pop has found nothing.
func isNone(err error) bool {
	return errors.Is(err, ring.ErrEmpty) || errors.Is(err, context.DeadlineExceeded)
}

// checkPopped notes that message n was popped.
func checkPopped(t proctest.Fataler, l *mixedLog, ring, n uint64, whole bool) {
	if !whole || n >= mixedJobs || get(&l.jobs[n])&jobRing != ring+1 {
		t.Fatalf("message %d of ring %d is torn, or was never pushed", n, ring)
	}
	if atomic.AddUint64(&l.jobs[n], onePop)>>32 != 1 {
		t.Fatalf("message %d of ring %d was popped a second time", n, ring)
	}
	if ring == mixedMPMC {
		return
	}
	if last := get(&l.last[ring]); n < last {
		t.Fatalf("message %d of ring %d comes after message %d", n, ring, last-1)
	}
	set(&l.last[ring], n+1)
}

func (x mixer) useMPMC() {
	ctx, cancel := x.brief()
	defer cancel()
	if x.rnd.IntN(2) == 0 {
		if n, ok := x.begin(mixedMPMC); ok {
			x.pushed(n, x.mpmc.Push(ctx, newMessage(n)))
		}
		return
	}
	set(&x.me.popping, mixedMPMC+1)
	if x.rnd.IntN(2) == 0 {
		m, err := x.mpmc.Pop(ctx)
		x.popped(mixedMPMC, m[0], m.whole(), err)
		return
	}
	l, err := x.mpmc.Next(ctx)
	var m message
	if err == nil {
		m = *l.Value()
		err = l.Release()
	}
	x.popped(mixedMPMC, m[0], m.whole(), err)
}

func (x mixer) useSPSC() {
	ctx, cancel := x.brief()
	defer cancel()
	if x.rnd.IntN(2) == 0 {
		p, err := x.spsc.Producer()
		if errors.Is(err, ring.ErrRoleTaken) {
			return
		}
		x.Check(err)
		for range x.rnd.IntN(mixedTenure) {
			n, ok := x.begin(mixedSPSC)
			if !ok || !x.pushed(n, p.Push(ctx, newMessage(n))) {
				break
			}
		}
		x.Check(p.Detach())
		return
	}
	c, err := x.spsc.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	x.Check(err)
	for range x.rnd.IntN(mixedTenure) {
		set(&x.me.popping, mixedSPSC+1)
		m, err := c.Pop(ctx)
		if !x.popped(mixedSPSC, m[0], m.whole(), err) {
			break
		}
	}
	x.Check(c.Detach())
}

func (x mixer) useBytes() {
	ctx, cancel := x.brief()
	defer cancel()
	if x.rnd.IntN(2) == 0 {
		p, err := x.bytes.Producer()
		if errors.Is(err, ring.ErrRoleTaken) {
			return
		}
		x.Check(err)
		for range x.rnd.IntN(mixedTenure) {
			n, ok := x.begin(mixedBytes)
			if !ok || !x.pushed(n, p.Push(ctx, mixedText(n))) {
				break
			}
		}
		x.Check(p.Detach())
		return
	}
	c, err := x.bytes.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	x.Check(err)
	for range x.rnd.IntN(mixedTenure) {
		set(&x.me.popping, mixedBytes+1)
		b, err := c.Pop(ctx, nil)
		n, whole := readMixedText(b)
		if !x.popped(mixedBytes, n, whole, err) {
			break
		}
	}
	x.Check(c.Detach())
}

// mixedText is a message of bytes.
func mixedText(n uint64) []byte {
	b := make([]byte, 8+n%89)
	for i := range b {
		b[i] = byte(n + uint64(i))
	}
	binary.LittleEndian.PutUint64(b, n)
	return b
}

func readMixedText(b []byte) (n uint64, whole bool) {
	if len(b) < 8 {
		return 0, false
	}
	n = binary.LittleEndian.Uint64(b)
	return n, string(b) == string(mixedText(n))
}

// TestMixedStorm kills processes in Go and in C that use the same objects.
func TestMixedStorm(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		proctest.MaySkip("mixer in C", "mixer")
		t.Skip("there is no gcc: no hand is in C")
	}
	program := filepath.Join(t.TempDir(), "mixed")
	args := []string{"-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", "../../clients/c", "testdata/mixed.c", "-o", program}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	for start, i := time.Now(), 0; i == 0 || time.Since(start) < *timeFlag/2 && !t.Failed(); i++ {
		t.Run(fmt.Sprint(i), func(t *testing.T) { mixedStorm(t, program) })
	}
}

func mixedStorm(t *testing.T, program string) {
	s := newSquall[mixedLog](t)
	s.dying = func(l *mixedLog, h int) { set(&l.hands[h].dying, 1) }
	args := fmt.Sprint(1<<s.rnd.IntN(6), " ", 256<<s.rnd.IntN(4))
	o := openMixed(t, s.seg, args)
	for s.goesOn() && get(&s.log.next) < mixedJobs/2 {
		s.man(1+s.rnd.IntN(3), "mixer", args)
		for range 1 + s.rnd.IntN(3) - s.count("mixer in C") {
			s.startWith(&proctest.Options{Binary: program}, "mixer in C", args)
		}
		s.nap(5 * time.Millisecond)
		for range 1 + s.rnd.IntN(3) {
			s.kill([]string{"mixer", "mixer in C"}[s.rnd.IntN(2)], s.rnd.IntN(2) == 0)
		}
		from := get(&s.log.next)
		s.man(1, "mixer", args)
		s.until("the others go on", func() bool { return get(&s.log.next) > from+20 })
	}
	set(&s.log.stop, 1)
	s.over()
	judgeMixed(s, o)
}

// judgeMixed compares what is left with the log.
func judgeMixed(s *squall[mixedLog], o mixedObjects) {
	ctx, cancel := context.WithTimeout(background, proctest.Timeout())
	defer cancel()
	if err := o.lock.LockContext(ctx); err != nil && !errors.Is(err, shm.ErrOwnerDied) {
		s.t.Fatal(err)
	}
	proctest.Check(s.t, o.sem.Acquire(ctx, mixedPermits))
	if o.sem.TryAcquire(1) {
		s.t.Error("there is a permit too many")
	}
	var counted, updated uint64
	var doubts [mixedRings + 1]int // pops of the dead that may have taken a message
	for i := range s.started {
		h := &s.log.hands[i]
		counted += h.counted
		updated += h.updated
		if h.dying == 1 {
			doubts[h.popping]++
		}
	}
	dead := uint64(s.killed)
	if n := s.log.counter; n < counted || n > counted+dead {
		s.t.Errorf("the lock was held %d times for certain, with %d dead, and the counter is %d", counted, dead, n)
	}
	if v := o.value.Load(); v[0] < updated || v[0] > updated+dead {
		s.t.Errorf("the value was updated %d times for certain, with %d dead, and is %d", updated, dead, v[0])
	}
	drainMixed(s, o)
	var got, lost [mixedRings]int
	for n := range min(s.log.next, mixedJobs) {
		j := s.log.jobs[n]
		switch {
		case j&jobRing == 0: // its hand has died before
		case j&void != 0 && j>>32 != 0:
			s.t.Errorf("message %d was not pushed, and popped", n)
		case j&pushed != 0 && j>>32 == 0:
			lost[j&jobRing-1]++
		case j>>32 != 0:
			got[j&jobRing-1]++
		}
	}
	for ring, n := range lost {
		if n > doubts[ring+1] {
			s.t.Errorf("of ring %d %d messages are lost; %d were killed in pops", ring, n, doubts[ring+1])
		}
	}
	s.t.Logf("%d times the lock, %d updates, messages %v, in the hands of the dead %v", counted, updated, got, lost)
}

// drainMixed pops what is left.
func drainMixed(s *squall[mixedLog], o mixedObjects) {
	c, err := o.spsc.Consumer()
	proctest.Check(s.t, err)
	b, err := o.bytes.Consumer()
	proctest.Check(s.t, err)
	for range mixedJobs {
		ctx, cancel := context.WithTimeout(background, 200*time.Millisecond) // in which what was lent to the dead comes back
		m, err := o.mpmc.Pop(ctx)
		cancel()
		if isNone(err) {
			break
		}
		proctest.Check(s.t, err)
		checkPopped(s.t, s.log, mixedMPMC, m[0], m.whole())
	}
	for m, err := c.TryPop(); !isNone(err); m, err = c.TryPop() {
		proctest.Check(s.t, err)
		checkPopped(s.t, s.log, mixedSPSC, m[0], m.whole())
	}
	for m, err := b.TryPop(nil); !isNone(err); m, err = b.TryPop(nil) {
		proctest.Check(s.t, err)
		n, whole := readMixedText(m)
		checkPopped(s.t, s.log, mixedBytes, n, whole)
	}
}
