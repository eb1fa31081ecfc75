package history

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// What follows writes histories by hand: the player, the times of call and
// return, the operation, and what it returned.
func at(who int, call, ret uint64, in input, out output) event {
	return event{record: record{input: in, output: out, call: call, ret: ret}, who: who}
}

func cutOff(who int, call uint64, in input) event {
	return event{record: record{input: in, call: call, ret: 1000}, who: who, pending: true}
}

func dies(who int, call uint64) event {
	return event{record: record{input: input{kind: death}, call: call, ret: 1000}, who: who}
}

func op(k kind, numbers ...uint64) input {
	in := input{kind: k}
	for i, n := range numbers {
		*[]*uint64{&in.a, &in.b}[i] = n
	}
	return in
}

// TestCheckers shows each model histories that are right, and some that are not.
func TestCheckers(t *testing.T) {
	for _, c := range []struct {
		name    string
		subject *subject
		right   bool
		history []event
	}{
		{"one after the other", lockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(unlock), did()),
			at(1, 5, 6, op(tryLock), did()), at(2, 7, 8, op(tryLock), didNot), at(1, 9, 10, op(unlock), did()),
		}},
		{"two inside", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(1, 3, 4, op(lock), did()),
			at(0, 5, 6, op(unlock), did()), at(1, 7, 8, op(unlock), did()),
		}},
		{"free and refused", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(unlock), did()), at(1, 5, 6, op(tryLock), didNot),
		}},
		{"taken over and reported", lockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), dies(0, 2), at(1, 3, 9, op(lockReporting), did(1)),
			at(1, 10, 11, op(markConsistent), did()), at(1, 12, 13, op(unlock), did()),
			at(2, 14, 15, op(lockReporting), did(0)),
		}},
		{"taken over and not reported", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), dies(0, 2), at(1, 3, 9, op(lockReporting), did(0)),
		}},
		{"reported twice", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), dies(0, 2), at(1, 3, 9, op(lockReporting), did(1)),
			at(1, 10, 11, op(markConsistent), did()), at(1, 12, 13, op(unlock), did()),
			at(2, 14, 15, op(lockReporting), did(1)),
		}},
		{"reported without a death", lockSubject, false, []event{
			at(0, 1, 2, op(lockReporting), did(1)),
		}},
		{"refused beside one who waits", lockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(1, 3, 8, op(lockReporting), didNot), at(0, 4, 5, op(unlock), did()), at(0, 6, 7, op(tryLock), didNot),
		}},
		{"refused behind one who has waited", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(1, 3, 4, op(lockReporting), didNot), at(0, 5, 6, op(unlock), did()), at(0, 7, 8, op(tryLock), didNot),
		}},
		{"robbed of the living", lockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), dies(2, 3), at(1, 4, 5, op(lockReporting), did(0)), at(0, 6, 7, op(unlock), did()),
		}},
		{"cut off in Lock", lockSubject, true, []event{
			cutOff(0, 1, op(lock)), dies(0, 1), at(1, 2, 3, op(tryLock), didNot), at(1, 4, 9, op(lockReporting), did(1)),
		}},
		{"cut off in Unlock", lockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), cutOff(0, 3, op(unlock)), dies(0, 3), at(1, 4, 9, op(lockReporting), did(0)),
		}},

		{"locked again", recursiveLockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(tryLock), did()), at(0, 5, 6, op(unlock), did()),
			at(1, 7, 8, op(tryLock), didNot), at(0, 9, 10, op(unlock), did()), at(1, 11, 12, op(tryLock), did()),
		}},
		{"free too early", recursiveLockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(lock), did()), at(0, 5, 6, op(unlock), did()), at(1, 7, 8, op(tryLock), did()),
		}},
		{"locked again and refused", recursiveLockSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(tryLock), didNot),
		}},
		{"locked twice and dies", recursiveLockSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 4, op(lock), did()), dies(0, 4), at(1, 5, 6, op(lockReporting), did(1)),
			at(1, 7, 8, op(lockReporting), did(1)), at(1, 9, 10, op(unlock), did()), at(2, 11, 12, op(tryLock), didNot),
		}},

		{"set and cleared in a wait", eventSubject, true, []event{
			at(0, 1, 10, op(await), did()), at(1, 2, 3, op(set), did()), at(1, 4, 5, op(clearEvent), did()), at(2, 6, 7, op(isSet), did(0)),
		}},
		{"set before a wait only", eventSubject, false, []event{
			at(1, 1, 2, op(set), did()), at(1, 3, 4, op(clearEvent), did()), at(0, 5, 10, op(await), did()),
		}},
		{"cut off in Set", eventSubject, true, []event{
			cutOff(1, 1, op(set)), dies(1, 1), at(0, 2, 9, op(await), did()), at(0, 10, 11, op(isSet), did(1)),
		}},
		{"clear though set", eventSubject, false, []event{
			at(1, 1, 2, op(set), did()), at(0, 3, 4, op(isSet), did(0)),
		}},

		{"each Signal wakes one", condSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), did()), at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), cancelledAt(15)),
			at(2, 7, 8, op(lock), did()), at(2, 9, 10, op(signal), did()), at(2, 11, 12, op(unlock), did()),
			at(0, 22, 23, op(unlock), did()),
		}},
		{"two woken by one Signal", condSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), did()), at(0, 22, 23, op(unlock), did()),
			at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), did()), at(2, 7, 8, op(signal), did()),
		}},
		{"woken by an earlier Signal", condSubject, false, []event{
			at(2, 1, 2, op(signal), did()), at(0, 3, 4, op(lock), did()), at(0, 5, 9, op(await), did()),
		}},
		{"cancelled though all signals were", condSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), cancelledAt(15)), at(2, 7, 8, op(lock), did()), at(2, 9, 10, op(signal), did()),
			at(2, 11, 12, op(unlock), did()),
		}},
		{"cancelled and then signalled", condSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), cancelledAt(8)), at(2, 7, 8, op(lock), did()), at(2, 9, 10, op(signal), did()),
			at(2, 11, 12, op(unlock), did()),
		}},
		{"back with L while another has it", condSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 10, op(await), did()), at(2, 4, 5, op(lock), did()), at(2, 6, 7, op(signal), did()),
			at(2, 11, 12, op(unlock), did()),
		}},
		{"Broadcast wakes all", condSubject, true, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), did()), at(0, 22, 23, op(unlock), did()),
			at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), did()), at(2, 7, 8, op(broadcast), did()),
		}},
		{"Broadcast and one is cancelled", condSubject, false, []event{
			at(0, 1, 2, op(lock), did()), at(0, 3, 20, op(await), did()), at(0, 22, 23, op(unlock), did()),
			at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), cancelledAt(15)), at(2, 7, 8, op(lock), did()), at(2, 9, 10, op(broadcast), did()),
			at(2, 11, 12, op(unlock), did()),
		}},
		{"the signal of the dead", condSubject, true, []event{
			at(0, 1, 2, op(lock), did()), cutOff(0, 3, op(await)), dies(0, 3), at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), did()),
			at(2, 7, 8, op(signal), did()),
		}},
		{"woken by a death", condSubject, false, []event{
			at(0, 1, 2, op(lock), did()), dies(0, 2), at(1, 4, 5, op(lock), did()), at(1, 6, 24, op(await), did()),
		}},

		{"one f after the other", onceSubject, true, []event{
			at(0, 1, 2, op(begin), did(1)), at(1, 3, 6, op(begin), did(1)), at(0, 4, 5, op(end, 0), did()),
			at(1, 7, 8, op(end, 1), did()), at(0, 9, 10, op(begin), did(0)), at(2, 9, 10, op(isDone), did(1)),
		}},
		{"two f at a time", onceSubject, false, []event{
			at(0, 1, 2, op(begin), did(1)), at(1, 3, 4, op(begin), did(1)), at(0, 5, 6, op(end, 0), did()), at(1, 7, 8, op(end, 0), did()),
		}},
		{"done twice", onceSubject, false, []event{
			at(0, 1, 2, op(begin), did(1)), at(0, 3, 4, op(end, 1), did()), at(1, 5, 6, op(begin), did(1)),
		}},
		{"told that it is done though f failed", onceSubject, false, []event{
			at(0, 1, 2, op(begin), did(1)), at(1, 3, 6, op(begin), did(0)), at(0, 4, 5, op(end, 0), did()),
		}},
		{"dies in f", onceSubject, true, []event{
			at(0, 1, 2, op(begin), did(1)), dies(0, 2), at(1, 3, 9, op(begin), did(1)), at(1, 10, 11, op(isDone), did(0)),
		}},
		{"dies in f, and it is done", onceSubject, false, []event{
			at(0, 1, 2, op(begin), did(1)), dies(0, 2), at(1, 3, 9, op(begin), did(0)),
		}},

		{"counted and waited for", waitGroupSubject, true, []event{
			at(0, 1, 2, op(count, 1), did()), at(1, 3, 9, op(await), did()), at(0, 4, 5, op(count, 0), did()), at(0, 6, 7, op(count, 1), did()),
		}},
		{"not waited for", waitGroupSubject, false, []event{
			at(0, 1, 2, op(count, 1), did()), at(1, 3, 4, op(await), did()), at(0, 5, 6, op(count, 0), did()),
		}},
		{"counts of the dead come back", waitGroupSubject, true, []event{
			at(0, 1, 2, op(count, 1), did()), at(0, 3, 4, op(count, 1), did()), dies(0, 4), at(1, 5, 9, op(await), did()),
		}},

		{"shared", semaphoreSubject, true, []event{
			at(0, 1, 2, op(acquire, 2), did()), at(1, 3, 4, op(acquire, 1), did()), at(2, 5, 6, op(free), did(0)),
			at(0, 7, 8, op(release, 1), did()), at(2, 9, 10, op(free), did(1)),
		}},
		{"too many out", semaphoreSubject, false, []event{
			at(0, 1, 2, op(acquire, 2), did()), at(1, 3, 4, op(acquire, 2), did()),
		}},
		{"one lost", semaphoreSubject, false, []event{
			at(0, 1, 2, op(acquire, 2), did()), at(0, 3, 4, op(release, 2), did()), at(1, 5, 6, op(free), did(2)),
		}},
		{"back from the dead", semaphoreSubject, true, []event{
			at(0, 1, 2, op(acquire, 2), did()), dies(0, 2), at(1, 3, 9, op(acquire, 3), did()), at(2, 10, 11, op(free), did(0)),
		}},
		{"not back from the dead", semaphoreSubject, false, []event{
			at(0, 1, 2, op(acquire, 2), did()), dies(0, 2), at(1, 3, 9, op(acquire, 3), did()),
			at(1, 10, 11, op(release, 3), did()), at(1, 12, 13, op(free), did(1)),
		}},
		{"robbed of the living", semaphoreSubject, false, []event{
			at(0, 1, 2, op(acquire, 2), did()), dies(2, 3), at(1, 4, 5, op(acquire, 2), did()), at(0, 6, 7, op(release, 2), did()),
		}},
		{"cut off in Release", semaphoreSubject, true, []event{
			at(0, 1, 2, op(acquire, 3), did()), cutOff(0, 3, op(release, 1)), dies(0, 3),
			at(1, 4, 5, op(free), did(0)), at(1, 6, 7, op(free), did(1)), at(1, 8, 9, op(acquire, 3), did()),
		}},

		{"stored and loaded", valueSubject, true, []event{
			at(0, 1, 4, op(store, 5), did()), at(1, 2, 3, op(load), did(0)), at(1, 5, 6, op(load), did(5)),
			at(1, 7, 8, op(swap, 6), did(5)), at(2, 9, 10, op(add, 1), did(7)), at(2, 11, 12, op(compareAndSwap, 7, 9), did()),
		}},
		{"stale", valueSubject, false, []event{
			at(0, 1, 2, op(store, 5), did()), at(1, 3, 4, op(load), did(0)),
		}},
		{"back again", valueSubject, false, []event{
			at(0, 1, 9, op(store, 5), did()), at(1, 2, 3, op(load), did(5)), at(1, 4, 5, op(load), did(0)),
		}},
		{"an update lost", largeSubject, false, []event{
			at(0, 1, 4, op(add, 1), did(1)), at(1, 2, 3, op(add, 1), did(1)),
		}},
		{"two swaps see the same", largeSubject, false, []event{
			at(0, 1, 4, op(swap, 1), did(0)), at(1, 2, 3, op(swap, 2), did(0)),
		}},
		{"compared, equal and refused", valueSubject, false, []event{
			at(0, 1, 2, op(compareAndSwap, 0, 1), didNot),
		}},
		{"cut off in Store", valueSubject, true, []event{
			cutOff(0, 1, op(store, 5)), at(1, 2, 3, op(load), did(0)), at(1, 4, 5, op(load), did(5)),
		}},
		{"half undone", valueSubject, false, []event{
			cutOff(0, 1, op(store, 5)), at(1, 2, 3, op(load), did(5)), at(1, 4, 5, op(load), did(0)),
		}},

		{"in order", spscSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			at(1, 7, 8, op(pop), did(1)), at(1, 9, 10, op(popInto, 3), did(2, 3)), at(1, 11, 12, op(pop), didNot),
			at(2, 13, 14, op(pop), did()),
		}},
		{"out of order", spscSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(1, 5, 6, op(pop), did(2)),
		}},
		{"doubled", spscSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1)), at(3, 5, 6, op(pop), did(1)),
		}},
		{"doubled", mpmcSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 6, op(pop), did(1)), at(3, 4, 5, op(popInto, 2), did(1)),
		}},
		{"lost", mpmcSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did()),
		}},
		{"before its push", mpmcSubject, false, []event{
			at(1, 1, 2, op(pop), did(1)), at(0, 3, 4, op(push, 1), did()),
		}},
		{"too many inside", mpmcSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			at(0, 7, 8, op(push, 4), did()), at(0, 9, 10, op(push, 5), did()),
		}},
		{"full with room", spscSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), didNot),
		}},
		{"empty with a message", mpmcSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), didNot),
		}},
		{"empty, for another push is on", mpmcSubject, true, []event{
			at(2, 1, 9, op(push, 7), did()), at(0, 2, 3, op(push, 1), did()), at(1, 4, 5, op(pop), didNot),
			at(1, 10, 11, op(popInto, 2), did(7, 1)),
		}},
		{"the same in an SPSC ring", spscSubject, false, []event{
			at(2, 1, 9, op(push, 7), did()), at(0, 2, 3, op(push, 1), did()), at(1, 4, 5, op(pop), didNot),
		}},
		{"room for a short one, and maybe not for a long one", bytesMPMCSubject, true, []event{
			at(0, 1, 2, op(push, 2), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 1), didNot),
			at(0, 7, 8, op(push, 3), did()), at(0, 9, 10, op(push, 6), did()), at(1, 11, 12, op(popInto, 3), did(2, 5, 3)),
		}},
		{"full with room", bytesMPMCSubject, false, []event{
			at(0, 1, 2, op(push, 2), did()), at(0, 3, 4, op(push, 4), did()), at(0, 5, 6, op(push, 3), didNot),
		}},
		{"too many inside", bytesMPMCSubject, false, []event{
			at(0, 1, 2, op(push, 2), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 8), did()),
		}},
		{"out of order", bytesMPMCSubject, false, []event{
			at(0, 1, 2, op(push, 2), did()), at(0, 3, 4, op(push, 1), did()), at(1, 5, 6, op(pop), did(1)),
		}},
		{"another pop amid a PopInto", bytesMPMCSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			at(1, 7, 10, op(popInto, 3), did(1, 3)), at(2, 8, 9, op(pop), did(2)),
		}},
		{"another pop after a PopInto", bytesMPMCSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			at(1, 7, 8, op(popInto, 3), did(1, 3)), at(2, 9, 10, op(pop), did(2)),
		}},
		{"cut off in PopInto", bytesMPMCSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			cutOff(1, 7, op(popInto, 2)), at(3, 8, 9, op(pop), did(2)), at(3, 10, 11, op(pop), did()),
		}},
		{"cut off, and more lost than it wanted", bytesMPMCSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			cutOff(1, 7, op(popInto, 2)), at(3, 8, 9, op(pop), did()),
		}},
		{"cut off in Push", mpmcSubject, true, []event{
			cutOff(0, 1, op(push, 1)), at(1, 2, 3, op(pop), didNot), at(1, 4, 5, op(pop), did(1)), at(1, 6, 7, op(pop), did()),
		}},
		{"cut off and doubled", mpmcSubject, false, []event{
			cutOff(0, 1, op(push, 1)), at(1, 2, 3, op(pop), did(1)), at(1, 4, 5, op(pop), did(1)),
		}},
		{"cut off in PopInto", spscSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			cutOff(1, 7, op(popInto, 2)), at(3, 8, 9, op(pop), did(3)), at(3, 10, 11, op(pop), did()),
		}},
		{"cut off, and more lost than it wanted", spscSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(0, 5, 6, op(push, 3), did()),
			cutOff(1, 7, op(popInto, 2)), at(3, 8, 9, op(pop), did()),
		}},

		{"held, and others go on", workSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(0, 3, 4, op(push, 2), did()), at(1, 5, 6, op(pop), did(1, 1)), at(2, 7, 8, op(pop), did(2, 1)),
			at(2, 9, 10, op(ack, 2), did()), at(1, 11, 12, op(nack, 1), did()), at(2, 13, 14, op(pop), did(1, 2)), at(2, 15, 16, op(ack, 1), did()),
			at(0, 17, 18, op(await), did()),
		}},
		{"held by two", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(2, 5, 6, op(pop), did(1, 2)),
		}},
		{"delivered after its Ack", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(1, 5, 6, op(ack, 1), did()), at(2, 7, 8, op(pop), did(1, 2)),
		}},
		{"a delivery not counted", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(1, 5, 6, op(nack, 1), did()), at(2, 7, 8, op(pop), did(1, 1)),
		}},
		{"joined while one is held", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(0, 5, 6, op(await), did()), at(1, 7, 8, op(ack, 1), did()),
		}},
		{"given back, and empty", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(1, 5, 6, op(nack, 1), did()), at(2, 7, 8, op(pop), didNot),
		}},
		{"full, with what is held passed over", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), at(0, 5, 6, op(push, 2), didNot),
		}},
		{"back from the dead", workSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), dies(1, 4), at(2, 5, 6, op(pop), didNot), at(2, 7, 8, op(pop), did(1, 2)),
		}},
		{"lost with the dead", workSubject, false, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), dies(1, 4), at(2, 7, 8, op(pop), did()),
		}},
		{"cut off in Ack", workSubject, true, []event{
			at(0, 1, 2, op(push, 1), did()), at(1, 3, 4, op(pop), did(1, 1)), cutOff(1, 5, op(ack, 1)), dies(1, 5), at(2, 7, 8, op(pop), did()),
		}},
		{"one case of each", selectSubject, true, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst|1<<pushSecond, 5), did(pushSecond, 0)),
			at(1, 3, 4, op(choose, 1<<popFirst|1<<popSecond), did(popSecond, 5)),
			at(1, 5, 6, op(choose, 1<<popFirst|1<<lockIt), did(lockIt, 0)), at(2, 7, 9, op(choose, 1<<lockIt), output{n: 1}),
			at(1, 10, 11, op(unlock), did()), at(2, 12, 13, op(choose, 1<<popFirst), did(popFirst)),
		}},
		{"two cases of one", selectSubject, false, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst|1<<pushSecond, 5), did(pushSecond, 0)),
			at(1, 3, 4, op(choose, 1<<popFirst|1<<popSecond), did(popSecond, 5)),
			at(1, 5, 6, op(choose, 1<<popFirst), did(popFirst, 5)),
		}},
		{"taken and not told", selectSubject, false, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst, 5), did(pushFirst, 0)), at(1, 3, 4, op(choose, 1<<popFirst|1<<lockIt), did(lockIt, 0)),
			at(1, 5, 6, op(choose, 1<<popFirst), did(popFirst)),
		}},
		{"out of order", selectSubject, false, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst, 5), did(pushFirst, 0)), at(0, 3, 4, op(choose, 1<<pushFirst, 6), did(pushFirst, 0)),
			at(1, 5, 6, op(choose, 1<<popFirst), did(popFirst, 6)),
		}},
		{"locked by two", selectSubject, false, []event{
			at(0, 1, 2, op(choose, 1<<lockIt), did(lockIt, 0)), at(1, 3, 4, op(choose, 1<<lockIt), did(lockIt, 0)), at(0, 5, 6, op(unlock), did()),
		}},
		{"cut off in one of two", selectSubject, true, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst, 5), did(pushFirst, 0)), at(0, 3, 4, op(choose, 1<<pushSecond, 6), did(pushSecond, 0)),
			cutOff(1, 5, op(choose, 1<<popFirst|1<<popSecond)), dies(1, 5),
			at(2, 6, 7, op(choose, 1<<popFirst|1<<popSecond), did(popSecond, 6)), at(2, 8, 9, op(choose, 1<<popFirst), did(popFirst)),
		}},
		{"cut off in both", selectSubject, false, []event{
			at(0, 1, 2, op(choose, 1<<pushFirst, 5), did(pushFirst, 0)), at(0, 3, 4, op(choose, 1<<pushSecond, 6), did(pushSecond, 0)),
			cutOff(1, 5, op(choose, 1<<popFirst|1<<popSecond)), dies(1, 5),
			at(2, 6, 7, op(choose, 1<<popSecond), did(popSecond)), at(2, 8, 9, op(choose, 1<<popFirst), did(popFirst)),
		}},

		{"each gets each", lossySubject, true, []event{
			at(1, 1, 2, op(subscribe), did()), at(3, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()),
			at(1, 5, 6, op(pop), did(5)), at(3, 5, 6, op(pop), did(5)), at(1, 7, 8, op(pop), didNot),
		}},
		{"from before it subscribed", lossySubject, false, []event{
			at(0, 1, 2, op(push, 5), did()), at(1, 3, 4, op(subscribe), did()), at(1, 5, 6, op(pop), did(5)),
		}},
		{"one is missing", losslessSubject, false, []event{
			at(1, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 6), did()),
			at(1, 7, 8, op(pop), did(6)),
		}},
		{"lapped", lossySubject, true, []event{
			at(1, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 6), did()),
			at(0, 7, 8, op(push, 7), did()), at(0, 9, 10, op(push, 8), did()), at(0, 11, 12, op(push, 9), did()),
			at(1, 13, 14, op(pop), output{ok: missed, n: 1, v: [maxBatch]uint64{1}}), at(1, 15, 16, op(pop), did(6)),
		}},
		{"lapped by more than it says", lossySubject, false, []event{
			at(1, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 6), did()),
			at(0, 7, 8, op(push, 7), did()), at(0, 9, 10, op(push, 8), did()), at(0, 11, 12, op(push, 9), did()),
			at(1, 13, 14, op(pop), output{ok: missed, n: 1, v: [maxBatch]uint64{1}}), at(1, 15, 16, op(pop), did(7)),
		}},
		{"over the head of a subscriber", losslessSubject, false, []event{
			at(1, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 6), did()),
			at(0, 7, 8, op(push, 7), did()), at(0, 9, 10, op(push, 8), did()), at(0, 11, 12, op(push, 9), did()),
		}},
		{"full for one who has died", losslessSubject, true, []event{
			at(1, 1, 2, op(subscribe), did()), dies(1, 2), at(0, 3, 4, op(push, 5), did()), at(0, 5, 6, op(push, 6), did()),
			at(0, 7, 8, op(push, 7), did()), at(0, 9, 10, op(push, 8), did()), at(0, 11, 12, op(push, 9), didNot),
			at(0, 13, 14, op(push, 9), did()),
		}},
		{"full for nobody", losslessSubject, false, []event{
			at(1, 1, 2, op(subscribe), did()), at(0, 3, 4, op(push, 5), did()), at(1, 5, 6, op(detach), did()),
			at(0, 7, 8, op(push, 6), did()), at(0, 9, 10, op(push, 7), did()), at(0, 11, 12, op(push, 8), did()),
			at(0, 13, 14, op(push, 9), didNot),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.subject.adjust != nil {
				c.history = c.subject.adjust(c.history)
			}
			want := porcupine.Illegal
			if c.right {
				want = porcupine.Ok
			}
			if got := c.subject.model.check(c.history); got != want {
				t.Errorf("the checker says %s of\n%s", got, describe(c.history))
			}
		})
	}
}
