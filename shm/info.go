package shm

import (
	"io/fs"
	"time"
)

// Info is what [Inspect] has found in a segment.
type Info struct {
	Name string
	Path string
	// Format is the version of the layout, see docs/FORMAT.md. If it is not the one of
	// this package, neither processes nor objects are read.
	Format int
	// Version is the one of Options.
	Version uint64
	// FileSize is the size of the file, Size the room for objects, and Free what no
	// object has ever had of it, all in bytes.
	FileSize, Size, Free int64
	MaxProcs, MaxObjects int

	Mode fs.FileMode
	// UID is the user that the file belongs to, -1 if that is not known.
	UID int
	// Created is the zero time if the system does not tell.
	Created time.Time

	// Processes are the attachments that are alive, and those that have ended without
	// Close and whose slots nobody has taken since, in the order of their slots.
	Processes []ProcessInfo
	Objects   []ObjectInfo

	// Faults say what is wrong with the segment, apart from its objects.
	Faults []string
}

// ProcessInfo is one attachment to a segment: one Segment of a process.
type ProcessInfo struct {
	// ID and Slot are as those of a [Peer].
	ID   uint64
	Slot int
	// PID is 0 if it means nothing here, as that of a Peer.
	PID int
	// NamespacePID is the process id in the PID namespace of that number. The namespace
	// is 0 if the process does not know it.
	NamespacePID int
	Namespace    uint64
	Alive        bool
	// Started is when the process began, the zero time if that is not known.
	Started time.Time
}

// Holder is an attachment that has something of an object.
type Holder struct {
	ID uint64
	// Slot is -1, and PID 0, if another attachment has the slot by now.
	Slot, PID int
	Alive     bool
	// Count is how many it has, of what there can be more than one.
	Count int64
}

// ObjectInfo is one object of a segment.
type ObjectInfo struct {
	Name string
	// Kind is as error messages name it: "lock", "SPSC ring".
	Kind string
	// Type is of the elements. Its name is empty if the kind has none.
	Type TypeInfo
	// Capacity is in elements, or in bytes for rings of bytes. It is the number of parties
	// of a Barrier, and the size of a Semaphore.
	Capacity int64
	// Offset is from the start of the file. Size is what the object takes of its Room.
	Offset, Size, Room int64
	// Options are those of the constructor that all have to name alike, as a number: of a
	// WorkQueue, the MaxDeliveries; of a Cond, a hash of the name of its Lock.
	Options uint64

	// Users have a handle of the object. Producers have pushed to it, if it is a ring with
	// any number of them; Consumers have popped, or subscribed. The dead are here as long
	// as nobody has taken over.
	Users, Producers, Consumers []Holder

	// State is what the object is doing: a *[ValueState], *[TableState], *[LockState] (of a
	// RecursiveLock too), *[RWLockState], *[CondState], *[EventState], *[OnceState],
	// *[WaitGroupState], *[BarrierState], *[SemaphoreState], *[RingState] or *[PipeState].
	// It is nil of an Array, and if it could not be read.
	State any

	// Faults say what is wrong with the object.
	Faults []string
}

// TypeInfo describes a plain type.
type TypeInfo struct {
	Name string
	// Text is the type in one line, as in {ID 0 uint64,Legs 8 [2]{Price 0 float64}}: each
	// field with its name, its offset and its type. It may be cut behind a comma.
	Text string
	Size int64
	// Fingerprint is equal for types that may be used for each other.
	Fingerprint uint64
	// Fields are the parts of a struct, or of the elements of an array of structs, in
	// order.
	Fields []FieldInfo
}

// FieldInfo is a field of a plain type, or one inside of another.
type FieldInfo struct {
	// Path names the field, as in "Legs[].Price".
	Path string
	// Type is a kind, "struct", or an array of those, as "[2]struct".
	Type string
	// Offset is from the start of the whole, and in the first element of an array.
	Offset int64
}

// ValueState is that of a Value.
type ValueState struct {
	// Version counts the changes of a Value of more than 8 bytes.
	Version uint64
	// Writer has the writers' turn, of such a Value.
	Writer  *Holder
	Waiting bool // somebody may sleep until it changes
}

// TableState is that of a Table.
type TableState struct {
	// Writes is how many there were, in all entries.
	Writes uint64
	// Writers are inside a write. The Count is the index of the entry.
	Writers []Holder
}

// LockState is that of a Lock, or of a RecursiveLock.
type LockState struct {
	Owner *Holder // nil if it is free
	// Inconsistent says that an owner died, and nobody has called MarkConsistent since.
	Inconsistent bool
	Waiting      bool // somebody may sleep until it is free
}

// RWLockState is that of an RWLock.
type RWLockState struct {
	Writer *Holder // nil if there is none
	// Inside says that the writer has the lock, and not only the turn of the writers.
	Inside bool
	// Readers have it, or are about to look whether they do.
	Readers []Holder
	// Queued are readers that wait for a writer.
	Queued       []Holder
	Inconsistent bool // as of a LockState
	Waiting      bool
}

// CondState is that of a Cond.
type CondState struct {
	Waiting   []Holder // without a signal
	Signalled []Holder // have one, and not the Lock yet
}

// EventState is that of an Event.
type EventState struct {
	Set     bool
	Sets    uint64 // how many there were
	Waiting bool   // somebody may sleep
}

// OnceState is that of a Once.
type OnceState struct {
	Done    bool
	Running *Holder // who runs its f
	Died    bool    // somebody has died who did
	Waiting bool
}

// WaitGroupState is that of a WaitGroup.
type WaitGroupState struct {
	// Total is the number of counts.
	Total int64
	// Holders are those that the counts belong to.
	Holders  []Holder
	Changing *Holder // who is inside a change
	Waiting  bool
}

// BarrierState is that of a Barrier.
type BarrierState struct {
	Phase  uint64
	Broken bool
	// Arrived have come in this phase.
	Arrived []Holder
	// Parties are those who come, as far as they are known.
	Parties  []Holder
	Changing *Holder
	Waiting  bool
}

// SemaphoreState is that of a Semaphore.
type SemaphoreState struct {
	Free int64
	// Holders have permits. Those of a signalling Semaphore are not known.
	Holders    []Holder
	Signalling bool
	Changing   *Holder
	Repairing  *Holder
	Waiting    bool
}

// RingState is that of a ring of any kind.
type RingState struct {
	// Messages is how many wait to be delivered, and Bytes is what is taken of the capacity of a
	// ring of bytes.
	Messages, Bytes int64
	// Head is the next position to pop, and Tail the next to push: in messages, in bytes of a
	// Bytes, in chunks of 64 bytes of a BytesMPMC. Where there may be several who pop, or push,
	// they may lag a little.
	Head, Tail uint64
	Closed     bool
	// Producer and Consumer have the roles, in rings that have them.
	Producer, Consumer *Holder
	// Pushing and Popping have begun to, and not finished.
	Pushing, Popping []Holder
	// Lent are those whom messages are lent, in an MPMC or BytesMPMC; of a WorkQueue, who
	// has messages in flight. What a Consumer of an SPSC or Bytes has lent is not recorded
	// in the segment, and counts as waiting.
	Lent []Holder
	// Subscribers are those of a lossless Broadcast. (The others are its Consumers.)
	Subscribers []SubscriberInfo
	// Poppers and Pushers may sleep.
	PoppersWait, PushersWait bool
}

// SubscriberInfo is a subscriber of a lossless Broadcast.
type SubscriberInfo struct {
	Holder
	// Lag is how many messages it still has to pop.
	Lag int64
	// Evicted says that it is one no more, and has not noticed.
	Evicted bool
}

// PipeState is that of a Pipe of package shmnet.
type PipeState struct {
	// Sides are the two, nil if nobody has come yet.
	Sides [2]*Holder
	// Sent is how many bytes each side has sent, and Unread how many of them the other has
	// not received.
	Sent, Unread [2]int64
	// Ended says that nothing more comes from that side, or that nobody receives it.
	Ended [2]bool
}
