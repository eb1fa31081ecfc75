package liveness

import (
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// A probe is a few system calls, and the kernel looks for a lock among all those of the
// file. So processes that watch a table share their probes: each slot says when its owner
// was last seen alive.
//
// States of that word, seen: 0, a time, or a dead ID, marked so.
//
//	seen → time  by the owner, or by one who has probed it and found it alive: the time is
//	             from before that
//	seen → dead  by one who has probed it and found it dead
//
// Invariants:
//
//  1. At the time that is in seen, nobody was dead who is the slot's owner now or later. A
//     successor comes after it; and who merely holds the slot is not seen.
//  2. The ID that is in seen, marked, is dead.
//
// Both stay true however late the store is, and whatever it overwrites: that costs a probe.
// So nothing has to be repaired, and no order matters. Who believes a time that is age old
// notices a death age later than by a probe of its own.
//
// The clock is that of the day, which all processes share. A time that is still to come is
// not believed.

const seenDead = 1 << 63

// Census returns a number that differs, in all likelihood, from the one before if an owner
// has come, or died more than age ago, since; also if it did both.
func (t *Table) Census(age time.Duration) (n uint64) {
	now := time.Now()
	if ID(t.word(t.slot, offID).Load()) == t.id { // it was at that time, then, and so was nobody after it
		t.word(t.slot, offSeen).Store(uint64(now.UnixNano()))
	}
	for slot := range len(t.mem) / layout.SlotSize {
		id := ID(t.word(slot, offID).Load())
		if id == 0 {
			continue
		}
		state := uint64(id) << 1
		if t.gone(slot, id, now, age) {
			state++
		}
		n += mix(state)
	}
	return n
}

// gone is DeadIn as of some time that is at most age ago.
func (t *Table) gone(slot int, id ID, now time.Time, age time.Duration) bool {
	seen := t.word(slot, offSeen)
	last := seen.Load()
	if last == seenDead|uint64(id) {
		return true
	}
	if uint64(now.UnixNano())-last < uint64(age) {
		return false
	}
	now = time.Now() // the probes of the slots before have taken their time
	dead, alive := t.probe(slot, id)
	switch {
	case dead && ID(t.word(slot, offID).Load()) == id: // or it merely held the slot, and lives
		seen.Store(seenDead | uint64(id))
	case alive:
		seen.Store(uint64(now.UnixNano()))
	}
	return dead
}

// mix is the finalizer of Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
// Generators": sums of what it returns are different, in all likelihood, if what went in is.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
