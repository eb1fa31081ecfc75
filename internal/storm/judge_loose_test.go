package storm

import "slices"

// loose judges a ring without roles: each consumer gets the messages of one source in
// order, but for orphans, and nothing is missing but what a consumer that was cut off was
// just taking.
func (v *verdict) loose(l *ledger, r ringID) {
	o := l.orphans(r)
	v.order(l, r, o)

	var anonymous []missing
	for _, m := range l.missing(r) {
		switch id := identify(r, m.source, m.seq); {
		case slices.ContainsFunc(o.excuses, func(x excuse) bool { return x.maybe[id] }):
			v.along++
		case o.lent[id] && o.takers > 0 && !o.taken:
			v.along++
			o.taken = true
		default:
			anonymous = append(anonymous, m)
		}
	}
	v.match(l, r, anonymous, o)
}

// orphans are the messages that were lent to somebody cut off. They come later
// than they should. Who is cut off while it pops an orphan takes it along, and of an MPMC
// ring nobody knows which, not even if it pops into its page. That is so unlikely that
// one in a round is all that is believed.
type orphans struct {
	lent    map[uint64]bool
	unknown int // how many more there may be
	excuses []excuse
	poppers []*page // cut off in a Pop of whatever message
	takers  int     // cut off in a Pop or PopInto
	taken   bool    // the one that is believed
}

func (l *ledger) orphans(r ringID) *orphans {
	o := &orphans{lent: map[uint64]bool{}}
	for i := range l.written() {
		p := &l.pages[i]
		what, _ := p.doing()
		if p.cut == 0 || what.to(r) == idle {
			continue
		}
		switch what.to(r) {
		case reading, dropping:
			o.lent[p.lent] = true
		case peeking:
			o.unknown++
		case popping:
			o.poppers = append(o.poppers, p)
			o.takers++
		case taking:
			if r == mpmc {
				o.takers++
			}
		}
		o.excuses = append(o.excuses, l.excuse(p, r))
	}
	return o
}

// order checks the order in which each consumer got the messages of each source.
func (v *verdict) order(l *ledger, r ringID, o *orphans) {
	late := o.unknown
	for i := range l.written() {
		last := map[uint64]uint64{}
		for _, e := range l.pages[i].popped() {
			if e.ring() != r {
				continue
			}
			for seq := e.seq(); seq < e.seq()+e.len(); seq++ {
				n, any := last[e.source()]
				switch {
				case !any || seq > n:
					last[e.source()] = seq
				case o.lent[identify(r, e.source(), seq)]:
				case late > 0:
					late--
				default:
					v.fault("%s: message %d of source %d came after message %d", ringNames[r], seq, e.source(), n)
				}
			}
		}
	}
}

// A missing message is one that was pushed, and that nobody has written down as
// popped.
type missing struct{ source, seq uint64 }

func (l *ledger) missing(r ringID) (ms []missing) {
	for s, seqs := range l.poppedFrom(r) {
		end := l.sources[r][s].done
		if n := len(seqs); n > 0 {
			end = max(end, seqs[n-1]+1) // a push happens from its beginning on
		}
		for seq := range end {
			if len(seqs) > 0 && seqs[0] == seq {
				seqs = seqs[1:]
			} else {
				ms = append(ms, missing{uint64(s), seq})
			}
		}
	}
	return ms
}

// match finds for each missing message a consumer that was cut off in a Pop and
// can have popped it, each for one at most.
func (v *verdict) match(l *ledger, r ringID, ms []missing, o *orphans) {
	takes := make([]int, len(o.poppers)) // which message, -1 if none
	for i := range takes {
		takes[i] = -1
	}
	// place finds a consumer for message m, and for those that have to move, but
	// none of those tried already.
	var place func(m int, tried []bool) bool
	place = func(m int, tried []bool) bool {
		for i, p := range o.poppers {
			if tried[i] || !l.reached(p, r, ms[m]) {
				continue
			}
			tried[i] = true
			if takes[i] < 0 || place(takes[i], tried) {
				takes[i] = m
				return true
			}
		}
		return false
	}
	for i, m := range ms {
		switch {
		case place(i, make([]bool, len(o.poppers))):
			v.along++
		case o.unknown > 0 && o.takers > 0 && !o.taken:
			v.along++
			o.taken = true
		default:
			v.lose(r, m.source, m.seq)
		}
	}
}

// reached reports whether a consumer that was cut off can have popped the message by its
// last operation: it was pushed by the time of its death, and before that
// operation began less than a ring full was pushed after it. Of a line it was the one that
// the consumer was at.
func (l *ledger) reached(p *page, r ringID, m missing) bool {
	if r == lineRing {
		return p.line == m.source+1
	}
	return m.seq < p.latest[m.source] && m.seq+l.slots >= p.earliest[m.source]
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
