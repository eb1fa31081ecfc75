/*
 * The Barrier: shm/barrierstate.go. N processes of one party each pass it ROUNDS times. Any
 * of them may die at any step, and process 0 may be cancelled, with CANCELS.
 *
 * Steps are named by the functions that they are of. The lock is ownerlock.Lock as lock.pml
 * proves it: whoever asks for it gets it, from a dead owner too. All changes of the word are
 * compare-and-swaps, and those of the lines are ordered by the lock, so no store is buffered.
 *
 * (There are no more processes than parties. So nobody arrives in a phase that only waits for
 * somebody to end it.) A process is a party from the beginning, as after a phase in which all have met, and what
 * it does in order of rounds is: arrive, wait. The word is `phase` and `broke`, which go on
 * without a bound here. `come` are the lines: who has arrived in the present phase; `places`
 * who is a party, and `gone` the places of the dead.
 *
 * Check: -DN=3 -DROUNDS=2 -DDEATHS=1
 * Check: -DN=3 -DROUNDS=2 -DDEATHS=2 -DGOON
 * Check: -DN=3 -DROUNDS=1 -DDEATHS=1 -DCANCELS
 *
 * Properties (Invariants of shm/barrierstate.go)
 *   2  a phase has one leader at most, and exactly one if nobody dies: `leads`
 *   3  a phase ends only when all have arrived who are alive, and were alive at its end;
 *      without GOON, all parties have: at `ended`
 *   4  nobody waits on the dead, and no wake-up is lost: slept in event.h; who is let go by
 *      the end of a phase, and who by a break, agree, unless a later phase broke: `ends`
 *
 * Mutations that must fail
 *   NOATTEND    who waits does not end a phase that nobody has ended (4)
 *   NOLOOK      who waits does not look for the dead (4)
 *   NOPROBE     it takes the living for dead, with GOON (3)  -DN=3 -DROUNDS=1 -DDEATHS=1 -DGOON
 *   NOWAKE      who ends a phase wakes nobody (4)
 *   WAKEONE     it wakes one (4)
 *   BREAKSILENT -DN=3 -DROUNDS=1 -DDEATHS=0 -DCANCELS  who breaks a phase wakes nobody (4)
 *   BLINDBREAK  -DN=3 -DROUNDS=1 -DDEATHS=0 -DCANCELS  who breaks it stores, and does not look whether it has ended (4)
 *   UNLOCKED    arrivals take no lock, and each counts for itself (2, 4)
 *   KEEPCOME    -DN=3 -DROUNDS=2 -DDEATHS=0  the end of a phase leaves those who came in it (3)
 */

#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#define drain(p)	skip
#define buffered(p)	false
#define drained		true
#define died(p)		if :: holder == (p) + 1 -> holder = 0 :: else fi

byte holder;			/* of the lock, as an id; a dead one's is free */

#include "event.h"

byte phase, broke;		/* broke: 1 more than the last phase that broke */
byte come, places = all, gone;
byte here;			/* who has arrived in this phase, whatever the lines say */
byte leads;			/* phases whose leader is known, as bits */
byte ended;			/* phases that have ended, as bits */

#define broken		(broke == phase + 1)
#define isOver(p)	(phase != p || broken)

#define arrivals	((come & 1) + ((come >> 1) & 1) + ((come >> 2) & 1))
#define count(m)	(((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#ifdef GOON
#define want		(count(places) > N - count(gone) -> count(places) : N - count(gone))
#else
#define want		N
#endif

inline lock() {
#ifndef UNLOCKED
	atomic { holder == 0 -> holder = me + 1 }
#else
	skip
#endif
}

inline unlock() {
#ifndef UNLOCKED
	atomic { assert(holder == me + 1); holder = 0 }
#else
	skip
#endif
}

inline wakeAll() {
#ifdef NOWAKE
	skip
#else
	atomic {
		if
#ifdef WAKEONE
		:: waiting(all) -> w = 1
#else
		:: waiting(all) -> w = N
#endif
		:: else
		fi
	};
	if
	:: w > 0 -> notify(all, w)
	:: else
	fi
#endif
}

/* What must be true at the end of a phase: who has not come is dead, and only with GOON. */
#ifdef GOON
#define rightly		assert((all & ~here & ~dead) == 0 && !(ended & bit(phase)))
#else
#define rightly		assert(here == all && !(ended & bit(phase)))
#endif

#define agreed		assert(!(ended & bit(broke - 1)))	/* no phase has ended and is broken */

/* endPhase, end in Go, sums up the lines under the lock, and then changes the word. */
inline endPhase() {
	atomic { enough = (arrivals >= want && arrivals > 0 && !broken) };
	atomic {
		if
		:: enough && !broken ->
			rightly;
			ended = ended | bit(phase);
			phase++; leader = true; here = 0; came;
#ifndef KEEPCOME
			come = 0
#endif
		:: else
		fi;
		enough = false
	}
}

proctype process(byte me) {
	byte w, mine, rounds;
	bool tested, look, leader, enough, leaving, changed;
begin:	{
	lock();
	atomic { mine = phase; leader = false; changed = false; tested = false; look = DEATHS > 0 };
	if
	:: broken -> goto give
	:: else
	fi;
	atomic { come = come | bit(me); here = here | bit(me); came };
	endPhase();
give:	unlock();
	if
	:: leader || changed -> wakeAll()
	:: else
	fi;

try:	atomic {
		if
		:: isOver(mine) -> disarm; tested = false; goto out
		:: else
		fi;
		if
		:: leaving -> disarm; tested = false; goto cancel
		:: !leaving && tested && look -> goto stalled
		:: !leaving && tested && !look -> tested = false; goto sleep
		:: !leaving && !tested -> arm; tested = true; goto try
		fi
	};
stalled:
	atomic { look = false };
#ifdef NOATTEND
	goto try;
#endif
	lock();
	if
	:: isOver(mine) -> unlock(); goto try
	:: else
	fi;
	endPhase();
	if
	:: leader -> goto give
	:: else
	fi;
#ifndef NOLOOK
#ifdef GOON
#ifdef NOPROBE
	atomic { gone = gone | (places & ~bit(me)); come = come & bit(me); places = places & bit(me) };
#else
	do	/* one line after the other */
	:: atomic { (places & dead & 1) -> gone = gone | 1; places = places & ~1; come = come & ~1 }
	:: atomic { (places & dead & 2) -> gone = gone | 2; places = places & ~2; come = come & ~2 }
	:: atomic { (places & dead & 4) -> gone = gone | 4; places = places & ~4; come = come & ~4 }
	:: atomic { (places & dead) == 0 -> break }
	od;
#endif
	endPhase();
	if
	:: leader -> goto give
	:: else
	fi;
#else
	atomic {
		if
		:: (places & dead) && !broken && phase == mine -> broke = phase + 1; changed = true; came
		:: else
		fi
	};
	if
	:: changed -> goto give
	:: else
	fi;
#endif
#endif
	unlock();
	goto try;
sleep:	gotoSleep();
	slept();
	atomic {
		look = DEATHS > 0;
#ifdef CANCELS
		if
		:: true
		:: me == 0 -> leaving = true
		fi
#endif
	};
	goto try;

cancel:	atomic {
		leaving = false;
		if
#ifdef BLINDBREAK
		:: true -> broke = mine + 1; changed = true; came
#else
		:: phase == mine && !broken -> broke = phase + 1; changed = true; came
		:: else -> goto out
#endif
		fi
	};
#ifndef BREAKSILENT
	wakeAll();
#endif
	goto done;

out:	atomic {
		if
		:: broke > mine -> agreed; goto done	/* ErrBroken: there is no Reset here */
		:: else
		fi;
		assert(ended & bit(mine));
		if
		:: leader -> assert(!(leads & bit(mine))); leads = leads | bit(mine)
		:: else
		fi
	};
	atomic {
		rounds++; w = 0; leader = false; changed = false; tested = false; disarm;
		if
		:: rounds < ROUNDS -> goto begin
		:: else
		fi
	};
done:	atomic {
		w = 0; leader = false; changed = false; tested = false; mine = 0;
		/* in the end, each phase that has ended has had its leader, but for a dead one's */
		if
		:: (over | bit(me)) == all && !broke -> assert(leads == ended)
		:: else
		fi
	};
	finish
	} unless { atomic { die(); w = 0; mine = 0; rounds = 0; tested = false; look = false; leader = false;
		enough = false; leaving = false; changed = false } };
end:	false
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
