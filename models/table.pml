/*
 * A group of a Table: shm/tableentry.go.
 *
 * W writers store ROUNDS times each, to any of E entries that share S slots, and a
 * reader reads one of them READS times. Writers may die anywhere; whoever stays in a
 * write for long is the paused one.
 *
 * Steps                                         Go (shm/tableentry.go, table.go)
 *   lock      load, compare-and-swap            lock, take
 *   free      load, probe, compare-and-swap;    freeDead; takeOver
 *             a compare-and-swap of each claim;
 *             unlock
 *   claim     load of a claim and of an index,  tryClaim, spare
 *             compare-and-swap
 *   write     the halves of the copy, one       put
 *             after the other
 *   publish   store of the index                publish
 *   read      load of the index, the halves,    load, unclaimed
 *             loads of the index and the claim
 *
 * Check: -DW=2 -DROUNDS=2 -DDEATHS=1 -DREADS=1
 * Check: -DW=3 -DROUNDS=1 -DDEATHS=2 -DREADS=1
 * Memory: 2000 MB
 *
 * Stores reach memory at once here. On x86-TSO they do so in order, so that one that
 * is late is one of a slower writer: its loads in between are of claims and indices,
 * which are looked at again by a compare-and-swap. The loads that would see the
 * difference are those of the sleepers' words, and event.pml has them. The order in
 * which slots are tried is any. Whoever would wait is blocked here until there is
 * something to do: that no wake-up is lost is left to event.pml too.
 *
 * Properties (Invariants of tableentry.go)
 *   1  versions rise by one: assertions at publish; they never go back for a reader
 *   2  nobody else writes to a slot that is written, or current: assertions at write
 *   3  what a reader accepts is whole, and of its version; the dead leave nothing that
 *      keeps the others from their end (no invalid end state)
 *   4  who becomes an entry's owner has no claimed slot: assertion at locked
 *
 * Mutations that must fail
 *   NOLOOK      the reader does not look again (3)
 *   NOCLAIM     the reader does not look at the claim (3)
 *   STORECLAIM  a slot is claimed by a store (2)
 *   CURRENT     the current slot is spare (2)
 *   ROB         who lacks a slot takes over from the living (2)
 *   NOOVER      nobody takes over from the dead  -DW=3 -DROUNDS=1 -DDEATHS=1 -DREADS=1
 *   NOFREE      nobody frees the lock of the dead (3)
 *   NOPROBE     freeDead does not ask whether the owner is dead (2)
 *   KEEP        freeDead leaves the slot that the dead one has claimed (4)
 *   STOREFREE   freeDead stores instead of compare-and-swap  -DW=3 -DROUNDS=1 -DDEATHS=1 -DREADS=1
 *   EARLY       the index is stored before the copy (3)
 */

#define E	2
#define S	3
#define N	(W + 1)

#include "crash.h"

#define id	(me + 1)
#define whole(v, e)	((v) * E + (e))	/* what a copy's halves say */

byte iv[E], is[E];		/* index: version and slot */
byte owner[E];			/* an id, or 0 */
byte cv[S], ce[S];		/* claim: version and entry */
byte low[S], high[S];		/* the halves of the copy */

byte writing[S];		/* who writes to it, as an id, for the properties */

#define current(s)	(iv[ce[s]] == cv[s] && is[ce[s]] == (s))
#ifdef CURRENT
#define spare(s, v, e)	(iv[e] >= (v))
#else
#define spare(s, v, e)	(iv[e] >= (v) && !(iv[e] == (v) && is[e] == (s)))
#endif

#define gone(w)		((w) != 0 && isDead((w) - 1))

/* lost: who lacks a slot may take over from the owner w. */
#ifdef NOOVER
#define lost(w)		false
#else
#ifdef ROB
#define lost(w)		((w) != 0 && (w) != id)
#else
#define lost(w)		gone(w)
#endif
#endif
#define claimed(s)	(cv[s] == v + 1 && ce[s] == e)

inline die() { death?_ -> dead = dead | bit(me) }

proctype writer(byte me) {
	byte e, v, s, c, d, w, rounds;
begin:	{
	atomic {
		if
		:: e = 0
		:: e = 1
		fi
	};
lock:	atomic {
		if
		:: owner[e] == 0 -> owner[e] = id; goto locked
#ifdef NOPROBE
		:: owner[e] != 0 -> w = owner[e]; d = e
#else
#ifndef NOFREE
		:: gone(owner[e]) -> w = owner[e]; d = e
#endif
#endif
		fi
	};
free:	atomic {
#ifndef STOREFREE
		if
		:: owner[d] == w
		:: else -> goto freed
		fi;
#endif
		owner[d] = id;
		s = 0
	};
#ifndef KEEP
sweep:	atomic {
		if
		:: cv[s] == iv[d] + 1 && ce[s] == d -> cv[s] = iv[d]
		:: else
		fi;
		s++;
		if
		:: s < S -> goto sweep
		:: else
		fi
	};
#endif
	atomic { owner[d] = 0 };
freed:	atomic {
		w = 0; d = 0; s = 0;
		if
		:: owner[e] == id -> goto claim
		:: else -> goto lock
		fi
	};
locked:	atomic {
		v = iv[e];
		assert(!claimed(0) && !claimed(1) && !claimed(2))
	};
claim:	atomic {
		if
		:: spare(0, cv[0], ce[0]) -> s = 0
		:: spare(1, cv[1], ce[1]) -> s = 1
		:: spare(2, cv[2], ce[2]) -> s = 2
		:: lost(owner[0]) -> w = owner[0]; d = 0; goto free
		:: lost(owner[1]) -> w = owner[1]; d = 1; goto free
		fi;
		c = cv[s]; d = ce[s]
	};
	atomic {
		if
		:: spare(s, c, d)
		:: else -> goto again
		fi
	};
	atomic {
#ifndef STORECLAIM
		if
		:: cv[s] == c && ce[s] == d
		:: else -> goto again
		fi;
#endif
		cv[s] = v + 1; ce[s] = e;
		goto write
	};
again:	atomic { c = 0; d = 0; s = 0; goto claim };

write:	atomic {
		assert(!current(s));
		assert(writing[s] == 0 || isDead(writing[s] - 1));
		writing[s] = id;
		c = 0; d = 0;
		low[s] = whole(v + 1, e)
	};
#ifdef EARLY
	atomic { iv[e] = v + 1; is[e] = s };
#endif
	atomic {
		assert(writing[s] == id);
		high[s] = whole(v + 1, e)
	};
	atomic {		/* publish */
#ifndef EARLY
		assert(iv[e] == v && owner[e] == id);
#endif
		assert(cv[s] == v + 1 && ce[s] == e);
		writing[s] = 0;
		iv[e] = v + 1; is[e] = s
	};
	atomic {		/* unlock */
		owner[e] = 0;
		e = 0; v = 0; s = 0; w = 0;
		rounds++;
		if
		:: rounds < ROUNDS -> goto begin
		:: else
		fi
	};
	atomic { over = over | bit(me) }
	} unless { atomic { die(); e = 0; v = 0; s = 0; c = 0; d = 0; w = 0; rounds = 0 } };
end:	false
}

proctype reader(byte me) {
	byte v, s, a, b, seen, reads;
begin:	atomic { v = iv[0]; s = is[0]; assert(v >= seen) };
	atomic { a = low[s] };
	atomic { b = high[s] };
#ifndef NOLOOK
	atomic {
		if
		:: iv[0] == v && is[0] == s -> goto accept
		:: else
		fi
	};
#ifndef NOCLAIM
	atomic {
		if
		:: cv[s] == v && ce[s] == 0
		:: else -> goto begin
		fi
	};
#endif
#endif
accept:	atomic {
		assert(a == whole(v, 0) && b == a);
		seen = v; a = 0; b = 0;
		reads++;
		if
		:: reads < READS -> goto begin
		:: else
		fi
	};
	atomic { over = over | bit(me) };
end:	false
}

init {
	byte p;
	atomic {
		is[1] = 1; ce[1] = 1; low[1] = whole(0, 1); high[1] = whole(0, 1);
		do
		:: p < W -> run writer(p); p++
		:: else -> run reader(p); p = 0; break
		od
	}
}
