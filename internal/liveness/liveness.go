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
// own, which is Alive by then.
//
// Invariants:
//
//  1. No ID is drawn twice: the count only rises, and does not wrap around. When
//     it has reached the last ID, nobody can attach any more.
//  2. Only the attacher locks the byte of an ID, once, and nobody uses an ID
//     before it is Alive and has a slot. So an ID that was used and whose byte is
//     unlocked names somebody dead, for ever.
//  3. A slot has at most one owner who is alive: a compare-and-swap from a dead
//     ID cannot mistake one owner for another (1).
//
// A kill between any two steps leaves an ID that is Dead, or Drawn and never used,
// and a slot that is free. A pause there keeps nothing but its own ID, and slot.
//
// Memory orderings: an attacher's steps are read-modify-writes and system calls, in
// order. The kernel drops a lock after the last store of the process that held it,
// and a probe that finds it dropped comes after that.
//
// Model: models/liveness.pml.

// ErrFull reports that there is no room left.
var ErrFull = errors.New("no room left")

const maxID = 1<<layout.IDBits - 1

// A slot of the process table. The rest of its bytes are reserved.
const (
	offID        = 0  // u64: the owner's ID
	offProcess   = 8  // u64: the ID whose owner has written what follows, after it
	offPID       = 16 // u32: the owner's pid
	offNamespace = 24 // u64: and which PID namespace that is in, 0 if unknown
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
}

// Attach draws an ID from ids, the count of those that were drawn, and takes a
// free slot in the process table mem of the file f. The Table owns f from then on.
// If Attach fails, the caller still does.
func Attach(f *File, ids *atomic.Uint64, mem []byte) (*Table, error) {
	t := &Table{mem: mem, locks: f.locks}
	if err := t.draw(ids); err != nil {
		return nil, err
	}
	if err := t.takeSlot(); err != nil {
		return nil, errors.Join(err, t.locks.unlock(int64(t.id)))
	}
	return t, nil
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
		t.id = ID(id + 1)
		if ok, err := t.locks.try(int64(t.id)); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("the locks of %d owner ids are taken: %w", draws, ErrFull)
}

// firstSlot is where the search for a free slot starts.
var firstSlot = os.Getpid()

// takeSlot makes a slot this attachment's.
func (t *Table) takeSlot() error {
	slots := len(t.mem) / layout.SlotSize
	for i := range slots {
		t.slot = (firstSlot + i) % slots
		owner := t.word(offID)
		if id := owner.Load(); id != 0 && !t.Dead(ID(id)) || !owner.CompareAndSwap(id, uint64(t.id)) {
			continue
		}
		layout.Word(t.mem, t.slot*layout.SlotSize+offPID).Store(uint32(os.Getpid()))
		t.word(offNamespace).Store(pidNamespace())
		t.word(offProcess).Store(uint64(t.id))
		return nil
	}
	return fmt.Errorf("all %d process slots are taken: %w", slots, ErrFull)
}

// word returns a word of the slot of this attachment.
func (t *Table) word(off int) *atomic.Uint64 { return t.wordOf(t.slot, off) }

func (t *Table) wordOf(slot, off int) *atomic.Uint64 {
	return layout.Word64(t.mem, slot*layout.SlotSize+off)
}

// ID returns the ID of this attachment.
func (t *Table) ID() ID { return t.id }

// Slot returns the slot of this attachment.
func (t *Table) Slot() int { return t.slot }

// Dead reports whether the owner of id has closed its Table or died. It is true of
// an ID that nobody was ever given.
func (t *Table) Dead(id ID) bool {
	switch {
	case id == t.id:
		return false
	case id == 0 || id > maxID:
		return true
	}
	// A probe that fails, as after Close, proves nothing about others.
	held, err := t.locks.held(int64(id))
	return err == nil && (!held || t.inherited(id))
}

// inherited reports whether the lock of id is held although its owner is dead: by
// a child that the owner made without exec, which shares its open files. What
// says so is the pid that the owner has written down, if it belongs to the PID
// namespace of this process; or that somebody else has found out, and has taken
// the slot.
func (t *Table) inherited(id ID) bool {
	for slot := range len(t.mem) / layout.SlotSize {
		if t.wordOf(slot, offID).Load() != uint64(id) {
			continue
		}
		pid := layout.Word(t.mem, slot*layout.SlotSize+offPID).Load()
		namespace := t.wordOf(slot, offNamespace).Load()
		// If id is alive, nobody else has written to the slot meanwhile.
		return t.wordOf(slot, offProcess).Load() == uint64(id) &&
			namespace != 0 && namespace == pidNamespace() && ended(pid)
	}
	return true
}

// WithCreationLock calls f while no other process or goroutine is in
// WithCreationLock on the same file. The lock of a process that dies is free.
func (t *Table) WithCreationLock(f func() error) error {
	t.creating.Lock()
	defer t.creating.Unlock()
	if err := t.locks.lock(creationByte); err != nil {
		return fmt.Errorf("creation lock: %w", err)
	}
	defer t.locks.unlock(creationByte)
	return f()
}

// Settle waits until nobody of this process is in WithCreationLock.
func (t *Table) Settle() {
	t.creating.Lock()
	defer t.creating.Unlock()
}

// Close gives up the slot, which makes ID dead, and closes the file.
func (t *Table) Close() error {
	return errors.Join(t.locks.unlock(int64(t.id)), t.locks.close())
}
