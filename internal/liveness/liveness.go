// Package liveness says which of the processes attached to a segment are alive.
//
// Every attachment has an ID, which no other attachment to the segment ever has,
// and an exclusive lock on one byte of the segment's file, whose place, far past
// the file's end, is given by the ID. The kernel drops the lock when the last
// thread of the process is gone, whatever the process died of, so that the lock
// survives nothing that the process does not. An attachment also has a slot of the
// process table, which is used again once its owner is dead.
package liveness

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// States of an ID:
//
//	Unused  greater than the count of IDs
//	Drawn   its attacher has raised the count to it
//	Alive   its byte is locked
//	Dead    its byte is unlocked, for good
//
//	Unused → Drawn  by the attacher: a compare-and-swap of the count
//	Drawn  → Alive  by the attacher: the lock
//	Alive  → Dead   by the owner's Close, or by the kernel when the owner dies
//
// States of a slot: the ID in it is 0 or Dead (free), or Alive (taken). An
// attacher takes a free slot by one compare-and-swap from exactly that ID to its
// own, which is Alive by then. Others hold a free slot for a moment in the same way,
// and give it back with the ID that it had: so an ID may be in two slots. Its own is the
// one whose process says so.
//
// Invariants:
//
//  1. No ID is drawn twice: the count only rises, and does not wrap around. When
//     it has reached the last ID, nobody can attach any more.
//  2. Only the attacher locks the byte of an ID, once, and nobody uses an ID
//     before it is Alive and has a slot. So an ID that was used and whose byte is
//     unlocked, or that is in no slot, names somebody dead, for ever.
//  3. A slot has at most one owner who is alive: a compare-and-swap from a dead
//     ID cannot mistake one owner for another (1).
//
// A kill between any two steps leaves an ID that is Dead, or Drawn and never used,
// and a slot that is free. A pause there keeps nothing but its own ID, and slot.
//
// Memory orderings: an attacher's steps are read-modify-writes and system calls, in
// order. The kernel drops a lock after the last store of the process that held it,
// and a probe that finds it dropped comes after that. The store of a slot's process
// pairs with its load in inherited: who sees the ID there sees the pid that belongs to
// it.
//
// Model: models/liveness.pml.

// ErrFull reports that there is no room left.
var ErrFull = errors.New("no room left")

const maxID = 1<<layout.IDBits - 1

// A slot of the process table (docs/FORMAT.md, F11).
const (
	offID        = 0  // u64: the owner's ID
	offProcess   = 8  // u64: the ID whose owner has written what follows, after it
	offPID       = 16 // u32: the owner's pid
	offNamespace = 24 // u64: and which PID namespace that is in, 0 if unknown
	offTenant    = 32 // u64: the ID that the slot's marks belong to, see tenant.go
	offLeft      = 40 // u64: the last ID whose owner has closed in order
	offDied      = 48 // u64: no less than the last that died and whose slot was taken, see peers.go
	offSeen      = 56 // u64: when the owner was last seen alive, or that it is dead, see census.go
)

// ID names one attachment of one process.
type ID = layout.ID

// Table is this process's attachment to a process table.
type Table struct {
	mem   []byte
	locks locks
	id    ID
	slot  int

	creating sync.Mutex // the file lock does not exclude goroutines of one Table
	inside   sync.Mutex // held by the one that has the file lock as well
	settled  bool       // nobody gets inside any more; guarded by inside
}

// Attach takes a free slot in the process table mem of the file f, under an ID drawn
// from ids, the count of those that were drawn. The Table owns f from then on. If
// Attach fails, the caller still does.
func Attach(f *File, ids *atomic.Uint64, mem []byte) (*Table, error) {
	t := &Table{mem: mem, locks: f.locks}
	ok, held, err := t.attach(ids)
	for range heldPauses {
		if ok || !held || err != nil {
			break
		}
		time.Sleep(heldPause)
		ok, held, err = t.attach(ids)
	}
	if ok {
		return t, nil
	}
	if err == nil {
		err = fmt.Errorf("all %d process slots are taken, Options.MaxProcs of the one who makes the segment allows for more: %w", len(mem)/layout.SlotSize, ErrFull)
	}
	if t.id != 0 {
		err = errors.Join(err, t.locks.unlock(int64(t.id)))
	}
	return nil, err
}

// A slot is held for microseconds, if its holder is not paused.
const heldPause = 100 * time.Microsecond

var heldPauses = 100

// attach tries all slots, and reports whether any that it could not take was held, or
// was just being taken.
func (t *Table) attach(ids *atomic.Uint64) (ok, held bool, err error) {
	slots := len(t.mem) / layout.SlotSize
	for i := range slots {
		slot := (firstSlot + i) % slots
		id := ID(t.word(slot, offID).Load())
		if id != 0 && !t.vacated(slot, id) {
			held = held || ID(t.word(slot, offProcess).Load()) != id
			continue
		}
		if t.id == 0 { // only now: a full table uses up no IDs
			if err := t.draw(ids); err != nil {
				return false, held, err
			}
		}
		if t.takeSlot(slot, id) {
			return true, held, nil
		}
		held = true
	}
	return false, held, nil
}

// draws is how many IDs are tried whose bytes somebody has locked: a reader of the
// file may.
const draws = 64

// draw makes an ID this attachment's.
func (t *Table) draw(ids *atomic.Uint64) error {
	for range draws {
		id := ids.Load()
		for id < maxID && !ids.CompareAndSwap(id, id+1) {
			id = ids.Load()
		}
		if id >= maxID {
			return fmt.Errorf("all %d owner ids were used, make the segment anew: %w", int64(maxID), ErrFull)
		}
		ok, err := t.locks.try(int64(id + 1))
		if err != nil {
			return fmt.Errorf("lock owner id %d: %w", id+1, err)
		}
		if ok {
			t.id = ID(id + 1)
			return nil
		}
	}
	return fmt.Errorf("the locks of %d owner ids are taken: %w", draws, ErrFull)
}

// firstSlot is where the search for a free slot starts.
var firstSlot = os.Getpid()

// takeSlot makes a slot this attachment's, unless somebody else has taken it from the
// dead one since.
func (t *Table) takeSlot(slot int, dead ID) bool {
	t.mourn(slot, dead)
	if !t.word(slot, offID).CompareAndSwap(uint64(dead), uint64(t.id)) {
		return false
	}
	t.slot = slot
	layout.At[atomic.Uint32](t.mem, uint64(slot*layout.SlotSize+offPID)).Store(uint32(os.Getpid()))
	t.word(slot, offNamespace).Store(pidNamespace())
	t.word(slot, offProcess).Store(uint64(t.id))
	return true
}

// word returns a word of a slot.
func (t *Table) word(slot, off int) *atomic.Uint64 {
	return layout.At[atomic.Uint64](t.mem, uint64(slot*layout.SlotSize+off))
}

// ID returns the ID of this attachment.
func (t *Table) ID() ID { return t.id }

// Slot returns the slot of this attachment.
func (t *Table) Slot() int { return t.slot }

// Dead reports whether the owner of id has closed its Table or died. It is true of
// an ID that nobody was ever given.
func (t *Table) Dead(id ID) bool {
	if id == t.id {
		return false
	}
	for slot := range len(t.mem) / layout.SlotSize {
		if ID(t.word(slot, offID).Load()) == id && ID(t.word(slot, offProcess).Load()) == id {
			return t.DeadIn(slot, id) // what it merely holds, it may give back meanwhile
		}
	}
	return true // or somebody has found out, and taken the slot
}

// DeadIn is Dead for an ID that has, or had, a slot.
func (t *Table) DeadIn(slot int, id ID) bool {
	dead, _ := t.probe(slot, id)
	return dead
}

// probe is DeadIn, and reports as well whether id is alive, has the slot, and does not merely
// hold it, as far as anybody can tell: it may be that only who is in its PID namespace can.
func (t *Table) probe(slot int, id ID) (dead, alive bool) {
	if id == t.id {
		return false, false // not after Close
	}
	if ID(t.word(slot, offID).Load()) != id {
		return true, false
	}
	// A probe that fails, as after Close, proves nothing about others.
	held, err := t.locks.held(int64(id))
	if err == nil && (!held || t.inherited(slot, id)) {
		return true, false
	}
	alive = err == nil && t.signed(slot, id) && samePIDs(t.word(slot, offNamespace).Load())
	// Somebody may have found out meanwhile that it is dead, and taken the slot.
	if ID(t.word(slot, offID).Load()) != id {
		return true, false
	}
	return false, alive
}

// vacated reports whether id, which a slot has shown, is dead. DeadIn alone is true of one
// that is alive as well, if it held the slot and has just given it back.
func (t *Table) vacated(slot int, id ID) bool { return t.DeadIn(slot, id) && t.Dead(id) }

// SlotFree reports whether the owner of a slot is dead, or there was none.
func (t *Table) SlotFree(slot int) bool {
	if slot >= len(t.mem)/layout.SlotSize {
		return true
	}
	id := ID(t.word(slot, offID).Load())
	return id == 0 || t.DeadIn(slot, id)
}

// inherited reports whether the lock of id is held although its owner is dead: by
// a child that the owner made without exec, which shares its open files. What
// says so is the pid that the owner has written down, if it belongs to the PID
// namespace of this process.
func (t *Table) inherited(slot int, id ID) bool {
	if !t.signed(slot, id) {
		return false // before all else: what follows may be an earlier owner's
	}
	// If id is alive, nobody writes to the slot any more.
	pid, ok := t.pid(slot)
	return ok && Ended(pid)
}

// signed reports whether the process in a slot is that of id.
func (t *Table) signed(slot int, id ID) bool { return ID(t.word(slot, offProcess).Load()) == id }

// WithCreationLock calls f while no other process or goroutine is in
// WithCreationLock on the same file. The lock of a process that dies is free.
func (t *Table) WithCreationLock(f func() error) error {
	t.creating.Lock()
	defer t.creating.Unlock()
	if err := t.locks.lock(creationByte); err != nil {
		return fmt.Errorf("creation lock: %w", err)
	}
	defer t.locks.unlock(creationByte)
	t.inside.Lock()
	defer t.inside.Unlock()
	if t.settled {
		return fmt.Errorf("creation lock: %w", os.ErrClosed)
	}
	return f()
}

// Settle waits until nobody of this process is inside the creation lock, and keeps them
// out then. It does not wait for those who wait for the lock: another process may be
// paused with it.
func (t *Table) Settle() {
	t.inside.Lock()
	defer t.inside.Unlock()
	t.settled = true
}

// Close gives up the slot, which makes ID dead, and closes the file.
func (t *Table) Close() error {
	return errors.Join(t.locks.unlock(int64(t.id)), t.locks.close())
}
