package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// table is the protocol of a Table. Each entry has one of a pool of slots, which hold
// copies of T; who writes takes a spare one, and publishes it in place of the old.
//
// Entries and slots belong to groups: 8 entries with 12 slots each, but the last group
// has up to 15 entries, and half as many slots more, 3 at least. Entries and slots
// are counted from the start of their group. The words:
//
//	index  of an entry: version<<5 | slot
//	owner  of an entry: the id of the process that writes it, or 0
//	claim  of a slot:   version<<5 | entry, which it holds, held, or is to hold
//
// States of a slot s, whose claim is (v, e); (w, t) is the index of e:
//
//	current  (w, t) = (v, s)
//	spare    w ≥ v, but not current
//	claimed  w < v; and then v = w+1
//
//	spare    --the owner of any entry e--> claimed (v = version of e + 1)
//	claimed  --the owner of e publishes it--> current; what was becomes spare
//	claimed  --who frees the lock of e, whose owner is dead--> spare (v = w)
//
// Invariants
//
//  1. Only the owner of e changes the index of e, to the next version. So versions
//     rise by one, and a word of an index or of a published claim never comes back.
//  2. A claimed slot is written by the owner of its entry only. A current slot is not
//     written, and neither is a spare one. Nobody but its owner takes a live owner's
//     lock, be it paused, or a claim of its entry.
//  3. To publish is one store: it makes the new slot current, and the old one spare.
//     A death before it has changed nothing that is read, and leaves a claimed slot
//     with a dead owner. Nobody becomes the owner of that entry before the slot is
//     spare again: who frees the lock of the dead sees to it, another writer of the
//     entry, or one that lacks a spare slot. A death after it leaves the lock alone,
//     or sleepers, who wake by their bound.
//  4. So a live owner has one claimed slot at most: it claims it when it knows what to
//     write, and from then on waits for nobody. Who waits for a spare slot has claimed
//     none for that write: those whom it waits for do not wait for it.
//
// Memory orderings. Publishing is a release store, which pairs with the readers' load
// of the index: they see the slot whole, and its claim. A reader copies the slot, runs
// a load fence, and loads the index again. If a byte that it copied came from a later
// writer of the slot, that writer had loaded an index other than (v, s) before it
// claimed, and so before its first store: the reader sees another index too. If the
// index is another, the copy is still whole if the claim of the slot is not: a
// writer's claim is a compare-and-swap, followed by an atomic load (of the mark of
// Close), and so comes before its first store to the slot.
// The lock of an entry is taken by a compare-and-swap, which pairs with the release
// store that gave it up, or with that of who freed it of the dead (see package ownerlock).
// Giving it up comes after publishing, and is a read-modify-write where wakers run a
// fence of their own: one look at the sleepers' words after it serves both.
//
// Model: models/table.pml.
type table struct {
	tableShape
	core    *segment.Segment
	id      uint64
	fence   bool // giving up a lock is a read-modify-write
	entries []tableEntry
	claims  []uint64
	copies  []byte
	lobby   wait.Lobby
	edge    race.Edge
}

// tableEntry is an entry's words in shared memory.
type tableEntry struct {
	index   uint64
	owner   uint64
	turn    wait.Words // of the Queue of those who want to be owner
	changed uint32     // the Event of those who wait for another version
	spare   uint32     // of the first of a group: the Event of those who wait for a spare slot
}

const (
	placeBits = 5 // of a slot or an entry in its group
	placeMask = 1<<placeBits - 1
)

// pack and versionOf are about indices and claims.
func pack(version uint64, place int) uint64 { return version<<placeBits | uint64(place) }
func versionOf(w uint64) uint64             { return w >> placeBits }

func newTable(core *segment.Segment, shape tableShape, mem []byte) *table {
	t := &table{tableShape: shape, core: core, id: uint64(core.ID()), fence: core.WakerFence()}
	t.entries, t.claims, t.copies = shape.parts(mem)
	t.lobby.Init(core)
	return t
}

func (t *table) index(i int) uint64 { return atomic.LoadUint64(&t.entries[i].index) }

// slotOf returns which slot of all the index w of entry i names. One that no group
// has is garbage.
func (t *table) slotOf(i int, w uint64) int {
	return min(t.group(i)*groupSlots+int(w&placeMask), len(t.claims)-1)
}

// unclaimed reports whether nobody has claimed the slot since entry i had index w.
func (t *table) unclaimed(i, slot int, w uint64) bool {
	return atomic.LoadUint64(&t.claims[slot]) == pack(versionOf(w), i-t.group(i)*groupEntries)
}

// lock makes this process the owner of entry i. It reports false, maybe without the
// lock, if the segment is closed.
func (t *table) lock(i int) bool {
	e := &t.entries[i]
	if !t.take(e, false) {
		// Without a Done channel it cannot fail.
		_ = t.lobby.Await(context.Background(), &e.turn,
			func(first bool) bool { return t.take(e, first) || t.core.Closed() },
			func() { t.freeDead(i) })
	}
	return !t.core.Closed()
}

// take takes the lock of e if it is free, and nobody is to have it before the caller,
// which may itself be the first.
func (t *table) take(e *tableEntry, first bool) bool {
	return (first || !e.turn.Barred()) && atomic.LoadUint64(&e.owner) == 0 &&
		atomic.CompareAndSwapUint64(&e.owner, 0, t.id)
}

// freeDead gives up what a dead owner of entry i has left: a claimed slot, then the
// lock. Meanwhile this process is the owner, so that a death leaves what was there.
func (t *table) freeDead(i int) {
	e, g := &t.entries[i], t.group(i)
	owner := atomic.LoadUint64(&e.owner)
	if owner == 0 || !t.core.Dead(liveness.ID(owner)) || !atomic.CompareAndSwapUint64(&e.owner, owner, t.id) {
		return
	}
	version, place := versionOf(t.index(i)), i-g*groupEntries
	for s := range t.slots(g) {
		claim := &t.claims[g*groupSlots+s]
		atomic.CompareAndSwapUint64(claim, pack(version+1, place), pack(version, place))
	}
	t.unlock(i)
}

// unlock gives the lock of entry i up, and wakes whom this or a publication concerns.
func (t *table) unlock(i int) {
	e, spare := &t.entries[i], t.spareWanted(i)
	if t.fence {
		atomic.SwapUint64(&e.owner, 0)
	} else {
		arch.StoreRelease64(&e.owner, 0)
	}
	if e.turn.Waiting() {
		e.turn.Wake(1)
	}
	if wait.Asleep(&e.changed) {
		wait.WakeAll(&e.changed)
	}
	if wait.Asleep(spare) {
		wait.WakeAll(spare)
	}
}

// spareWanted returns the Event's word of those who wait for a slot near entry i.
func (t *table) spareWanted(i int) *uint32 { return &t.entries[t.group(i)*groupEntries].spare }

// claim returns a slot for the next version of entry i, whose index is w and whose
// lock the caller has. It waits while there is none; if the segment is closed then,
// the slot is not the caller's.
func (t *table) claim(i int, w uint64) (slot int) {
	slot, ok := t.tryClaim(i, w)
	if !ok {
		_ = wait.Each(context.Background(), t.spareWanted(i), t.core, func() bool {
			slot, ok = t.tryClaim(i, w)
			return ok || t.core.Closed()
		}, func() { t.takeOver(t.group(i)) })
	}
	return slot
}

// tryClaim looks for a spare slot behind the current one, so that a writer goes round
// them all before it comes back to a slot that somebody may still read.
func (t *table) tryClaim(i int, w uint64) (slot int, ok bool) {
	g := t.group(i)
	first, n := g*groupSlots, t.slots(g)
	next := pack(versionOf(w)+1, i-g*groupEntries)
	s := int(w & placeMask)
	for range n {
		if s++; s >= n {
			s = 0
		}
		claim := &t.claims[first+s]
		c := atomic.LoadUint64(claim)
		if t.spare(g, s, c) && atomic.CompareAndSwapUint64(claim, c, next) {
			return first + s, true
		}
	}
	return 0, false
}

// spare reports whether slot s of group g is spare, with c its claim.
func (t *table) spare(g, s int, c uint64) bool {
	w := t.index(t.claimant(g, c))
	return versionOf(w) >= versionOf(c) && w != pack(versionOf(c), s)
}

// claimant returns which entry of all the claim c in group g is for.
func (t *table) claimant(g int, c uint64) int {
	return min(g*groupEntries+int(c&placeMask), len(t.entries)-1)
}

// publish makes the slot, claimed and written, that of entry i, whose index was w.
func (t *table) publish(i int, w uint64, slot int) (version uint64) {
	version = versionOf(w) + 1
	arch.StoreRelease64(&t.entries[i].index, pack(version, slot-t.group(i)*groupSlots))
	return version
}

// takeOver makes the slots spare that the dead have claimed in group g.
func (t *table) takeOver(g int) {
	for i := g * groupEntries; i < len(t.entries) && t.group(i) == g; i++ {
		t.freeDead(i)
	}
}

// changed reports whether entry i has another version, or the segment is closed.
func (t *table) changed(i int, version uint64) bool {
	return versionOf(t.index(i)) != version || t.core.Closed()
}

// await waits until entry i is changed.
func (t *table) await(ctx context.Context, i int, version uint64) error {
	try := func() bool { return t.changed(i, version) }
	if try() {
		return nil
	}
	return wait.Each(ctx, &t.entries[i].changed, t.core, try, func() {})
}

// tableShape says where in its memory the parts of a Table lie: entries, claims, copies.
type tableShape struct {
	n      int // entries
	groups int
	stride int // of the copies
	size   uint64
}

const (
	groupEntries = 8
	groupSlots   = groupEntries + groupEntries/2
	entrySize    = 40
)

func shapeOf(n int, size uintptr) (tableShape, error) {
	entries, err := layout.Mul(n, entrySize)
	if err != nil {
		return tableShape{}, err
	}
	s := tableShape{n: n, groups: max(1, n/groupEntries), stride: (int(size) + 7) &^ 7}
	slots, err := layout.Mul(s.allSlots(), 8+uintptr(s.stride))
	s.size = entries + slots
	return s, err
}

func (s tableShape) allSlots() int   { return s.n + max(3, s.n/2) }
func (s tableShape) group(i int) int { return min(i/groupEntries, s.groups-1) }

// slots returns how many slots group g has.
func (s tableShape) slots(g int) int {
	if g < s.groups-1 {
		return groupSlots
	}
	return s.allSlots() - g*groupSlots
}

// initialize gives each entry the slot of the same place. The other slots, whose
// claims say version 0 of entry 0, are spare.
func (s tableShape) initialize(mem []byte) {
	entries, claims, _ := s.parts(mem)
	for i := range entries {
		place := i - s.group(i)*groupEntries
		entries[i].index = pack(0, place)
		claims[s.group(i)*groupSlots+place] = pack(0, place)
	}
}
