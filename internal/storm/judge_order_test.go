package storm

import (
	"cmp"
	"slices"
)

// strict judges a ring with roles: its messages come in one order, that of the
// producers' tenures, and nothing is missing but where a consumer was cut off.
func (v *verdict) strict(l *ledger, r ringID) {
	type tenure struct {
		number  uint64
		entries []entry
		page    *page // if it was the last of its page
	}
	var tenures []tenure
	for i := range l.written() {
		p := &l.pages[i]
		first := len(tenures)
		for _, e := range p.popped() {
			switch {
			case e.ring() != r:
			case e.len() == 0:
				tenures = append(tenures, tenure{number: e.seq()})
			default:
				t := &tenures[len(tenures)-1]
				t.entries = append(t.entries, e)
			}
		}
		if len(tenures) > first {
			tenures[len(tenures)-1].page = p
		}
	}
	slices.SortFunc(tenures, func(a, b tenure) int { return cmp.Compare(a.number, b.number) })

	pushed := l.pushed(r)
	var source, seq uint64 // expected next
	var excuses []excuse   // since the last message
	// pass goes on to a message, over what is missing before it.
	pass := func(s, q uint64) {
		lose := func(source, seq uint64) {
			if covered(excuses, identify(r, source, seq)) {
				v.along++
			} else {
				v.lose(r, source, seq)
			}
		}
		for ; source < s; source, seq = source+1, 0 {
			for ; seq < pushed[source].done; seq++ {
				lose(source, seq)
			}
		}
		for ; seq < q; seq++ {
			lose(source, seq)
		}
		excuses = nil
	}
	for _, t := range tenures {
		for _, e := range t.entries {
			if e.source() >= uint64(len(pushed)) {
				return // counts has seen it
			}
			if e.source() < source || e.source() == source && e.seq() < seq {
				v.fault("%s: message %d of source %d came after message %d of source %d",
					ringNames[r], e.seq(), e.source(), int64(seq)-1, source)
				continue
			}
			pass(e.source(), e.seq())
			seq += e.len()
		}
		if t.page != nil {
			excuses = append(excuses, l.excuse(t.page, r))
		}
	}
	if len(pushed) > 0 {
		pass(uint64(len(pushed)), 0)
	}
}
