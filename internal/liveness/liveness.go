// Package liveness says which of the processes attached to a segment are alive.
//
// Every attachment owns a slot of the segment's process table, and an exclusive
// lock on one byte of the segment's file, far past its end. The kernel drops the
// lock when the last thread of the process is gone, whatever the process died
// of, so that the lock survives nothing that the process does not. An ID names a
// slot together with the slot's generation, which rises whenever the slot is
// taken: an ID of an earlier generation names somebody dead.
package liveness

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// States of a slot, each of which has two bytes, an owner's and an attacher's:
//
//	Free      neither is locked
//	Claimed   attacher's locked, generation not raised yet
//	Raised    attacher's locked, generation raised
//	Owned     owner's locked, ID in use
//
//	Free    → Claimed  by the attacher: its lock
//	Claimed → Raised   by the attacher: the store of the generation
//	Raised  → Owned    by the attacher: the owner's lock, and the end of its own
//	any     → Free     by the owner's Close, or by the kernel when it dies
//
// Invariants:
//
//  1. Only the holder of a slot's attacher's byte writes the slot, and only
//     while the owner's is unlocked. It alone may lock that.
//  2. Nobody uses an ID before the slot is Owned. No ID is handed out twice
//     within 2^20 attachments to one slot, and the search for a slot starts at
//     a place that differs from process to process.
//  3. Dead(id) is true only if the owner of id has closed or died: the byte is
//     unlocked, and it was locked before id was first used (2); or the
//     generation is another, and then somebody else got the byte since (1).
//  4. Once the owner of id is gone, Dead(id) is true: until the generation is
//     raised the owner's byte is unlocked, and from then on the generation is
//     another, even if the attacher is paused anywhere.
//
// A kill between any two steps leaves the slot Free with the old generation or
// the new one. Either will do: no ID of the new one was used (2).
//
// Memory orderings: the generation is stored and loaded atomically. The store
// comes before every store of the owner that mentions the ID, so that whoever
// reads an ID in shared memory sees that generation or a later one. The kernel
// drops a lock after the last store of the process that held it.

// ErrFull reports that there is no room left.
var ErrFull = errors.New("no room left")

const (
	// MaxSlots is the most slots that a table can have.
	MaxSlots = 1 << slotBits
	// IDBits is how many low bits of an ID can be set.
	IDBits = slotBits + generationBits

	slotBits       = 10
	generationBits = 20
	maxGeneration  = 1<<generationBits - 1
)

var _ [layout.MaxProcs]byte = [MaxSlots]byte{}

// A slot of the process table. The rest of its bytes are reserved.
const (
	offGeneration = 0 // u32: written by the owner as it attaches, read by everyone
	offPID        = 4 // u32: the same; for people to look at, decides nothing
)

// ID names one attachment of one process. The zero ID names nobody.
type ID uint32

// NewID returns the ID of a generation of a slot.
func NewID(slot int, generation uint32) ID {
	return ID(generation<<slotBits | uint32(slot))
}

// Slot returns the slot that id owns or owned.
func (id ID) Slot() int { return int(id & (MaxSlots - 1)) }

// Generation returns the generation of the slot under id.
func (id ID) Generation() uint32 { return uint32(id >> slotBits) }

// Table is this process's attachment to a process table.
type Table struct {
	mem   []byte
	locks locks
	id    ID

	creating sync.Mutex // the file lock does not exclude goroutines of one Table
}

// Attach takes a free slot in the process table mem of the file f. The Table
// owns f from then on. If Attach fails, the caller still does.
func Attach(f *File, mem []byte) (*Table, error) {
	slots := min(len(mem)/layout.SlotSize, MaxSlots)
	t := &Table{mem: mem, locks: f.locks}
	for i := range slots {
		slot := (firstSlot + i) % slots
		switch ok, err := t.take(slot); {
		case err != nil:
			return nil, fmt.Errorf("lock process slot %d: %w", slot, err)
		case ok:
			return t, nil
		}
	}
	return nil, fmt.Errorf("all %d process slots are taken: %w", slots, ErrFull)
}

// firstSlot is where the search for a free slot starts.
var firstSlot = os.Getpid()

// take makes a slot this attachment's, if it is free.
func (t *Table) take(slot int) (ok bool, err error) {
	if held, err := t.locks.held(slot); held || err != nil {
		return false, err
	}
	if ok, err := t.locks.try(attachByte + slot); !ok || err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.locks.unlock(attachByte+slot)) }()
	if held, err := t.locks.held(slot); held || err != nil {
		return false, err
	}
	t.id = NewID(slot, t.raise(slot))
	return t.locks.try(slot)
}

// raise makes and returns the next generation of a slot whose attacher's byte we
// hold. A generation is never 0, so that no ID is.
func (t *Table) raise(slot int) uint32 {
	off := slot * layout.SlotSize
	word := layout.Word(t.mem, off+offGeneration)
	generation := word.Load() + 1
	if generation == 0 || generation > maxGeneration {
		generation = 1
	}
	layout.Word(t.mem, off+offPID).Store(uint32(os.Getpid()))
	word.Store(generation)
	return generation
}

// ID returns the ID of this attachment.
func (t *Table) ID() ID { return t.id }

// Dead reports whether the owner of id has closed its Table or died. It may be
// false for an instant after that while another process attaches. It is true
// of an ID that nobody was ever given.
func (t *Table) Dead(id ID) bool {
	if id == t.id {
		return false
	}
	slot := id.Slot()
	off := slot * layout.SlotSize
	if off+layout.SlotSize > len(t.mem) {
		return true
	}
	generation := layout.Word(t.mem, off+offGeneration).Load()
	if generation == 0 || generation != id.Generation() {
		return true
	}
	// A probe that fails, as after Close, proves nothing about others.
	held, err := t.locks.held(slot)
	return err == nil && !held
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
	return errors.Join(t.locks.unlock(t.id.Slot()), t.locks.close())
}
