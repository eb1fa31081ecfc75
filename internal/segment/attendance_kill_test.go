package segment

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

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
