/*
 * Sleeping and waking: the Event of internal/wait/event.go, word for word, with
 * the asymmetric fence of internal/segment/barrier.go.
 *
 * Sleepers want one item each, ROUNDS times; wakers publish items. The change of
 * the condition is a plain release store: it goes into the waker's store buffer
 * (x86-TSO) and reaches memory at any later time, so that the load of the word
 * may overtake it. A read-modify-write empties the buffer of the process that
 * runs it. Anybody may die anywhere; what a dead process has stored reaches
 * memory before it is found dead.
 *
 * Steps                                    Go
 *   publish       a release store          ring.(*object).published and freed,
 *                                          semaphore.(*state).release
 *   Waiting       load of the word         (*Event).Waiting
 *   notify, swap, wake, clear              (*Event).Notify, futex.Wake
 *   fits          load of the word         (*nap).fits: it is still armed
 *   arm           load, compare-and-swap   (*Event).arm
 *   barrier       empties every buffer,    Fence.Barrier, membarrier(2)
 *                 one after the other
 *   try           takes an item, if any    try in (*Event).Await
 *   sleep         compares and queues      futex.WaitUntil
 *   bound         the sleep's end          Slice; it may end before anything
 *                                          else has happened (a paused machine)
 *   cancel        ctx ends                 ctx.Err() in (*Event).Await
 *
 * Properties (Invariants of event.go)
 *   1  nobody sleeps while there is an item, once all else is still: `lost`
 *   2  while somebody is asleep, waiting is set: `invariant2`
 *   4  after a death the bound is enough: the sleeper that it wakes gets the item
 *      at once (`lost` again, with deaths)
 *
 * Mutations that must fail
 *   NOFENCE     the sleeper's barrier empties nothing
 *   NOFRESH     without the fresh bit, a waker clears waiting under a sleeper
 *   NOEPOCH     a wake leaves the word as it is: a sleeper on its way misses it
 *   NOTEST      no test between arming and sleeping
 *   NOREARM     who was asleep takes the word as it is for armed
 *   BLINDCLEAR  waiting is cleared by a store instead of a compare-and-swap
 *
 * Check: -DSLEEPERS=2 -DWAKERS=2 -DITEMS=1 -DROUNDS=1 -DDEATHS=2
 * Check: -DSLEEPERS=2 -DWAKERS=1 -DITEMS=3 -DROUNDS=2 -DDEATHS=1
 * Check: -DSLEEPERS=2 -DWAKERS=2 -DITEMS=1 -DROUNDS=1 -DDEATHS=2 -DWAKERFENCE
 *
 * With WAKERFENCE the waker fences, and the sleeper's barrier is for itself only
 * (Segment.WakerFence).
 */

#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef WAKERS
#define WAKERS 2
#endif
#ifndef ITEMS
#define ITEMS 1		/* published by each waker */
#endif
#ifndef ROUNDS
#define ROUNDS 1	/* items wanted by each sleeper */
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define N (SLEEPERS + WAKERS)

#define waiting	1
#ifdef NOFRESH
#define fresh	0
#else
#define fresh	2
#endif
#ifdef NOEPOCH
#define epoch	0
#else
#define epoch	4
#endif

byte word;		/* the Event's */
byte items;		/* in memory, and not taken */
byte buffer[N];		/* items in the store buffer of a waker */
byte asleep;		/* in the kernel's queue */

#include "crash.h"

#define drain(p)	items = items + buffer[p]; buffer[p] = 0

/* Nothing moves but by a bound. */
#define still	((dead | over | asleep) == all && buffer[SLEEPERS] == 0 && buffer[N-1] == 0)

inline die() {
	death?_ ->
	dead = dead | bit(me);
	asleep = asleep & ~bit(me);
	drain(me)
}

proctype sleeper(byte me) {
	byte w, p, got;
	bool armed, leaving;
try:	{
	atomic {
		if
		:: items > 0 ->
			items--; got++; w = 0; armed = false; leaving = false;
			if
			:: got == ROUNDS -> goto leave
			:: else -> goto try
			fi
		:: items == 0 && leaving -> goto leave
		:: items == 0 && !leaving && armed -> goto sleep
		:: else
		fi
	};
	atomic {					/* fits */
		if
#ifdef NOREARM
		:: w -> w = word; armed = true; goto try
#else
		:: w && word == w -> armed = true; goto try
#endif
		:: else
		fi
	};
arm:	atomic {
		w = word;
		if
		:: w == (w | waiting | fresh) -> goto fence
		:: else
		fi
	};
	atomic {
		if
		:: word == w -> word = w | waiting | fresh; w = word
		:: else -> goto arm
		fi
	};
fence:	armed = true;
#if !defined(NOFENCE) && !defined(WAKERFENCE)
	p = SLEEPERS;
	do
	:: atomic { p < N -> drain(p); p++ }
	:: atomic { p == N -> p = 0; break }
	od;
#endif
#ifndef NOTEST
	goto try;
#endif
sleep:	atomic {
		armed = false;
		if
		:: word != w -> goto try		/* EAGAIN */
		:: else -> asleep = asleep | bit(me)
		fi
	};
	if
	:: atomic { !(asleep & bit(me)) -> goto try }		/* woken */
	:: atomic { asleep & bit(me) ->			/* the bound, or cancelled */
		assert(!(still && items > 0 && !dead));	/* lost */
		asleep = asleep & ~bit(me);
		if
		:: goto try
		:: leaving = true; goto try
		fi }
	fi;
leave:	atomic { over = over | bit(me); w = 0 }
	} unless { atomic { die(); w = 0; p = 0; got = 0; armed = false; leaving = false } };
end:	false
}

proctype waker(byte me) {
	byte w, n, done;
publish:
	{
	atomic {
		if
		:: buffer[me]++; done++; n = 1
		:: ITEMS - done > 1 -> n = ITEMS - done; buffer[me] = buffer[me] + n; done = ITEMS
		:: buffer[me]++; done++; n = N		/* Everybody */
		fi
#ifdef WAKERFENCE
		; drain(me)
#endif
	};
	atomic {					/* Waiting */
		if
		:: word & waiting
		:: else -> goto next
		fi
	};
notify:	atomic {
		w = word;
		if
		:: w & waiting
		:: else -> goto next
		fi
	};
	atomic {
		drain(me);
		if
		:: word == w -> w = (w & ~fresh) + epoch; word = w
		:: else -> goto notify
		fi
	};
	atomic {					/* futex.Wake: anybody asleep */
		do
		:: n > 0 && (asleep & bit(0)) -> asleep = asleep & ~bit(0); n--
#if SLEEPERS > 1
		:: n > 0 && (asleep & bit(1)) -> asleep = asleep & ~bit(1); n--
#endif
#if SLEEPERS > 2
		:: n > 0 && (asleep & bit(2)) -> asleep = asleep & ~bit(2); n--
#endif
		:: else -> break
		od;
		if
		:: n == 0 -> goto next
		:: else
		fi
	};
	atomic {
#ifdef BLINDCLEAR
		word = word & ~waiting
#else
		if
		:: word == w -> word = w & ~waiting
		:: else
		fi
#endif
	};
next:	atomic {
		w = 0; n = 0;
		if
		:: done < ITEMS -> goto publish
		:: else -> over = over | bit(me)
		fi
	}
	} unless { atomic { die(); w = 0; n = 0; done = 0 } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
	end:	do
	:: atomic { buffer[SLEEPERS] > 0 -> buffer[SLEEPERS]--; items++ }
#if WAKERS > 1
	:: atomic { buffer[N-1] > 0 -> buffer[N-1]--; items++ }
#endif
	od
}

active proctype invariant2() {
end:	atomic { asleep && !(word & waiting) -> assert(false) }
}

init {
	byte p;
	atomic {
		do
		:: p < SLEEPERS -> run sleeper(p); p++
		:: p >= SLEEPERS && p < N -> run waker(p); p++
		:: else -> p = 0; break
		od
	}
}
