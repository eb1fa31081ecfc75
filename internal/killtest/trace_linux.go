//go:build amd64 || arm64

package killtest

import (
	"errors"
	"fmt"
	"slices"
)

// A Trace is what an operation has executed once.
type Trace struct {
	PCs     []uint64 // the instructions
	Changes []int    // the indexes of those that changed what was watched
	Sleeps  []int    // the indexes of those in which it fell asleep
	Calls   int      // how often StepCall stops on the way

	program Program
	anchors []anchor     // see findAnchors
	effects map[int]bool // the indexes after which the outside may have changed
}

// A Point is where an operation can be stopped.
type Point struct {
	Index  int  // before this instruction
	Asleep bool // asleep in this instruction
	Call   int  // if not 0, at this stop of StepCall instead
}

// Record steps the process, which executes that program, from a mark to the next. It
// calls changed after each instruction, with whether that was a system call, to learn
// whether what is watched has changed; and asleep whenever the process falls asleep:
// there somebody has to wake it.
func Record(p *Process, program Program, changed func(call bool) bool, asleep func()) (*Trace, error) {
	t := &Trace{program: program, effects: map[int]bool{}}
	each := func(pc uint64) {
		call := p.lastKind == systemCall
		if changed(call) {
			t.Changes = append(t.Changes, len(t.PCs))
			t.effects[len(t.PCs)] = true
		} else if call {
			t.effects[len(t.PCs)] = true
		}
		t.PCs = append(t.PCs, pc)
	}
	for {
		switch _, state, err := p.Steps(maxTrace-len(t.PCs), each); {
		case err != nil:
			return nil, err
		case state == AtMark:
			t.findAnchors()
			return t, nil
		case state == Asleep:
			t.Sleeps = append(t.Sleeps, len(t.PCs))
			asleep()
		case state == Stopped:
			return nil, fmt.Errorf("the operation takes more than %d instructions", maxTrace)
		default:
			return nil, p.failed("the operation", errEnded)
		}
	}
}

// maxTrace bounds the instructions of an operation: they take some 15 s.
const maxTrace = 1_000_000

var errEnded = errors.New("the process has ended")

// RecordCalls counts the stops of StepCall on the way from a mark to the next.
func (t *Trace) RecordCalls(p *Process, asleep func()) error {
	for {
		switch state, err := p.StepCall(); {
		case err != nil:
			return err
		case state == AtMark:
			return nil
		case state == Asleep:
			asleep()
		case state == Stopped:
			t.Calls++
		default:
			return p.failed("the operation", errEnded)
		}
	}
}

// longAbove is how many instructions an operation may have of which Everywhere
// leaves none out.
const longAbove = 1000

// Everywhere returns the points of the operation but those of StepCall, in order.
// The last is its end. In an operation of many instructions, of those that the Go
// runtime executes in a row it takes the first, and those after a system call or a
// change of what was watched. The others change nothing outside the process: a
// process stopped there cannot be told from one stopped before.
func (t *Trace) Everywhere() (points []Point) {
	for i := range len(t.PCs) + 1 {
		if 0 < i && i < len(t.PCs) && len(t.PCs) > longAbove &&
			!t.effects[i-1] && !t.program.owns(t.PCs[i-1]) && !t.program.owns(t.PCs[i]) {
			continue
		}
		points = append(points, Point{Index: i})
	}
	for _, i := range t.Sleeps {
		points = append(points, Point{Index: i, Asleep: true})
	}
	return points
}

// Essential returns the points of StepCall, and if there is a record of single
// steps, those after a change or in a sleep, and the end.
func (t *Trace) Essential() (points []Point) {
	for i := range t.Calls {
		points = append(points, Point{Call: i + 1})
	}
	for _, i := range t.Changes {
		points = append(points, Point{Index: i + 1})
	}
	for _, i := range t.Sleeps {
		points = append(points, Point{Index: i, Asleep: true})
	}
	if len(t.PCs) > 0 {
		points = append(points, Point{Index: len(t.PCs)})
	}
	return points
}

// After returns the points right after the executions of a function's code, inlined
// or not.
func (t *Trace) After(name string) (points []Point) {
	inside := false
	for i, pc := range t.PCs {
		now := t.program(pc).Function == name
		if inside && !now {
			points = append(points, Point{Index: i})
		}
		inside = now
	}
	return points
}

// Reach moves a process that does the same from its mark to a point, and returns
// Stopped or Asleep if it is there, and AtMark if it came to its end instead. It
// lets the process run most of the way.
func (t *Trace) Reach(p *Process, at Point, asleep func()) (State, error) {
	if at.Call > 0 {
		return t.reachCall(p, at.Call, asleep)
	}
	steps := at.Index
	if a := t.anchors[at.Index]; a.last >= 0 {
		if state, err := t.run(p, a, asleep); err != nil || state != Stopped {
			return state, err
		}
		steps -= a.last
	}
	if state, err := t.step(p, steps, asleep); err != nil || state != Stopped {
		return state, err
	}
	if at.Asleep || at.Index == len(t.PCs) {
		return p.Step()
	}
	return Stopped, nil
}

// step executes n instructions.
func (t *Trace) step(p *Process, n int, asleep func()) (State, error) {
	for n > 0 {
		done, state, err := p.Steps(n, nil)
		if err != nil || state == AtMark || state == Finished {
			return state, err
		}
		if state == Asleep {
			asleep()
		}
		n -= done
	}
	return Stopped, nil
}

// run lets the process run to an anchor.
func (t *Trace) run(p *Process, a anchor, asleep func()) (State, error) {
	state, err := t.runTo(p, t.PCs[a.first], asleep)
	for i := a.first; i < a.last && err == nil && state == Stopped; {
		if t.PCs[i] == t.PCs[a.last] {
			state, err = t.step(p, 1, asleep)
		}
		if err == nil && state == Stopped {
			state, err = t.runTo(p, t.PCs[a.last], asleep)
		}
		i += 1 + slices.Index(t.PCs[i+1:], t.PCs[a.last])
	}
	return state, err
}

func (t *Trace) runTo(p *Process, pc uint64, asleep func()) (State, error) {
	for {
		state, err := p.RunTo(pc)
		if err != nil || state != Asleep {
			return state, err
		}
		asleep()
	}
}

func (t *Trace) reachCall(p *Process, n int, asleep func()) (State, error) {
	for n > 0 {
		switch state, err := p.StepCall(); {
		case err != nil || state == AtMark || state == Finished:
			return state, err
		case state == Asleep:
			asleep()
		default:
			n--
		}
	}
	return Stopped, nil
}

// An anchor is how a process gets near an index by breakpoints: to the first execution
// of one instruction, and then to as many of another as there were.
type anchor struct{ first, last int }

// findAnchors finds for each index the last instruction before it, or it itself, that
// no thread of the runtime executes, and the last such that was executed there for the
// first time. They are -1 if there is none. So the instructions of the runtime, whose
// number is not always the same, are not counted, but for the last of them.
func (t *Trace) findAnchors() {
	seen := map[uint64]bool{}
	a := anchor{-1, -1}
	for i, pc := range t.PCs {
		if t.program.owns(pc) {
			a.last = i
			if !seen[pc] {
				seen[pc] = true
				a.first = i
			}
		}
		t.anchors = append(t.anchors, a)
	}
	t.anchors = append(t.anchors, a)
}

// Where says what the point is.
func (t *Trace) Where(at Point) string {
	switch {
	case at.Call > 0:
		return fmt.Sprintf("stop %d of %d at system calls", at.Call, t.Calls)
	case at.Index == len(t.PCs):
		return fmt.Sprintf("the end, after %d instructions", at.Index)
	}
	where := fmt.Sprintf("before instruction %d of %d", at.Index, len(t.PCs))
	if at.Asleep {
		where = fmt.Sprintf("asleep in instruction %d of %d", at.Index, len(t.PCs))
	}
	pc := t.PCs[at.Index]
	if p := t.program(pc); p.Function != "" {
		where += fmt.Sprintf(", %#x in %s, %s:%d", pc, p.Function, p.File, p.Line)
	}
	return where
}
