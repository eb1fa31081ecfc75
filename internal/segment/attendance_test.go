package segment

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// attended are the objects that the tests' processes attend.
func attended(t proctest.Fataler, s *Segment) (objects []Object) {
	t.Helper()
	for i := range 3 {
		o, err := s.Object(Spec{Kind: layout.KindLock, Name: fmt.Sprint("attended", i), Size: 1})
		proctest.Check(t, err)
		objects = append(objects, o)
	}
	return objects
}

func wantAttended(t *testing.T, s *Segment, o Object, side layout.Side, alive, died bool) {
	t.Helper()
	if a, d := s.Attended(o, side); a != alive || d != died {
		t.Errorf("side %d of entry %d: alive %v, died %v, want %v, %v", side, o.entry, a, d, alive, died)
	}
}

// TestAttend is about the living.
func TestAttend(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 2*layout.AttendSlots + 1})
	o := attended(t, s)[0]
	var all []*Segment
	for range 2 * layout.AttendSlots { // in every word
		all = append(all, mustOpen(t, "s"))
	}
	for i, a := range all {
		wantAttended(t, s, o, layout.Producer, false, false)
		a.Attend(o, layout.Producer)
		a.Attend(o, layout.Producer)
		wantAttended(t, s, o, layout.Producer, true, false)
		wantAttended(t, a, o, layout.Producer, true, false)
		wantAttended(t, s, o, layout.Consumer, false, false)
		if i%2 == 0 {
			a.Leave(o, layout.Producer)
		} else {
			a.Close()
		}
	}
	wantAttended(t, s, o, layout.Producer, false, false)
	mustOpen(t, "s") // in the slot of one that has left in order
	wantAttended(t, s, o, layout.Producer, false, false)
}

// TestAttendNewObject has new objects in old records.
func TestAttendNewObject(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	for k := range s.header.AttendWords() { // what a dead creator may have left
		for _, side := range []layout.Side{layout.User, layout.Producer, layout.Consumer} {
			s.attendance(0, side, k).Store(^uint64(0))
		}
	}
	o := attended(t, s)[0]
	wantAttended(t, s, o, layout.Producer, false, false)
	wantAttended(t, s, o, layout.Consumer, false, false)
}

// attender attends all objects, as its arguments say, and waits.
var _ = proctest.Register("attender", func(c *proctest.Child) {
	s, err := Open("s", nil)
	c.Check(err)
	for _, o := range attended(c, s) {
		s.Attend(o, layout.Producer)
	}
	c.Send(s.Slot())
	c.Recv()
})

// TestAttendedDied checks who is told of deaths, and for how long.
func TestAttendedDied(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 3})
	objects := attended(t, s)
	all := func(alive, died bool) {
		t.Helper()
		for _, o := range objects {
			wantAttended(t, s, o, layout.Producer, alive, died)
			wantAttended(t, s, o, layout.Consumer, false, false)
		}
	}
	for range 2 {
		p := proctest.Start(t, "attender")
		p.Recv()
		all(true, false)
		p.Kill()
		all(false, true)
		newcomer := mustOpen(t, "s") // has its slot, and nothing of it
		all(false, true)
		for _, o := range objects {
			newcomer.Attend(o, layout.Producer)
		}
		all(true, false)
		newcomer.Close()
		all(false, false)
	}
	// One that takes over from a dead one whose slot nobody has taken yet.
	p := proctest.Start(t, "attender")
	p.Recv()
	p.Kill()
	all(false, true)
	for _, o := range objects {
		s.Attend(o, layout.Producer)
	}
	all(true, false)
	for _, o := range objects {
		s.Leave(o, layout.Producer)
	}
	all(false, false)
}

// TestAttendClosed lets a process attend while it is being closed. It has left in order.
func TestAttendClosed(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 2})
	o := attended(t, s)[0]
	a := mustOpen(t, "s")
	setStep(t, stepLeft, func() { a.Attend(o, layout.Producer) })
	a.Close()
	wantAttended(t, s, o, layout.Producer, false, false)
	setStep(t, "", nil)
	mustOpen(t, "s")
	wantAttended(t, s, o, layout.Producer, false, false)
}

// TestAttendTooLate has one go on that was closed while it attended, where its memory is
// not severed: the bit of its slot is its successor's by then.
func TestAttendTooLate(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 3})
	o := attended(t, s)[0]
	d, a := mustOpen(t, "s"), mustOpen(t, "s")
	d.Attend(o, layout.Producer)
	d.table.Close() // it dies
	a.res.leave()
	a.res.settle()
	a.table.Close()
	b := mustOpen(t, "s")
	c := mustOpen(t, "s")
	next := b
	if c.Slot() == a.Slot() {
		next = c
	}
	a.Attend(o, layout.Consumer)
	wantAttended(t, s, o, layout.Consumer, false, false)
	next.Attend(o, layout.Consumer)
	a.Leave(o, layout.Consumer)
	wantAttended(t, s, o, layout.Consumer, true, false)
	a.Attend(o, layout.Producer)
	wantAttended(t, s, o, layout.Producer, false, true)
}

// setStep has f called at the first step that is at.
func setStep(t *testing.T, at step, f func()) {
	t.Cleanup(func() { atStep = func(step) {} })
	atStep = func(now step) {
		if now == at {
			atStep = func(step) {}
			f()
		}
	}
}

// TestAttendHandOver changes who attends while somebody looks: at each moment there is
// one.
func TestAttendHandOver(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: layout.AttendSlots + 4})
	o := attended(t, s)[0]
	var all []*Segment
	for range layout.AttendSlots + 2 {
		all = append(all, mustOpen(t, "s"))
	}
	for _, at := range []step{stepLooking, stepLooked} {
		for _, turn := range [][2]int{{0, len(all) - 1}, {len(all) - 1, 0}} {
			from, to := all[turn[0]], all[turn[1]]
			from.Attend(o, layout.Consumer)
			setStep(t, at, func() {
				to.Attend(o, layout.Consumer)
				from.Close()
			})
			wantAttended(t, s, o, layout.Consumer, true, false)
			to.Leave(o, layout.Consumer)
			all[turn[0]] = mustOpen(t, "s")
		}
	}
	// The slot's tenant changes, and not its bit.
	for _, at := range []step{stepLooking, stepLooked} {
		p := proctest.Start(t, "attender")
		slot := p.Recv()
		var next *Segment
		p.Kill()
		setStep(t, at, func() {
			next = mustOpen(t, "s")
			if fmt.Sprint(next.Slot()) != slot {
				t.Fatalf("slot %d after slot %s", next.Slot(), slot)
			}
			next.Attend(o, layout.Producer)
		})
		wantAttended(t, s, o, layout.Producer, true, false)
		next.Close()
	}
}

// TestAttendRestless gives up on a record that never keeps still, in nobody's disfavour.
func TestAttendRestless(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	o := attended(t, s)[0]
	defer func() { atStep = func(step) {} }()
	atStep = func(step) { s.attendance(o.entry, layout.Producer, 0).Add(1 << 40) }
	wantAttended(t, s, o, layout.Producer, true, false)
}

// TestKilledInAttend kills one that attends after another's death.
func TestKilledInAttend(t *testing.T) {
	for _, at := range []step{stepAttending, stepHeld, stepInherited} {
		t.Run(string(at), func(t *testing.T) {
			proctest.NoLeaks(t)
			proctest.Dir(t)
			s := mustCreate(t, "s", &Options{MaxProcs: 3})
			o := attended(t, s)[0]
			first, second := proctest.Start(t, "attender"), proctest.Start(t, "victim", "attend", string(at))
			first.Recv()
			second.Recv() // it has its slot
			first.Kill()
			second.Send("go on")
			second.Recv()
			wantAttended(t, s, o, layout.Producer, true, at != stepInherited)
			second.Kill()
			wantAttended(t, s, o, layout.Producer, false, true)
			a, b := mustOpen(t, "s"), mustOpen(t, "s") // in the slots of both
			wantAttended(t, s, o, layout.Producer, false, true)
			a.Attend(o, layout.Producer)
			a.Leave(o, layout.Producer)
			wantAttended(t, b, o, layout.Producer, false, false)
		})
	}
}

// TestPausedInAttend stops one that holds a dead one's slot. It keeps nothing but that.
func TestPausedInAttend(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 4})
	o := attended(t, s)[0]
	dead, holder := proctest.Start(t, "attender"), proctest.Start(t, "victim", "attend", string(stepHeld))
	dead.Recv()
	holder.Recv()
	dead.Kill()
	holder.Send("go on")
	holder.Recv()
	a := mustOpen(t, "s")
	_, err := Open("s", nil)
	proctest.WantError(t, "in the slot that is held", err, ErrFull)
	a.Attend(o, layout.Producer)
	a.Leave(o, layout.Producer)
	wantAttended(t, s, o, layout.Producer, true, true)
	holder.Kill()
	mustOpen(t, "s")
	mustOpen(t, "s")
	wantAttended(t, s, o, layout.Producer, false, true)
}

// TestKilledInSettle kills newcomers who have found out about some of the deaths of an
// earlier owner of their slot.
func TestKilledInSettle(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 2})
	objects := attended(t, s)
	p := proctest.Start(t, "attender")
	p.Recv()
	p.Kill()
	for range objects {
		for _, o := range objects {
			wantAttended(t, s, o, layout.Producer, false, true)
		}
		kill(t, "open", stepSettled) // each gets one bit further
	}
	mustOpen(t, "s")
	for _, o := range objects {
		wantAttended(t, s, o, layout.Producer, false, true)
	}
}

// rotator has others take turns in attending, so that there is always one, until it is
// told to end.
var _ = proctest.Register("rotator", func(c *proctest.Child) {
	var all []*Segment
	for range 3 {
		s, err := Open("s", nil)
		c.Check(err)
		all = append(all, s)
	}
	o := attended(c, all[0])[0]
	all[0].Attend(o, layout.Producer)
	c.Send("ready")
	end := make(chan struct{})
	go func() { c.Recv(); close(end) }()
	for i := 0; ; i++ {
		from, to := i%len(all), (i+1)%len(all)
		all[to].Attend(o, layout.Producer)
		if i%5 == 0 { // in another slot, or the same
			c.Check(all[from].Close())
			s, err := Open("s", nil)
			c.Check(err)
			all[from] = s
		} else {
			all[from].Leave(o, layout.Producer)
		}
		select {
		case <-end:
			return
		default:
		}
	}
})

// TestAttendRotation looks at those who take turns.
func TestAttendRotation(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	o := attended(t, s)[0]
	p := proctest.Start(t, "rotator")
	p.Recv()
	for range 3000 {
		if alive, died := s.Attended(o, layout.Producer); !alive || died {
			t.Fatalf("alive %v, died %v", alive, died)
		}
		runtime.Gosched()
	}
	p.Send("end")
	p.Wait()
	wantAttended(t, s, o, layout.Producer, false, true) // it has ended without closing
}

// TestAttendInheritAll has somebody die in a slot of another word than that of its heir.
func TestAttendInheritAll(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: layout.AttendSlots + 2})
	o := attended(t, s)[0]
	for range layout.AttendSlots + 1 {
		if a := mustOpen(t, "s"); a.Slot() >= layout.AttendSlots {
			a.Attend(o, layout.Producer)
			a.table.Close() // it dies
		}
	}
	wantAttended(t, s, o, layout.Producer, false, true)
	s.Attend(o, layout.Producer)
	s.Leave(o, layout.Producer)
	wantAttended(t, s, o, layout.Producer, false, false)
}

// TestAttendSpoilt has bits of slots that there are not.
func TestAttendSpoilt(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 3})
	o := attended(t, s)[0]
	s.attendance(o.entry, layout.Producer, 0).Store(1<<3 | 1<<40)
	wantAttended(t, s, o, layout.Producer, false, false)
	s.Attend(o, layout.Producer)
	wantAttended(t, s, o, layout.Producer, true, false)
}

// TestSettleAll has somebody die who attended all sides of all objects that there is room
// for, and a newcomer in its slot: at each step of it, and in spite of others who attend at
// that moment, the deaths show, and nobody is taken for alive who is dead.
func TestSettleAll(t *testing.T) {
	sides := []layout.Side{layout.User, layout.Producer, layout.Consumer}
	for _, at := range []step{stepSettling, stepSettled} {
		proctest.Dir(t)
		s := mustCreate(t, "s", &Options{MaxProcs: 3, MaxObjects: 3})
		d, other := mustOpen(t, "s"), mustOpen(t, "s")
		objects := attended(t, d)
		for _, o := range objects {
			d.Attend(o, layout.Producer)
			d.Attend(o, layout.Consumer)
		}
		d.table.Close() // it dies
		check := func() {
			t.Helper()
			for _, o := range objects {
				for _, side := range sides {
					wantAttended(t, s, o, side, false, true)
				}
			}
		}
		check()
		setStep(t, at, func() {
			check()
			if at == stepSettling { // the first bit's word changes
				other.attend(objects[0].entry, layout.User)
				other.leave(objects[0].entry, layout.User)
				other.attend(objects[0].entry, layout.User)
			}
		})
		newcomer := mustOpen(t, "s")
		if newcomer.Slot() != d.Slot() {
			t.Fatalf("slot %d after slot %d", newcomer.Slot(), d.Slot())
		}
		other.leave(objects[0].entry, layout.User)
		check()
		for _, a := range []*Segment{newcomer, other, s} {
			a.Close()
		}
	}
}
