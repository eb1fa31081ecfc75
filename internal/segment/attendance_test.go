package segment

import (
	"fmt"
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

// TestAttendRestless gives up on a record that never keeps still, in nobody's disfavour.
func TestAttendRestless(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	o := attended(t, s)[0]
	defer func() { atStep = func(step) {} }()
	atStep = func(step) { s.attendance(o.entry, layout.Producer, 0).Add(1 << 40) }
	wantAttended(t, s, o, layout.Producer, true, false)
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
