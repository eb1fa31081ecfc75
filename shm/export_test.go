package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Died is the bit of the lock word that a death inside sets.
const Died = ownerlock.Died

// Word returns the lock word.
func (l *Lock) Word() uint64 { return atomic.LoadUint64(l.lock.Word()) }

// Sleepers reports whether anybody may be asleep.
func (l *Lock) Sleepers() bool { return l.lock.Queue().Waiting() }

// HalfUnlock is what Unlock has done by the time it looks for sleepers.
func (l *Lock) HalfUnlock() { atomic.CompareAndSwapUint64(l.lock.Word(), l.lock.Held(), 0) }

// The steps of a Store of more than 8 bytes, in order.
const (
	StepLocked    = "locked"    // the writer has the lock
	StepWritten   = "written"   // and has written, in whole or in part, the next copy
	StepPublished = "published" // and has published it
)

// StoreUpTo does what Store has done after a step.
func (v *Value[T]) StoreUpTo(step string, x T) {
	b := v.big
	if !b.lock.TryLock() {
		_ = b.lock.Await(context.Background())
	}
	if step == StepLocked {
		return
	}
	seq := atomic.LoadUint64(b.seq)
	*b.copy[(seq+1)%copies] = x
	if step == StepWritten {
		return
	}
	arch.StoreRelease64(b.seq, seq+1)
}

// Sequence returns how often a Value of more than 8 bytes was written.
func (v *Value[T]) Sequence() uint64 { return atomic.LoadUint64(v.big.seq) }

// SetSequence lets a fresh Value of more than 8 bytes go on from n, a multiple
// of the number of copies.
func (v *Value[T]) SetSequence(n uint64) { atomic.StoreUint64(v.big.seq, n) }

// WritersWait reports whether anybody may be asleep for a turn to write.
func (v *Value[T]) WritersWait() bool { return v.big.lock.Queue().Waiting() }

// Urgent reports whether a waiter is to have the lock before all others.
func (l *Lock) Urgent() bool { return l.lock.Queue().Barred() }

// StepClaimed is the step of a Table's Store between StepLocked and StepWritten: the
// writer has a slot for the new version.
const StepClaimed = "claimed"

// StoreUpTo does what Store has done after a step.
func (t *Table[T]) StoreUpTo(step string, i int, x T) {
	t.lock(i)
	if step == StepLocked {
		return
	}
	w := t.index(i)
	slot := t.claim(i, w)
	if step == StepClaimed {
		return
	}
	*t.copy(slot) = x
	if step == StepWritten {
		return
	}
	t.publish(i, w, slot)
}

// FinishStore does what Store does after StepClaimed.
func (t *Table[T]) FinishStore(i int, x T) {
	w, g := t.index(i), t.group(i)
	for s := range t.slots(g) {
		if slot := g*groupSlots + s; atomic.LoadUint64(&t.claims[slot]) == pack(versionOf(w)+1, i-g*groupEntries) {
			*t.copy(slot) = x
			t.publish(i, w, slot)
			break
		}
	}
	t.unlock(i)
}

// TryLock makes one attempt to become the owner of entry i.
func (t *Table[T]) TryLock(i int) bool { return t.take(&t.entries[i], false) }

// Mine reports whether this attachment is the owner of entry i.
func (t *Table[T]) Mine(i int) bool { return atomic.LoadUint64(&t.entries[i].owner) == t.id }

// WritersBarred reports whether a writer of entry i is to be served before all others.
func (t *Table[T]) WritersBarred(i int) bool { return t.entries[i].turn.Barred() }

// WritersWait reports whether anybody may be asleep for a turn to write entry i.
func (t *Table[T]) WritersWait(i int) bool { return t.entries[i].turn.Waiting() }

// SpareWanted reports whether anybody may be asleep for a slot near entry i.
func (t *Table[T]) SpareWanted(i int) bool { return wait.Asleep(t.spareWanted(i)) }

// VersionAwaited reports whether anybody may be asleep for another version of entry i.
func (t *Table[T]) VersionAwaited(i int) bool { return wait.Asleep(&t.entries[i].changed) }

// Slot returns which slot of its group entry i has.
func (t *Table[T]) Slot(i int) int { return int(t.index(i) & placeMask) }

// SpareSlots returns how many slots of the group of entry i are spare.
func (t *Table[T]) SpareSlots(i int) (n int) {
	g := t.group(i)
	for s := range t.slots(g) {
		if t.spare(g, s, atomic.LoadUint64(&t.claims[g*groupSlots+s])) {
			n++
		}
	}
	return n
}

// Awaited reports whether anybody may be asleep for another version of v.
func (v *Value[T]) Awaited() bool { return v.changed.Waiting() }

// TableBytes returns how many bytes a Table takes, before the next object.
func TableBytes(n int, size uintptr) uint64 {
	shape, err := shapeOf(n, size)
	if err != nil {
		panic(err)
	}
	return shape.size
}

// StoreSilently is what Store of up to 8 bytes has done before it wakes anybody.
func (v *Value[T]) StoreSilently(x T) { atomic.StoreUint64(v.cell, toBits(x)&v.mask) }
