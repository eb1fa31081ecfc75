package storm

import (
	"fmt"
	"slices"
)

// A verdict is what the ledger says about the rings in the end.
type verdict struct {
	operations, moved uint64
	lost, doubled     uint64
	along             uint64 // taken along by a consumer that was cut off, in the one pop it was in
	faults            []string
}

const maxFaults = 20

func (v *verdict) fault(format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, fmt.Sprintf(format, args...))
	}
}

// judge compares what was popped with what was pushed. All processes have ended,
// and the rings have been drained.
func (l *ledger) judge() *verdict {
	v := &verdict{}
	for i := range l.written() {
		_, ops := l.pages[i].doing()
		v.operations += ops
	}
	for r := range rings {
		v.sources(l, r)
		v.counts(l, r)
		if r.roles() {
			v.strict(l, r)
		} else {
			v.loose(l, r)
		}
	}
	return v
}

func (l *ledger) written() []page { return l.pages[:l.used] }

// popped returns the entries of a page.
func (p *page) popped() []entry {
	if n := slices.Index(p.entries[:], 0); n >= 0 {
		return p.entries[:n]
	}
	return p.entries[:]
}

func (l *ledger) pushed(r ringID) []tally { return l.sources[r][:min(get(&l.pushers[r]), maxSources)] }

// sources checks that what is in doubt is one operation of each who was cut off.
func (v *verdict) sources(l *ledger, r ringID) {
	doubts, cuts := 0, 0
	for i := range l.written() {
		if p := &l.pages[i]; p.cut == 1 {
			cuts++
		}
	}
	for s, t := range l.pushed(r) {
		if t.begun == t.done {
			continue
		}
		doubts++
		if t.begun < t.done || t.begun-t.done > maxAtOnce {
			v.fault("%s source %d: %d pushes begun, %d done", ringNames[r], s, t.begun, t.done)
		}
	}
	if doubts > cuts {
		v.fault("%s: %d sources in doubt, and %d actors were cut off", ringNames[r], doubts, cuts)
	}
}

// counts checks that what was popped was pushed, and popped once.
func (v *verdict) counts(l *ledger, r ringID) {
	pushed := l.pushed(r)
	times := make([][]uint8, len(pushed))
	for s, t := range pushed {
		times[s] = make([]uint8, t.begun)
	}
	for i := range l.written() {
		for _, e := range l.pages[i].popped() {
			if e.ring() != r {
				continue
			}
			for seq := e.seq(); seq < e.seq()+e.len(); seq++ {
				s := e.source()
				if s >= uint64(len(times)) || seq >= uint64(len(times[s])) {
					v.fault("%s: message %d of source %d was popped and never pushed", ringNames[r], seq, s)
					return
				}
				v.moved++
				if times[s][seq]++; times[s][seq] > 1 {
					v.doubled++
					v.fault("%s: message %d of source %d was popped %d times", ringNames[r], seq, s, times[s][seq])
				}
			}
		}
	}
}

// An excuse is what the ledger does not know about a consumer that was cut off.
type excuse struct {
	maybe map[uint64]bool // messages that it may have popped last
	any   int             // and how many that nobody knows
}

// excuse returns the excuse of a page for messages of r that are missing.
func (l *ledger) excuse(p *page, r ringID) (x excuse) {
	what, _ := p.doing()
	if p.cut == 0 || what.to(r) == idle {
		return x
	}
	x.maybe = map[uint64]bool{}
	switch what.to(r) {
	case popping:
		x.any = 1
	case dropping:
		x.maybe[p.lent] = true
	case taking:
		for _, m := range p.taken {
			x.maybe[m[0]] = true
		}
		for b := p.takenBytes[:]; ; {
			id, n := l.firstMessage(b)
			if n == 0 {
				break
			}
			x.maybe[id] = true
			b = b[n:]
		}
	}
	return x
}

// covered reports whether one of the excuses names the message, or uses up one
// for a message that nobody knows.
func covered(xs []excuse, id uint64) bool {
	for _, x := range xs {
		if x.maybe[id] {
			return true
		}
	}
	for i := range xs {
		if xs[i].any > 0 {
			xs[i].any--
			return true
		}
	}
	return false
}

// lose says that a message that was pushed will never be popped.
func (v *verdict) lose(r ringID, source, seq uint64) {
	v.lost++
	v.fault("%s: message %d of source %d was lost", ringNames[r], seq, source)
}
