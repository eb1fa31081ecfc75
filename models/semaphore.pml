/*
 * Permits and their return: the semaphore of semaphore/state.go and repair.go,
 * without signalling, and without the urgent word (urgent.go), which is about
 * order only.
 *
 * A semaphore of SIZE permits. Process 0 takes all, gives one back, keeps the rest
 * until nothing else moves, and gives that back. Process 1 takes one and gives it
 * back, process 2 all. Process 3 attaches after the death of process 0, in its
 * slot of the process table, and does as process 1. Anybody may die anywhere.
 *
 * Steps                                            Go
 *   weighty  store                                 (*Semaphore).acquireSlow
 *   change   load, compare-and-swap                (*state).take, give
 *   hold     load, store of the held word          holding, take, give
 *   settle   release store of the word, into the   take, give
 *            store buffer
 *   busy     waits for the word to change, or      (*backoff).wait, takeOver
 *            takes over from the dead: load and
 *            probe, compare-and-swap
 *   wake     loads, Notify                         (*state).wake, choosy
 *   refused  armed, tests, sleep                   acquireSlow, (*wait.Event).Await
 *   reclaim  load, sum, load, compare-and-swap     reclaim, anyDead
 *   repair   sum, store and fence, wake            repair
 *   sum      for each slot a load and a probe      heldByLiving
 *
 * There is no barrier here: a semaphore does without. A change begins with a read-
 * modify-write, and whoever finds one that is not settled waits at busy, awake.
 *
 * The held word reaches memory as soon as it is stored: others look at it only
 * inside a change, which begins with the settling store behind it in the buffer;
 * or in anyDead, which may err either way.
 *
 * Properties (Invariants of state.go)
 *   1  the living never hold more than SIZE: `has`, in change; and the permits of
 *      the dead come back: whoever wants all of them gets them in the end, since
 *      bounds do not pass in vain (slept in event.h)
 *   2  nobody else stores the word while a live process is inside a change: the
 *      asserts in drain and settle
 *   3  a process that died inside a change is taken over from: nobody waits at
 *      busy for good (no invalid end state); 4 likewise, outside a change
 *   5  process 3 begins with no permits, whatever process 0 left behind: `has`
 *   -  no wake-up is lost: slept in event.h; no deadlock
 *
 * Mutations that must fail
 *   NOTAKEOVER    nobody takes over a dead process's change (3)
 *   STORETAKE     taking over is a store instead of compare-and-swap (2)
 *   NORECOMPUTE   taking over settles with the free permits that it found (1)
 *   EARLYSUM      a reclaimer sums up before its change begins (1)
 *   NOGENERATION  a held word counts whatever its generation is (5)
 *   NORECLAIM     waiters do not look for the permits of the dead (4)
 *   NOWEIGHTY     -DDEATHS=0  a release wakes no more waiters than it has permits
 *   LOOKONCE      -DDEATHS=0  a release looks only before its wake who wants many:
 *                 one who comes in between may take the wake, and want more than
 *                 there is
 *
 * Memory: 1000 MB
 * Check: -DSIZE=2 -DDEATHS=3
 */

#ifndef SIZE
#define SIZE 2
#endif
#ifndef DEATHS
#define DEATHS 3
#endif
#define N 4

#define id		(me + 1)
#define slot(p)		((p) % 3)

byte word = SIZE * 8;		/* free permits, and 3 bits of busy */
byte held[3];			/* for each slot: 3 bits of owner, and 2 of permits */
bool weighty;

byte buffer[N];			/* 1 + a word that is not in memory yet */
byte wants[N];			/* permits to take or to give */
byte has[N];			/* permits, for the properties */
byte vain;			/* repairs since anybody took or gave any, or died */

#define busyOf(w)	((w) & 7)
#define freeOf(w)	((w) / 8)
#define ownerOf(h)	((h) / 4)
#define permitsOf(h)	((h) & 3)

#define buffered(p)	(buffer[p] > 0)
#define drain(p)	if \
			:: buffered(p) -> assert(busyOf(word) == (p) + 1); word = buffer[p] - 1; buffer[p] = 0 \
			:: else \
			fi
#define drained		(buffer[0] + buffer[1] + buffer[2] + buffer[3] == 0)
#define died(p)		has[p] = 0; vain = 0
#define resting		(isDead(0) -> 0 : bit(3))

#include "event.h"

#define othersStill	((dead | over | asleep | (resting) | bit(me)) == all && drained)

/* A process sees its own buffer. */
#define see		(buffered(me) -> buffer[me] - 1 : word)

proctype process(byte me) {
	byte w, n, sum, i;
	bool giving, tested, look, taking;
end0:	atomic { me != 3 || isDead(0) -> wants[me] = (me % 2 == 0 -> SIZE : 1) };
begin:	{
	look = true;
change:	atomic {
		w = see;
		if
		:: busyOf(w) != 0 -> goto busy
		:: busyOf(w) == 0 && giving -> assert(wants[me] <= SIZE - freeOf(w))
		:: busyOf(w) == 0 && !giving && freeOf(w) < wants[me] -> w = 0; goto refused
		:: else
		fi
	};
	atomic {
		drain(me);
		if
		:: word != w -> goto change
		:: word == w && !giving ->
			w = w - 8 * wants[me];
			has[me] = has[me] + wants[me];
			assert(has[0] + has[1] + has[2] + has[3] <= SIZE)
		:: word == w && giving ->
			w = w + 8 * wants[me];
			has[me] = has[me] - wants[me]
		fi;
		word = w | id
	};
	atomic {		/* hold */
		n = held[slot(me)];
		if
#ifndef NOGENERATION
		:: ownerOf(n) != id -> n = 4 * id
#endif
		:: else -> n = 4 * id + permitsOf(n)
		fi;
		assert(!giving || permitsOf(n) >= wants[me]);
		held[slot(me)] = (giving -> n - wants[me] : n + wants[me]);
		n = 0
	};
	atomic {		/* settle */
		buffer[me] = w + 1;
		w = 0; tested = false; look = false; disarm; came; vain = 0;
		if
		:: giving -> n = wants[me]
		:: !giving && me != 0 -> giving = true; goto change
		:: !giving && me == 0 -> giving = true; wants[me] = 1; goto change
		fi
	};
	atomic {		/* wake */
		if
		:: waiting(all)
		:: else -> n = 0; goto given
		fi
	};
#ifndef NOWEIGHTY
	atomic {		/* choosy */
		if
		:: weighty -> n = N; i = 1
		:: else
		fi
	};
#endif
	notify(all, n);
#if !defined(NOWEIGHTY) && !defined(LOOKONCE)
	atomic {
		if
		:: i == 0 && weighty -> n = N
		:: else -> goto given
		fi
	};
	notify(all, n);
#endif
given:	i = 0;
	if
	:: has[me] == 0 -> goto leave
	:: atomic { has[me] > 0 && othersStill ->
		assert(dead || freeOf(word) == 0 || !(asleep & bit(1)));
		wants[me] = has[me];
		goto change }
	fi;

busy:	atomic {
		if
		:: busyOf(see) != busyOf(w) -> goto change
#ifndef NOTAKEOVER
		:: busyOf(see) == busyOf(w) && isDead(busyOf(w) - 1) -> w = see
#endif
		fi
	};
	atomic {
		drain(me);
		if
#ifndef STORETAKE
		:: word != w -> goto change
#endif
		:: else -> word = (w & ~7) | id; taking = true
		fi
	};
	goto repair;

refused:
	atomic {
		if
		:: tested && look -> look = false; goto reclaim
		:: tested && !look -> tested = false; goto sleep
		:: !tested && wants[me] > 1 && !weighty -> drain(me); weighty = true
		:: !tested && (wants[me] == 1 || weighty)
		fi
	};
	atomic { drain(me); tested = true; arm };
	goto change;
sleep:	gotoSleep();
	slept();
	goto begin;

reclaim:
#ifdef NORECLAIM
	goto change;
#endif
	atomic {
		w = see;
		if
		:: busyOf(w) != 0 -> goto change
		:: else
		fi
	};
repair:	atomic {		/* sum */
		if
		:: i == 3 -> goto summed
		:: else ->
			if
			:: permitsOf(held[i]) > 0 && !isDead(ownerOf(held[i]) - 1) -> sum = sum + permitsOf(held[i])
			:: else
			fi;
			i++; goto repair
		fi
	};
summed:	atomic {
		i = 0;
		if
		:: taking -> goto settle
		:: else
		fi;
		if			/* anyDead */
		:: word != w || freeOf(w) + sum == SIZE -> sum = 0; w = 0; goto change
		:: else
		fi
	};
	atomic {
		drain(me);
		if
		:: word != w -> sum = 0; w = 0; goto change
		:: else -> word = w | id; taking = true
		fi
	};
#ifndef EARLYSUM
	sum = 0;
	goto repair;
#endif
settle:	atomic {
		assert(busyOf(word) == id && sum <= SIZE);
#ifdef NORECOMPUTE
		word = w & ~7;
#else
		word = 8 * (SIZE - sum);
#endif
		sum = 0; w = 0; taking = false;
		vain++; assert(vain <= N)
	};
	if
	:: waiting(all) -> n = N; notify(all, n)
	:: else
	fi;
	goto change;
leave:	finish
	} unless { atomic { die(); w = 0; n = 0; sum = 0; i = 0;
		giving = false; tested = false; look = false; taking = false } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
end:	do
	:: atomic { buffered(0) -> drain(0) }
	:: atomic { buffered(1) -> drain(1) }
	:: atomic { buffered(2) -> drain(2) }
	:: atomic { buffered(3) -> drain(3) }
	od
}

init {
	byte p;
	atomic {
		do
		:: p < N -> run process(p); p++
		:: else -> p = 0; break
		od
	}
}
