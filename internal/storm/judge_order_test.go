package storm

import (
	"cmp"
	"slices"
)

// strict judges a ring with roles: its messages come in one order, that of the
// producers' tenures, and nothing is missing but where a consumer was killed.
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
		excused := func(id uint64) bool { return named(excuses, id) || anonymous(excuses) }
		for ; source < s; source, seq = source+1, 0 {
			for ; seq < pushed[source].done; seq++ {
				v.missing(r, source, seq, excused)
			}
		}
		for ; seq < q; seq++ {
			v.missing(r, source, seq, excused)
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
			excuses = append(excuses, t.page.excuse(r))
		}
	}
	if len(pushed) > 0 {
		pass(uint64(len(pushed)), 0)
	}
}

// loose judges the MPMC ring: each consumer gets the messages of one source in
// order, but for those lent to somebody killed, and nothing is missing but what
// a killed consumer was just taking.
func (v *verdict) loose(l *ledger) {
	orphans := map[uint64]bool{} // lent to somebody killed
	unknown := 0                 // how many more of them there may be
	takers := 0                  // who may have taken an orphan along
	var excuses []excuse
	for i := range l.written() {
		p := &l.pages[i]
		excuses = append(excuses, p.excuse(mpmc))
		what, _ := p.doing()
		if p.killed == 0 || what.ring() != mpmc {
			continue
		}
		switch what.bare() {
		case reading, dropping:
			orphans[p.lent] = true
		case peeking:
			unknown++
		case taking:
			takers++ // of an orphan PopInto tells only after the taking
		}
	}
	late := unknown
	for i := range l.written() {
		last := map[uint64]uint64{}
		for _, e := range l.pages[i].popped() {
			if e.ring() != mpmc {
				continue
			}
			for seq := e.seq(); seq < e.seq()+e.len(); seq++ {
				n, any := last[e.source()]
				switch {
				case !any || seq > n:
					last[e.source()] = seq
				case orphans[identify(mpmc, e.source(), seq)]:
				case late > 0:
					late--
				default:
					v.fault("MPMC: message %d of source %d came after message %d", seq, e.source(), n)
				}
			}
		}
	}
	excused := func(id uint64) bool {
		switch {
		case named(excuses, id):
		case orphans[id] && takers > 0:
			takers--
		case anonymous(excuses):
		case unknown > 0 && takers > 0:
			unknown--
			takers--
		default:
			return false
		}
		return true
	}
	for s, seqs := range l.poppedFrom(mpmc) {
		most := l.sources[mpmc][s].done
		if n := len(seqs); n > 0 {
			most = max(most, seqs[n-1]+1) // a push happens from its beginning on
		}
		for seq := range most {
			if len(seqs) > 0 && seqs[0] == seq {
				seqs = seqs[1:]
			} else {
				v.missing(mpmc, uint64(s), seq, excused)
			}
		}
	}
}

// poppedFrom returns the messages that were popped, by source, sorted.
func (l *ledger) poppedFrom(r ringID) [][]uint64 {
	popped := make([][]uint64, len(l.pushed(r)))
	for i := range l.written() {
		for _, e := range l.pages[i].popped() {
			if e.ring() != r || e.source() >= uint64(len(popped)) {
				continue
			}
			for seq := e.seq(); seq < e.seq()+e.len(); seq++ {
				popped[e.source()] = append(popped[e.source()], seq)
			}
		}
	}
	for s := range popped {
		slices.Sort(popped[s])
		popped[s] = slices.Compact(popped[s])
	}
	return popped
}
