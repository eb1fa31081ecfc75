package storm

import (
	"path/filepath"
	"strings"
	"testing"
)

// page1 and page2 are the consumers of a written ledger.
const page1, page2 = 0, 1

// written returns a ledger in which sources 0 and 1 of the ring have pushed ten
// messages each, and nobody has popped any.
func written(t *testing.T, r ringID) *ledger {
	l := newFile[ledger](t, filepath.Join(t.TempDir(), "ledger"))
	l.used, l.pushers[r], l.longest = 2, 2, maxLength
	for s := range 2 {
		l.sources[r][s] = tally{10, 10}
	}
	return l
}

// log writes down what was popped.
func (l *ledger) log(page int, es ...entry) {
	a := actor{page: &l.pages[page], entries: len(l.pages[page].popped())}
	for _, e := range es {
		a.write(e)
	}
}

// kill has the actor of a page be cut off in the middle of something.
func (l *ledger) cut(number int, what activity) *page {
	p := &l.pages[number]
	p.cut, p.op = 1, 1<<8|uint64(what)
	return p
}

// reach says what a consumer that was cut off can have popped of one source last.
func (p *page) reach(source int, earliest, latest uint64) {
	p.earliest[source], p.latest[source] = earliest, latest
}

// TestJudge shows the judge what is right and what is wrong.
func TestJudge(t *testing.T) {
	tenure := func(r ringID, n uint64) entry { return newEntry(r, 0, n, 0) }
	for _, c := range []struct {
		name   string
		ring   ringID
		write  func(l *ledger)
		along  uint64
		faults string // part of the first, "" if there is none
	}{
		{"all by one", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 10))
		}, 0, ""},
		{"taken in turns", spsc, func(l *ledger) {
			l.log(page2, tenure(spsc, 0), newEntry(spsc, 0, 0, 4), tenure(spsc, 2), newEntry(spsc, 0, 7, 3))
			l.log(page1, tenure(spsc, 1), newEntry(spsc, 0, 4, 3), tenure(spsc, 3), newEntry(spsc, 1, 0, 10))
		}, 0, ""},
		{"doubled", bytesRing, func(l *ledger) {
			l.log(page1, tenure(bytesRing, 0), newEntry(bytesRing, 0, 0, 10), newEntry(bytesRing, 1, 0, 10))
			l.log(page2, tenure(bytesRing, 1), newEntry(bytesRing, 1, 9, 1))
		}, 0, "popped 2 times"},
		{"lost", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 4), newEntry(spsc, 1, 5, 5))
		}, 0, "SPSC: message 4 of source 1 was lost"},
		{"the last lost", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 9))
		}, 0, "message 9 of source 1 was lost"},
		{"a tenure before the other", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 1, 0, 10), newEntry(spsc, 0, 0, 10))
		}, 0, "lost"},
		{"never pushed", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 11), newEntry(spsc, 1, 0, 10))
		}, 0, "never pushed"},
		{"pushed in doubt", spsc, func(l *ledger) {
			l.sources[spsc][0].begun = 12
			l.cut(page2, pushing.on(spsc))
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 11), newEntry(spsc, 1, 0, 10))
		}, 0, ""},
		{"in doubt, with a hole", spsc, func(l *ledger) {
			l.sources[spsc][0].begun = 12
			l.cut(page2, pushing.on(spsc))
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 0, 11, 1), newEntry(spsc, 1, 0, 10))
		}, 0, "message 10 of source 0 was lost"},
		{"in doubt, of the living", spsc, func(l *ledger) {
			l.sources[spsc][0].begun = 11
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 10))
		}, 0, "1 sources in doubt, and 0 actors were cut off"},
		{"taken along", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 4))
			l.cut(page1, popping.on(spsc))
			l.log(page2, tenure(spsc, 1), newEntry(spsc, 1, 5, 5))
		}, 1, ""},
		{"taken along elsewhere", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10))
			l.cut(page1, popping.on(spsc))
			l.log(page2, tenure(spsc, 1), newEntry(spsc, 1, 0, 4), newEntry(spsc, 1, 5, 5))
		}, 0, "message 4 of source 1 was lost"},
		{"taken along, too many", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 4))
			l.cut(page1, popping.on(spsc))
			l.log(page2, tenure(spsc, 1), newEntry(spsc, 1, 6, 4))
		}, 1, "message 5 of source 1 was lost"},
		{"the living take nothing along", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 4))
			l.cut(page1, popping.on(spsc)).cut = 0
			l.log(page2, tenure(spsc, 1), newEntry(spsc, 1, 5, 5))
		}, 0, "lost"},
		{"a Select takes nothing along here", spsc, func(l *ledger) {
			l.log(page1, tenure(spsc, 0), newEntry(spsc, 0, 0, 10), newEntry(spsc, 1, 0, 4))
			l.cut(page1, selecting)
			l.log(page2, tenure(spsc, 1), newEntry(spsc, 1, 5, 5))
		}, 0, "lost"},
		{"bytes taken along", bytesRing, func(l *ledger) {
			l.log(page1, tenure(bytesRing, 0), newEntry(bytesRing, 0, 0, 10))
			p := l.cut(page1, taking.on(bytesRing))
			b := l.appendMessage(p.takenBytes[:0], identify(bytesRing, 1, 0))
			l.appendMessage(b, identify(bytesRing, 1, 1))
			l.log(page2, tenure(bytesRing, 1), newEntry(bytesRing, 1, 2, 8))
		}, 2, ""},
		{"bytes lost", bytesRing, func(l *ledger) {
			l.log(page1, tenure(bytesRing, 0), newEntry(bytesRing, 0, 0, 10))
			l.appendMessage(l.cut(page1, taking.on(bytesRing)).takenBytes[:0], identify(bytesRing, 1, 0))
			l.log(page2, tenure(bytesRing, 1), newEntry(bytesRing, 1, 2, 8))
		}, 1, "message 1 of source 1 was lost"},

		{"shared out", mpmc, func(l *ledger) {
			l.log(page1, newEntry(mpmc, 0, 0, 5), newEntry(mpmc, 1, 5, 5))
			l.log(page2, newEntry(mpmc, 1, 0, 5), newEntry(mpmc, 0, 5, 5))
		}, 0, ""},
		{"doubled", mpmc, func(l *ledger) {
			l.log(page1, newEntry(mpmc, 0, 0, 6), newEntry(mpmc, 1, 5, 5))
			l.log(page2, newEntry(mpmc, 1, 0, 5), newEntry(mpmc, 0, 5, 5))
		}, 0, "message 5 of source 0 was popped 2 times"},
		{"lost", mpmc, func(l *ledger) {
			l.log(page1, newEntry(mpmc, 0, 0, 5), newEntry(mpmc, 1, 5, 5))
			l.log(page2, newEntry(mpmc, 1, 0, 5), newEntry(mpmc, 0, 5, 4))
		}, 0, "message 9 of source 0 was lost"},
		{"out of order", mpmc, func(l *ledger) {
			l.log(page1, newEntry(mpmc, 0, 5, 5), newEntry(mpmc, 0, 0, 5), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 0 of source 0 came after message 9"},
		{"late, for it was lent", mpmc, func(l *ledger) {
			l.cut(page2, reading.on(mpmc)).lent = identify(mpmc, 0, 3)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 0, 3, 1), newEntry(mpmc, 1, 0, 10))
		}, 0, ""},
		{"late, and another was lent", mpmc, func(l *ledger) {
			l.cut(page2, reading.on(mpmc)).lent = identify(mpmc, 0, 4)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 0, 3, 1), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 3 of source 0 came after message 9"},
		{"late, maybe lent", mpmc, func(l *ledger) {
			l.cut(page2, peeking.on(mpmc))
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 0, 3, 1), newEntry(mpmc, 1, 0, 10))
		}, 0, ""},
		{"lent and lost", mpmc, func(l *ledger) {
			l.cut(page2, reading.on(mpmc)).lent = identify(mpmc, 0, 3)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 3 of source 0 was lost"},
		{"released", mpmc, func(l *ledger) {
			l.cut(page2, dropping.on(mpmc)).lent = identify(mpmc, 0, 3)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 1, ""},
		{"taken along", mpmc, func(l *ledger) {
			p := l.cut(page2, taking.on(mpmc))
			p.taken[0], p.taken[1] = newMessage(identify(mpmc, 0, 3)), newMessage(identify(mpmc, 1, 0))
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 1, 9))
		}, 2, ""},
		{"taken along, and others lost", mpmc, func(l *ledger) {
			l.cut(page2, taking.on(mpmc)).taken[0] = newMessage(identify(mpmc, 0, 3))
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 1, 9))
		}, 1, "message 0 of source 1 was lost"},
		{"popped and taken along", mpmc, func(l *ledger) {
			l.cut(page2, popping.on(mpmc)).reach(0, 2, 5)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 1, ""},
		{"popped, but too early for that", mpmc, func(l *ledger) {
			l.cut(page2, popping.on(mpmc)).reach(0, 2, 3)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 3 of source 0 was lost"},
		{"popped, but too late for that", mpmc, func(l *ledger) {
			l.slots = 2
			l.cut(page2, popping.on(mpmc)).reach(0, 6, 9)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 3 of source 0 was lost"},
		{"popped by two", mpmc, func(l *ledger) {
			l.cut(page1, popping.on(mpmc)).reach(0, 0, 10)
			l.cut(page2, popping.on(mpmc)).reach(0, 0, 5)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 3), newEntry(mpmc, 0, 8, 2), newEntry(mpmc, 1, 0, 10))
		}, 2, ""},
		{"two popped by one", mpmc, func(l *ledger) {
			l.cut(page2, popping.on(mpmc)).reach(0, 0, 10)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 5, 5), newEntry(mpmc, 1, 0, 10))
		}, 1, "message 4 of source 0 was lost"},
		{"another ring's death", mpmc, func(l *ledger) {
			l.cut(page2, popping.on(spsc))
			l.log(page1, newEntry(mpmc, 0, 1, 9), newEntry(mpmc, 1, 0, 10))
		}, 0, "message 0 of source 0 was lost"},
		{"selected and taken along", mpmc, func(l *ledger) {
			l.cut(page2, selecting).reach(0, 2, 5)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 4, 6), newEntry(mpmc, 1, 0, 10))
		}, 1, ""},
		{"two selected by one", mpmc, func(l *ledger) {
			l.cut(page2, selecting).reach(0, 2, 8)
			l.log(page1, newEntry(mpmc, 0, 0, 3), newEntry(mpmc, 0, 5, 5), newEntry(mpmc, 1, 0, 10))
		}, 1, "message 4 of source 0 was lost"},

		{"shared out", bytesMPMC, func(l *ledger) {
			l.log(page1, newEntry(bytesMPMC, 0, 0, 5), newEntry(bytesMPMC, 1, 5, 5))
			l.log(page2, newEntry(bytesMPMC, 1, 0, 5), newEntry(bytesMPMC, 0, 5, 5))
		}, 0, ""},
		{"doubled", bytesMPMC, func(l *ledger) {
			l.log(page1, newEntry(bytesMPMC, 0, 0, 6), newEntry(bytesMPMC, 1, 5, 5))
			l.log(page2, newEntry(bytesMPMC, 1, 0, 5), newEntry(bytesMPMC, 0, 5, 5))
		}, 0, "message 5 of source 0 was popped 2 times"},
		{"out of order", bytesMPMC, func(l *ledger) {
			l.log(page1, newEntry(bytesMPMC, 0, 5, 5), newEntry(bytesMPMC, 0, 0, 5), newEntry(bytesMPMC, 1, 0, 10))
		}, 0, "BytesMPMC: message 0 of source 0 came after message 9"},
		{"late, for it was lent", bytesMPMC, func(l *ledger) {
			l.cut(page2, reading.on(bytesMPMC)).lent = identify(bytesMPMC, 0, 3)
			l.log(page1, newEntry(bytesMPMC, 0, 0, 3), newEntry(bytesMPMC, 0, 4, 6), newEntry(bytesMPMC, 0, 3, 1), newEntry(bytesMPMC, 1, 0, 10))
		}, 0, ""},
		{"taken along", bytesMPMC, func(l *ledger) {
			b := l.appendMessage(l.cut(page2, taking.on(bytesMPMC)).takenBytes[:0], identify(bytesMPMC, 0, 3))
			l.appendMessage(b, identify(bytesMPMC, 1, 0))
			l.log(page1, newEntry(bytesMPMC, 0, 0, 3), newEntry(bytesMPMC, 0, 4, 6), newEntry(bytesMPMC, 1, 1, 9))
		}, 2, ""},
		{"selected and taken along", bytesMPMC, func(l *ledger) {
			l.appendMessage(l.cut(page2, selecting).takenBytes[:0], identify(bytesMPMC, 0, 3))
			l.log(page1, newEntry(bytesMPMC, 0, 0, 3), newEntry(bytesMPMC, 0, 4, 6), newEntry(bytesMPMC, 1, 0, 10))
		}, 1, ""},
		{"selected, and others lost", bytesMPMC, func(l *ledger) {
			l.cut(page2, selecting)
			l.log(page1, newEntry(bytesMPMC, 0, 0, 3), newEntry(bytesMPMC, 0, 4, 6), newEntry(bytesMPMC, 1, 0, 10))
		}, 0, "message 3 of source 0 was lost"},
		{"another taken along", bytesMPMC, func(l *ledger) {
			l.appendMessage(l.cut(page2, taking.on(bytesMPMC)).takenBytes[:0], identify(bytesMPMC, 0, 3))
			l.log(page1, newEntry(bytesMPMC, 0, 0, 10), newEntry(bytesMPMC, 1, 1, 9))
		}, 0, "message 0 of source 1 was lost"},
		{"lent and lost, beside a taker", bytesMPMC, func(l *ledger) {
			l.cut(page2, reading.on(bytesMPMC)).lent = identify(bytesMPMC, 0, 3)
			l.cut(page1, taking.on(bytesMPMC))
			l.log(page1, newEntry(bytesMPMC, 0, 0, 3), newEntry(bytesMPMC, 0, 4, 6), newEntry(bytesMPMC, 1, 0, 10))
		}, 0, "message 3 of source 0 was lost"},
	} {
		t.Run(ringNames[c.ring]+"/"+c.name, func(t *testing.T) {
			l := written(t, c.ring)
			c.write(l)
			v := l.judge()
			all := strings.Join(v.faults, "\n")
			if c.faults == "" && all != "" || !strings.Contains(all, c.faults) {
				t.Errorf("found %q, expected %q", all, c.faults)
			}
			if v.along != c.along {
				t.Errorf("%d taken along, expected %d", v.along, c.along)
			}
		})
	}
}
