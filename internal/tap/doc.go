// Package tap copies the messages of a ring as they pass, for whoever looks at a segment from
// outside. It maps the file read-only, attaches nobody, takes no lock and wakes nobody: so
// producers and consumers go on as if it were not there, but for the cache lines that it reads.
// It is written after docs/FORMAT.md, as shm.Inspect is, and shares no code with the operations.
//
// # Protocol
//
// A [Tap] has a position of its own, the next one that it looks at. One step either copies the
// message of that position, or finds that it is not there yet, or finds that it is gone, and goes
// on to a later one. What lies between two positions was missed. So the numbers of what was copied
// and of what was missed add up to how far the position went.
//
// States of a position, as a tap sees it: ahead (its message is not published), present, gone
// (its room is, or may be, another's). They follow one another in this order, and never back.
//
// Invariants
//
//  1. A message is copied only if its word says, by a load before the copy, that it is published.
//  2. It is returned only if, by a load after the copy (arch.LoadAfter64), nobody can have begun to
//     write to its room before that load. What shows that is, for each kind:
//     - SPSC, the message at p: head <= p, since the producer writes p+capacity only after it
//     has seen head beyond p. Or, on processors that make stores visible in order: the word of
//     position p+capacity-1 is not stored yet. The producer stores it before it begins with
//     p+capacity, and its compiler keeps these stores in order, as gc does. (Not for messages of
//     16 KiB and more, whose copies are not so ordered.)
//     - Broadcast: limit <= p+capacity, as for a subscriber of a ring that loses messages.
//     - MPMC, BytesMPMC: the word of p is still the same. A consumer changes it before a producer
//     can claim the slot; and it has so much of the lap that no pause is too long. A message that
//     was popped is not shown even if it may still lie there: its word does not tell it from a
//     place that a producer has given up.
//     - Bytes: head is not beyond the record. What was popped is not shown: no word tells how far
//     the producer has begun to write.
//  3. The object is the one that it was at first: the header's count of changes, loaded after the
//     copy, is the same as when the entry was read. If it is not, the copy is thrown away, and
//     the entry read again. If another object is there, or a new one, the tap ends.
//  4. A step looks at a bounded number of words, whatever they say, and at none outside of the
//     object. Each step that finds nothing to wait for moves the position forward.
//
// What is not a message's but a position's: an MPMC counts a place that a producer has given up
// (Cancel, or a death) as missed. A Bytes and a BytesMPMC have positions in bytes and in chunks:
// how many messages lay there is not known any more, so what was missed counts bytes of the ring.
// A message that is lent is not shown, as its holder may write to it.
//
// Memory orderings. The load of the word pairs with the store that publishes the message: the
// payload is visible. The loads after the copy pair with what comes before the next payload:
// the consumer's store of head, or its swap of the word, which a producer has loaded; the
// producer's store of limit and its StoreFence; the producer's store of the word before, in order.
//
// What a death leaves: nothing, as nobody can tell that a tap was there. A tap that is paused
// between any two steps finds its position gone, and counts what it has missed: positions and
// laps do not come again. (Those of a Bytes are modulo 2^58, and a claimed word's lap is modulo
// 2^14: it is used only if, by later loads, the hints have not passed the position.)
package tap
