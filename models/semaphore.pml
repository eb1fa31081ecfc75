/*
 * Permits and their return: the semaphore of semaphore/state.go and repair.go,
 * without signalling.
 *
 * A semaphore of SIZE permits. Process 0 takes all, gives one back, keeps the rest
 * until nothing else moves, and gives that back. Process 1 takes one and gives it
 * back, process 2 all. Process 3 attaches after the death of process 0, in its
 * slot of the process table, and does as process 1. Anybody may die anywhere. With
 * HUNGER waiters become hungry when they like, as in lock.pml, and process 3 stays
 * away.
 *
 * Steps                                            Go
 *   enter    load, waits at busy; two stores       enter
 *   weighty  store                                 (*Semaphore).await
 *   change   load, compare-and-swap                (*state).take, give
 *   hold     load, store of the permits            side.held, end
 *   settle   release store of the word, into the   side.end
 *            store buffer
 *   busy     waits for the word to change, or      (*backoff).wait, takeOver
 *            for the death of the line's owner;
 *            load, probe and compare-and-swap of   lockRepair
 *            the repairer; probe again, loads      stuck
 *   wake     loads, Notify                         (*state).wake, choosy
 *   refused  armed, tests, sleep                   acquireSlow, (*wait.Queue).Await
 *   reclaim  load, sum, load, lockRepair, load     reclaim, anyDead
 *            and compare-and-swap
 *   repair   sum, store and fence, wake            repair
 *   sum      for each line two loads and a probe   heldByLiving
 *
 * There is no barrier here, but after a claim: a semaphore does without. A change
 * begins with a read-modify-write, and whoever finds one that is not settled waits at
 * busy, awake.
 *
 * The permits reach memory as soon as they are stored: others look at them only
 * inside a change, which begins with the settling store behind them in the buffer;
 * or in anyDead, which may err either way. So do the stores of enter and that of
 * unlockRepair: being late there is no more than being slow.
 *
 * Properties (Invariants of state.go)
 *   1  the living never hold more than SIZE: `has`, in change; a repair counts
 *      exactly what they hold: `has`, in add; and the permits of the dead come
 *      back: whoever wants all of them gets them in the end, since bounds do not
 *      pass in vain (slept in event.h)
 *   2  nobody else stores the word while a live process is inside a change: the
 *      asserts in drain and settle
 *   3  a process that died inside a change is taken over from: nobody waits at
 *      busy for good (no invalid end state); 4 likewise, outside a change
 *   5  process 3 begins with no permits, whatever process 0 left behind: `has`
 *   6  two repairs never meet: settle; the repairer's death leaves nobody at busy
 *   -  no wake-up is lost: slept in event.h; no deadlock
 *
 * Mutations that must fail
 *   NOTAKEOVER    nobody takes over a dead process's change (3)
 *   NOLOCK        repairs without the repairer's lock (6)
 *   OLDLOCK       a dead repairer keeps its lock (6)
 *   LOOKBEFORE    takeOver does not probe again once it has the lock (2)
 *   WORDFIRST     it does not look at the word after its probe: an owner that has
 *                 settled and then died is taken for one that died inside (2)
 *   ANYOWNER      it does not look whether the line is still that owner's (2)
 *   ENTERBUSY     enter does not wait while busy names its line: nobody is known to
 *                 have died inside any more (3)
 *   LATEZERO      enter zeroes the permits after it has stored its id (1)
 *   PERMITSFIRST  a repair loads a line's permits before its owner (1)
 *   NORECOMPUTE   taking over settles with the free permits that it found (1)
 *   EARLYSUM      a reclaimer sums up before its change begins (1)
 *   NORECLAIM     waiters do not look for the permits of the dead (4)
 *   NOWEIGHTY     -DDEATHS=0  a release wakes no more waiters than it has permits
 *   LOOKONCE      -DDEATHS=0  a release looks only before its wake who wants many:
 *                 one who comes in between may take the wake, and want more than
 *                 there is
 *   DROPSILENT    -DDEATHS=0 -DHUNGER  who ends a claim wakes nobody
 *
 * Memory: 1000 MB
 * Check: -DSIZE=2 -DDEATHS=2
 * Check: -DSIZE=2 -DDEATHS=1 -DHUNGER
 */

#ifndef SIZE
#define SIZE 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define N 4

#ifndef PAUSES
#define PAUSES 1
#endif

#define id		(me + 1)
#define slot(p)		((p) % 3)
#define inside		(slot(me) + 1)	/* this process in the word */

byte word = SIZE * 4;		/* free permits, and 2 bits of busy */
byte line[3];			/* the id of its owner */
byte permits[3];
byte repairer;
bool weighty;
byte foremost;			/* the id of the waiter that is first; the beat is not here */
byte pauses;			/* of claimants, so long that their claims went stale */

byte buffer[N];			/* 1 + a word that is not in memory yet */
byte wants[N];			/* permits to take or to give */
byte has[N];			/* permits, for the properties */
byte vain;			/* repairs since anybody took or gave any, or died */

#define busyOf(w)	((w) & 3)
#define barred		(foremost != 0)
#define freeOf(w)	((w) / 4)
#define deadLine(w)	isDead(line[busyOf(w) - 1] - 1)

#define buffered(p)	(buffer[p] > 0)
#define drain(p)	if \
			:: buffered(p) -> assert(busyOf(word) == slot(p) + 1); word = buffer[p] - 1; buffer[p] = 0 \
			:: else \
			fi
#define drained		(buffer[0] + buffer[1] + buffer[2] + buffer[3] == 0)
#define died(p)		has[p] = 0; vain = 0
#ifdef HUNGER
#define comes		false		/* whether process 3 does */
#else
#define comes		isDead(0)
#endif
#define resting		(comes -> 0 : bit(3))

#include "event.h"

#define othersStill	((dead | over | asleep | (resting) | bit(me)) == all && drained)

/* A process sees its own buffer. */
#define see		(buffered(me) -> buffer[me] - 1 : word)

/* add is the rest of the sum's step for line i. */
#ifdef PERMITSFIRST
#define read		permits[i]
#define add		if \
			:: n > 0 && !isDead(line[i] - 1) -> assert(!taking || n == has[line[i] - 1]); sum = sum + n \
			:: else \
			fi; n = 0; i++
#else
#define read		line[i]
#define add		if \
			:: permits[i] > 0 && !isDead(n - 1) -> assert(!taking || permits[i] == has[n - 1]); sum = sum + permits[i] \
			:: else \
			fi; n = 0; i++
#endif

/* drop ends a claim, and wakeBarred wakes those whom it has kept out. */
#define drop(c)		(c) -> drain(me); foremost = 0; came

inline wakeBarred() {
#ifdef DROPSILENT
	skip
#else
	if
	:: waiting(all) -> atomic { n = N }; notify(all, n)
	:: else
	fi
#endif
}

proctype process(byte me) {
	byte w, n, sum, i;
	bool giving, tested, look, taking;
#ifdef HUNGER
	bool hungry, first;
#endif
end0:	atomic { me != 3 || comes -> wants[me] = (me % 2 == 0 -> SIZE : 1) };
begin:	{
	look = true;
enter:	atomic {
		w = see;
		if
		:: line[slot(me)] == id -> goto change
#ifndef ENTERBUSY
		:: line[slot(me)] != id && busyOf(w) == inside -> goto busy
#endif
		:: else -> w = 0
		fi
	};
#ifdef LATEZERO
	line[slot(me)] = id;
	permits[slot(me)] = 0;
#else
	permits[slot(me)] = 0;
	line[slot(me)] = id;
#endif
change:	atomic {
		w = see;
		if
		:: busyOf(w) != 0 -> goto busy
		:: busyOf(w) == 0 && giving -> assert(wants[me] <= SIZE - freeOf(w))
		:: busyOf(w) == 0 && !giving && freeOf(w) < wants[me] -> w = 0; goto refused
		:: else
		fi
	};
#ifdef HUNGER
	atomic {
		if
		:: !giving && !first && foremost -> w = 0; goto refused
		:: else
		fi
	};
#endif
	atomic {
		drain(me);
		if
		:: word != w -> goto change
		:: word == w && !giving ->
			w = w - 4 * wants[me];
			has[me] = has[me] + wants[me];
			assert(has[0] + has[1] + has[2] + has[3] <= SIZE)
		:: word == w && giving ->
			w = w + 4 * wants[me];
			has[me] = has[me] - wants[me]
		fi;
		word = w | inside
	};
	atomic {		/* hold */
		assert(line[slot(me)] == id && (!giving || permits[slot(me)] >= wants[me]));
		permits[slot(me)] = (giving -> permits[slot(me)] - wants[me] : permits[slot(me)] + wants[me])
	};
	atomic {		/* settle */
		buffer[me] = w + 1;
		w = 0; tested = false; look = false; disarm; came; vain = 0;
		if
		:: giving -> n = wants[me]; goto wake
		:: !giving && me != 0 -> giving = true
		:: !giving && me == 0 -> giving = true; wants[me] = 1
		fi
#ifdef HUNGER
		; hungry = false;
		if
		:: drop(first && foremost == id); first = false
		:: else -> first = false; goto change
		fi
#else
		; goto change
#endif
	};
#ifdef HUNGER
	wakeBarred();
	goto change;
#endif
wake:	atomic {
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
#ifdef HUNGER
	n = (foremost -> N : n);
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
		assert(dead || freeOf(word) == 0 || barred || !(asleep & bit(1)));
		wants[me] = has[me];
		goto change }
	fi;

busy:	atomic {
		if
		:: busyOf(see) != busyOf(w) -> w = 0; goto enter
#ifndef NOTAKEOVER
		:: busyOf(w) > 0 && deadLine(w)
#endif
		fi
	};
#ifndef NOLOCK
	atomic {		/* lockRepair */
		if
		:: busyOf(see) != busyOf(w) -> w = 0; goto enter
#ifdef OLDLOCK
		:: repairer == 0
#else
		:: repairer == 0 || isDead(repairer - 1)
#endif
		fi;
		drain(me);
		repairer = id
	};
#endif
	atomic {		/* stuck again */
		w = see;
		if
		:: busyOf(w) == 0 -> w = 0; goto unlock
		:: else
		fi
	};
#ifndef LOOKBEFORE
	atomic {
		n = line[busyOf(w) - 1];
		if
		:: !isDead(n - 1) -> w = 0; n = 0; goto unlock
		:: else
		fi
	};
#ifndef WORDFIRST
	atomic {
		if
		:: busyOf(see) != busyOf(w) -> w = 0; n = 0; goto unlock
		:: else -> w = see
		fi
	};
#endif
#if !defined(WORDFIRST) && !defined(ANYOWNER)
	atomic {
		if
		:: line[busyOf(w) - 1] != n -> w = 0; n = 0; goto unlock
		:: else
		fi
	};
#endif
#endif
	atomic { n = 0; taking = true };
	goto repair;

refused:
	atomic {
#ifdef HUNGER
		if
		:: skip
		:: hungry && first && foremost && foremost != id -> first = false
		:: hungry && me > 0 && !foremost -> drain(me); foremost = id; first = true; goto claimed
		fi;
#endif
		if
		:: tested && look -> look = false; goto stalled
		:: tested && !look -> tested = false; goto sleep
		:: !tested && wants[me] > 1 && !weighty -> drain(me); weighty = true
		:: !tested && (wants[me] == 1 || weighty)
		fi
	};
	atomic { drain(me); tested = true; arm };
	goto change;
#ifdef HUNGER
claimed:
	barrier(n);
	goto change;
#endif
sleep:	gotoSleep();
	slept();
	goto begin;

stalled:
#ifdef HUNGER
	atomic {
		hungry = true;
		if
		:: drop(foremost && !isDead(foremost - 1) && pauses < PAUSES); pauses++
		:: drop(foremost && isDead(foremost - 1))
		:: !foremost || !isDead(foremost - 1) -> goto reclaim
		fi
	};
	wakeBarred();
reclaim:
#endif
#ifdef NORECLAIM
	goto change;
#endif
	atomic {
		w = see;
		if
		:: busyOf(w) != 0 -> w = 0; goto change
		:: else
		fi
	};
repair:	atomic {		/* sum */
		if
		:: i == 3 -> goto summed
		:: else
		fi;
		n = read;
		if
		:: i > 0 -> add; goto repair
		:: else
		fi
	};
	atomic { add; goto repair };
summed:	atomic {
		i = 0;
		if
		:: taking -> goto settle
		:: else
		fi;
		if			/* anyDead */
		:: word != w || freeOf(w) + sum == SIZE -> sum = 0; w = 0; goto change
		:: else -> w = 0
		fi
	};
#ifndef NOLOCK
	atomic {		/* lockRepair */
		if
#ifdef OLDLOCK
		:: repairer == 0
#else
		:: repairer == 0 || isDead(repairer - 1)
#endif
		:: else -> sum = 0; goto change
		fi;
		drain(me);
		repairer = id
	};
#endif
	atomic {
		drain(me);
		if
		:: busyOf(word) != 0 -> sum = 0; goto unlock
		:: else -> word = word | inside; w = word; taking = true
		fi
	};
#ifndef EARLYSUM
	sum = 0;
	goto repair;
#endif
settle:	atomic {
		assert(word == w && sum <= SIZE);
#ifdef NORECOMPUTE
		word = w & ~3;
#else
		word = 4 * (SIZE - sum);
#endif
		sum = 0; w = 0; taking = false;
		vain++; assert(vain <= N)
	};
	if
	:: waiting(all) -> n = N; notify(all, n)
	:: else
	fi;
unlock:	atomic { repairer = 0; goto enter };
leave:	finish
	} unless { atomic { die(); w = 0; n = 0; sum = 0; i = 0;
#ifdef HUNGER
		hungry = false; first = false;
#endif
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
		line[0] = 1; line[1] = 2; line[2] = 3;
		do
		:: p < N -> run process(p); p++
		:: else -> p = 0; break
		od
	}
}
