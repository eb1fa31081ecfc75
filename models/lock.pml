/*
 * Mutual exclusion with takeover: Lock of internal/ownerlock/lock.go, what Lock of
 * shm/lock.go makes of it, and the Queue of internal/wait/queue.go that it waits in.
 *
 * N processes lock and unlock ROUNDS times, each by Lock, TryLock or a
 * LockContext that may be cancelled. Waiters become hungry when they like. Anybody
 * may die anywhere; whoever holds the lock for long is the paused one, and so is
 * whoever is taken for one whose claim stands still, PAUSES times.
 *
 * Steps                                         Go (internal/ownerlock/lock.go)
 *   try       load, load of the priority word,  take, TryFree
 *             compare-and-swap
 *   failed    hungry, or lost its claim         (*claim).apply
 *   wait      arming, tests, sleep, bound       Await, wait.sleep
 *   stalled   probe, compare-and-swap, wake     (*wait.Queue).DropStale; MakeWay
 *   freeDead  load, probe, compare-and-swap     freeDead
 *   served    compare-and-swap, wake            (*claim).end
 *   inside    OwnerDied, MarkConsistent         OwnerDied, MarkConsistent
 *   unlock    release store into the store      GiveUp, Unlock
 *             buffer; load of the Event's word
 *             and of the priority word, wake    (*wait.Words).Wake
 *   barrier   empties every buffer              Fence.Barrier, membarrier(2)
 *
 * The priority word is here without its beat, which only says how long a claim has
 * stood: here that is anybody's guess. And it is here without the next, and with one
 * Event for all: who wakes while somebody is first wakes everybody, and those who are
 * not first are refused. (In the Queue they are not woken, since they sleep behind.)
 *
 * Check: -DN=3 -DROUNDS=1 -DDEATHS=2
 * Check: -DN=2 -DROUNDS=3 -DDEATHS=1
 *
 * All other changes of the word are read-modify-writes. Where wakers run a fence
 * of their own, unlock runs one after its store, which leaves its buffer at once.
 *
 * Properties (Invariants of ownerlock/lock.go)
 *   1  one live process inside at most (mutual exclusion): `owner` in try
 *   2  died is reported exactly while an owner has died inside and nobody has
 *      declared the data consistent: `dirty`; nobody waits on the dead, and no
 *      wake-up is lost: slept in event.h; no deadlock
 *   3  a live owner is never robbed: `owner` again
 *   4  under one claim each of the others takes the lock once at most: `passed`
 * and of queue.go
 *   1, 3  whatever becomes of a claim, no wake-up is lost: slept in event.h
 *
 * Mutations that must fail
 *   STOREFREE   freeDead stores instead of compare-and-swap: a late one frees the
 *               lock of a live owner (1)
 *   NOPROBE     freeDead does not ask whether the owner is dead (3)
 *   DROPDIED    take forgets the died bit (2)
 *   NOFREE      waiters do not look for the dead (2)
 *   NOWAKE      unlock wakes nobody (2)
 *   NOFENCE     no barrier empties any buffer (lost wake-up)
 *   NOBAR       -DN=2 -DROUNDS=3  take does not look at the priority word (4)
 *   WAKEONE     unlock does not, and wakes one who may be barred (lost wake-up)
 *   DROPSILENT  who ends a claim wakes nobody (lost wake-up)
 *   NOSTALE     nobody ends the claim of a dead waiter (2)
 *   BLINDCLAIM  who makes itself first does not look again (lost wake-up)
 *   BLINDAGAIN  it does not if its claim was only taken from it (lost wake-up)
 *   BARECLAIM   it looks without a barrier (lost wake-up)
 */

#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

#ifndef PAUSES
#define PAUSES 1
#endif

#define DIED	8		/* the died bit of the word; the id of p is p+1 */
#define id	(me + 1)
#define ownerOf(w)	((w) & 7)

byte word;
byte foremost;			/* the id of the waiter that is first; the beat is not here */
byte pauses;			/* of claimants, so long that their claims went stale */
byte passed;			/* who has taken the lock under the claim that stands */

byte owner;			/* who is inside, as an id, for the properties */
bool dirty;			/* an owner has died inside, and the data may be broken */

byte buffer[3];			/* 1 + a word that is not in memory yet */

#define buffered(p)	(buffer[p] > 0)
#define drain(p)	if \
			:: buffered(p) -> assert(ownerOf(word) == (p) + 1); word = buffer[p] - 1; buffer[p] = 0 \
			:: else \
			fi
#define drained		(buffer[0] + buffer[1] + buffer[2] == 0)
#define died(p)		if :: owner == p + 1 -> owner = 0; dirty = true :: else fi

#include "event.h"

/* A process sees its own buffer. */
#define see		(buffered(me) -> buffer[me] - 1 : word)

#define LOCK	0
#define HUNGRY	1		/* Lock, once it has been stalled */
#define CANCEL	2		/* LockContext, once its context has ended */
#define TRY	3		/* TryLock, before and after its makeWay */
#define LAST	4

/* drop ends a claim, and wakeBarred wakes those whom it has kept out. */
#define drop(c)		(c) -> drain(me); foremost = 0; passed = 0; came

inline wakeBarred() {
#ifdef DROPSILENT
	skip
#else
	if
	:: waiting(all) -> atomic { w = N }; notify(all, w)
	:: else
	fi
#endif
}

proctype process(byte me) {
	byte w, p, rounds, how;
	bool tested, look, first;
begin:	{
	atomic {
		if
		:: how = LOCK; look = true
		:: me == 0 -> how = TRY
		fi
	};
try:	atomic {
		w = see;
		if
		:: ownerOf(w) != 0 -> goto failed
		:: else
		fi
	};
#ifndef NOBAR
	atomic {
		if
		:: !first && foremost -> goto failed
		:: else
		fi
	};
#endif
	atomic {
		drain(me);
		if
		:: word == w ->
#ifdef DROPDIED
			word = id;
#else
			word = w | id;
#endif
			assert(owner == 0);
			if
			:: foremost && foremost != id ->
				assert(!(passed & bit(me)));
				passed = passed | bit(me)
			:: else
			fi;
			owner = id; came;
			w = 0; tested = false; look = false;
			goto served
		:: else -> goto failed
		fi
	};
failed:	atomic {
		w = 0;
		if
		:: how == TRY -> goto stalled
		:: how == LAST || how == CANCEL -> tested = false; look = false; came; goto served
		:: how == LOCK -> goto wait
		:: how == HUNGRY -> goto wait
		:: how == HUNGRY && first && foremost && foremost != id -> first = false; goto wait
		:: how == HUNGRY && me > 0 && !foremost ->
			drain(me);
			foremost = id; passed = 0;
#ifdef BLINDAGAIN
			if
			:: first -> goto wait
			:: else
			fi;
#endif
			first = true
#ifdef BLINDCLAIM
			; goto wait
#endif
		fi
	};
#ifndef BARECLAIM
	barrier(p);
#endif
	goto try;
wait:	atomic {
		if
		:: tested && look -> goto stalled
		:: tested && !look -> tested = false; goto sleep
		:: !tested -> drain(me); arm; tested = true
		fi
	};
	barrier(p);
	goto try;
stalled:
	atomic {
		look = false;
		if
		:: how == TRY -> how = LAST
		:: how == LOCK -> how = HUNGRY
		:: else
		fi;
		if
		:: drop(foremost && !isDead(foremost - 1) && pauses < PAUSES); pauses++
#ifndef NOSTALE
		:: drop(foremost && isDead(foremost - 1))
#endif
		:: !foremost || !isDead(foremost - 1) -> goto freeDead
#ifdef NOSTALE
		:: else -> goto freeDead
#endif
		fi
	};
	wakeBarred();
freeDead:
	atomic {
#ifdef NOFREE
		goto try;
#endif
		w = see;
		if
		:: ownerOf(w) == 0 -> goto try
		:: else
		fi
	};
#ifndef NOPROBE
	atomic {
		if
		:: isDead(ownerOf(w) - 1)
		:: else -> goto try
		fi
	};
#endif
	atomic {
		drain(me);
#ifndef STOREFREE
		if
		:: word != w -> goto try
		:: else
		fi;
#endif
		word = DIED;
		goto try
	};
sleep:	gotoSleep();
	slept();
	atomic {
		look = true;
		if
		:: skip
		:: me == 1 -> how = CANCEL
		fi;
		goto try
	};

served:	atomic {		/* (*claim).end */
		if
		:: drop(first && foremost == id)
		:: else -> first = false; goto ended
		fi;
		first = false
	};
	wakeBarred();
ended:	if
	:: owner == id
	:: else -> goto done
	fi;
	atomic {
		assert(ownerOf(word) == id);
		assert(dirty == ((word & DIED) != 0))
	};
	if
	:: skip
	:: atomic {		/* markConsistent */
		true;
		if
		:: word == (id | DIED) -> word = id; dirty = false
		:: else -> assert(word == id)
		fi }
	fi;
	atomic {		/* unlock */
		assert(ownerOf(word) == id);
		buffer[me] = (word & DIED) + 1; owner = 0
	};
#ifndef NOWAKE
	if
	:: waiting(all)
	:: else -> goto done
	fi;
	atomic {		/* Wake */
		w = 1;
#ifndef WAKEONE
		if
		:: foremost -> w = N
		:: else
		fi
#endif
	};
	notify(all, w);
#endif
done:	atomic {
		how = LOCK; disarm;
		rounds++;
		if
		:: rounds < ROUNDS -> goto begin
		:: else
		fi
	};
	finish
	} unless { atomic { die(); w = 0; p = 0; rounds = 0; how = 0; tested = false; look = false; first = false } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
end:	do
	:: atomic { buffered(0) -> drain(0) }
	:: atomic { buffered(1) -> drain(1) }
	:: atomic { buffered(2) -> drain(2) }
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
