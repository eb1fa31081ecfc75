package history

import (
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A model says what an object does when operations come one after another. A
// state is comparable by ==. The step of an event returns the state after it,
// and whether the object could have returned what it did. Of an event that is
// pending any output will do: step is given each of them.
type model struct {
	initial any
	step    func(state any, e event) (next any, ok bool)
	guesses func(state any, e event) []output // what a pending event may have returned
}

// check looks for an order that explains the history.
func (m model) check(history []event) porcupine.CheckResult {
	n := porcupine.NondeterministicModel{
		Init: func() []any { return []any{m.initial} },
		Step: func(state, in, _ any) (next []any) {
			e := in.(event)
			if !e.pending {
				if s, ok := m.step(state, e); ok {
					next = append(next, s)
				}
				return next
			}
			next = append(next, state) // it has not happened
			for _, e.output = range m.guesses(state, e) {
				if s, ok := m.step(state, e); ok {
					next = append(next, s)
				}
			}
			return next
		},
	}
	operations := make([]porcupine.Operation, len(history))
	for i, e := range history {
		operations[i] = porcupine.Operation{ClientId: e.who, Input: e, Call: int64(e.call), Return: int64(e.ret)}
	}
	return porcupine.CheckOperationsTimeout(n.ToModel(), operations, proctest.Timeout())
}

// justDone is what a pending event may have returned if it returns no numbers.
func justDone(any, event) []output { return []output{did()} }

// A kind is what an operation does.
type kind uint64

const (
	_ kind = iota
	lock
	lockReporting // whether an owner died
	tryLock
	markConsistent
	unlock
	acquire
	release
	free
	load
	store
	swap
	compareAndSwap
	add
	push
	pop
	popInto
	death

	readLock
	readLockReporting
	readUnlock

	set
	clearEvent
	isSet
	await

	begin // of Do, to the beginning of f
	end   // of Do, from the end of f, which succeeds if a is 1
	isDone

	count // one more if a is 1, else one less

	ack
	nack
	subscribe
	detach

	signal
	broadcast
	join // L is given up in a Wait
	woken
	withdraw
	relock
	lapse // of a signal of a Broadcast

	choose // one of the cases whose bits are in a, with the message b to push
)

func (k kind) String() string {
	names := [...]string{"", "Lock", "LockContext", "TryLock", "MarkConsistent", "Unlock",
		"Acquire", "Release", "Value", "Load", "Store", "Swap", "CompareAndSwap", "Update",
		"Push", "Pop", "PopInto", "death",
		"RLock", "RLockContext", "RUnlock",
		"Set", "Clear", "IsSet", "Wait", "Do", "f", "Done", "Add", "Ack", "Nack", "Subscribe", "Detach",
		"Signal", "Broadcast", "Wait begins", "Wait gets a signal and L", "Wait is cancelled", "Wait gets L", "a signal lapses", "Select"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprint(uint64(k))
}

var subjects = map[string]*subject{
	"Lock":          lockSubject,
	"RecursiveLock": recursiveLockSubject,
	"RWLock":        rwLockSubject,
	"Cond":          condSubject,
	"Event":         eventSubject,
	"Once":          onceSubject,
	"WaitGroup":     waitGroupSubject,
	"Semaphore":     semaphoreSubject,
	"Value":         valueSubject,
	"LargeValue":    largeSubject,
	"Entry":         entrySubject,
	"SPSC":          spscSubject,
	"MPMC":          mpmcSubject,
	"BytesMPMC":     bytesMPMCSubject,
	"WorkQueue":     workSubject,
	"Select":        selectSubject,
	"Broadcast":     lossySubject,
	"Lossless":      losslessSubject,
}
