/*
 * The Barrier: shm/barrierstate.go. N processes wait for each other ROUNDS times each, as
 * PARTIES parties. Any of them may die at any step. Process 0 may be cancelled, with CANCELS.
 * With ABORTS, whoever is at its end calls Abort; who is told that a phase was broken calls
 * Reset, as long as there are RESETS left, and comes again.
 *
 * Steps are named by the functions that they are of. The lock is ownerlock.Lock as lock.pml
 * proves it: whoever asks for it gets it, from a dead owner too. All changes of the word are
 * compare-and-swaps, and those of the lines are ordered by the lock, so no store is buffered.
 *
 * A process is a party from the beginning, as after a phase in which all have met. The word
 * is `phase` and `broken`. `even` and `odd` are what has come in the lines; `places` is who is
 * a party, and `gone` the places of the dead.
 *
 * Check: -DN=3 -DROUNDS=2 -DDEATHS=1
 * Check: -DN=3 -DROUNDS=2 -DDEATHS=2 -DGOON
 * Check: -DN=3 -DROUNDS=1 -DDEATHS=1 -DCANCELS
 * Check: -DN=3 -DPARTIES=2 -DROUNDS=2 -DDEATHS=0 -DABORTS
 * Check: -DN=2 -DROUNDS=2 -DDEATHS=1 -DABORTS -DRESETS=2 -DCANCELS
 * Check: -DN=3 -DROUNDS=1 -DDEATHS=1 -DABORTS -DRESETS=1 -DCANCELS
 *
 * Properties (Invariants of shm/barrierstate.go)
 *   2  a phase has one leader at most, and exactly one if nobody dies: `leads`
 *   3  who is let go was in a phase that has ended; who is told that it broke was not, unless
 *      a later phase was reset: at `out`
 *   4  a phase ends only when as many have come in it as have to: all parties, or, with GOON,
 *      all who are alive: `rightly`
 *   5  nobody waits on the dead, and no wake-up is lost: slept in event.h. But who has
 *      forgotten them in Reset, or those who have left, waits for others in their place.
 *   5  no death breaks a phase if all have come before it: `dies`
 *   6  who has no lock breaks a phase only if a party of it has died: at `glance`
 *   7  after Abort, the barrier is broken, until Reset: at `leave`
 *
 * Mutations that must fail
 *   NOATTEND    who waits does not end a phase that nobody has ended (5)
 *   NOLOOK      who waits does not look for the dead (5)
 *   NOPROBE     -DN=3 -DROUNDS=1 -DDEATHS=1 -DGOON  it takes the living for dead (4)
 *   NOWAKE      who ends a phase wakes nobody (5)
 *   WAKEONE     it wakes one (5)
 *   BREAKSILENT -DN=3 -DROUNDS=1 -DDEATHS=0 -DCANCELS  who breaks a phase wakes nobody (5)
 *   BLINDBREAK  -DN=3 -DROUNDS=1 -DDEATHS=0 -DCANCELS  who breaks it does not look whether it is over (3)
 *   UNLOCKED    arrivals take no lock, and each counts for itself (2, 5)
 *   NOFORGET    -DN=3 -DPARTIES=2 -DROUNDS=3 -DDEATHS=0 -DABORTS  what came two phases before counts (4)
 *   ABORTONCE   -DN=3 -DPARTIES=2 -DROUNDS=2 -DDEATHS=0 -DABORTS  Abort is lost if a phase ends meanwhile (7)
 *   LATEBEGUN   -DN=2 -DROUNDS=2 -DDEATHS=0 -DABORTS -DRESETS=1 -DCANCELS  Reset changes begun after the word (3)
 *   KEEPCOME    -DN=2 -DROUNDS=2 -DDEATHS=0 -DABORTS -DRESETS=2 -DCANCELS  Reset leaves what has come (4)
 *   LOSEPLACES  -DN=2 -DROUNDS=2 -DDEATHS=1 -DRESETS=1 -DCANCELS  Reset forgets the living (5)
 *   RASHGLANCE  -DN=3 -DROUNDS=1 -DDEATHS=1  who has no lock breaks a phase to which all have come (5)
 *   BLINDGLANCE -DN=3 -DROUNDS=1 -DDEATHS=1 -DRESETS=1  a break because of a death is of any phase (6)
 */

#ifndef N
#define N 3
#endif
#ifndef PARTIES
#define PARTIES N
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef RESETS
#define RESETS 0
#endif

#define count(m)	(((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#define drain(p)	skip
#define buffered(p)	false
#define drained		true
#define died(p)		if :: holder == (p) + 1 -> holder = 0 :: else fi; \
			if :: count(here) == PARTIES -> sealed = sealed | bit(phase) :: else fi
#define hopeless	forgotten

byte holder;			/* of the lock, as an id; a dead one's is free */
bool forgotten;			/* Reset has forgotten somebody dead, or the Abort of who has left */

#include "event.h"

byte phase, begun;
bool broken;
byte even, odd, places = all, gone;
byte here;			/* who has come in this phase, whatever the lines say */
byte leads;			/* phases whose leader is known, as bits */
byte ended;			/* phases that have ended, as bits */
byte sealed;			/* phases to which all had come before a death, as bits */
byte resets = RESETS;
byte left;			/* who is at its end, and does not come again */

#define owned		assert(holder == me + 1)
#define isOver(p)	(phase != p || broken)
#define come		(phase & 1 -> odd : even)

/* What must be true at the end of a phase: who has not come is dead, and only with GOON. */
#ifdef GOON
#define want		(count(places) > N - count(gone) -> count(places) : N - count(gone))
#define rightly		assert((all & ~here & ~dead) == 0 && !(ended & bit(phase)))
#else
#define want		PARTIES
#define rightly		assert(count(here) == PARTIES && !(ended & bit(phase)))
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
	atomic { owned; holder = 0 }
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

/* endPhase, end in Go, sums up the lines under the lock, forgets, and changes the word. */
inline endPhase() {
	atomic { enough = (count(come) >= want && count(come) > 0 && !broken) };
	if
	:: enough ->
#ifndef NOFORGET
		atomic {
			if
			:: phase & 1 -> even = 0
			:: else -> odd = 0
			fi
		};
#endif
		atomic {
			if
			:: !broken ->
				rightly;
				ended = ended | bit(phase);
				phase++; leader = true; here = 0; came
			:: else
			fi;
			enough = false
		}
	:: else
	fi
}

/* These are not come by in each search. */
#define itBroke		assert(!(ended & bit(mine)))
#define itMay		assert(!(ended & bit(mine)) || begun > mine + 1)
#define dies		assert((places & dead) && !(sealed & bit(mine)))

#define breaks		broken = true; changed = true; came

proctype process(byte me) {
	byte w, mine, rounds;
	bool tested, look, leader, enough, leaving, changed;
begin:	{
	lock();
	endPhase();	/* for one who has died, who would have been its leader */
	atomic {
		changed = leader; leader = false; mine = phase; tested = false; look = DEATHS > 0;
		if
		:: broken -> goto give
		:: else
		fi
	};
	atomic {	/* what came in the phase before is forgotten */
		if
		:: broken -> goto give
		:: !broken && (phase & 1) -> odd = odd | bit(me); even = even & ~bit(me)
		:: !broken && !(phase & 1) -> even = even | bit(me); odd = odd & ~bit(me)
		fi;
		places = places | bit(me); here = here | bit(me); came
	};
	endPhase();
give:	unlock();
	if
	:: leader || changed -> changed = false; wakeAll()
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
#ifndef UNLOCKED
	atomic {
		if
		:: holder == 0 -> holder = me + 1
		:: else -> goto glance
		fi
	};
#endif
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
	atomic { gone = gone | (places & ~bit(me)); even = even & bit(me); odd = odd & bit(me); places = places & bit(me) };
#else
	do	/* one line after the other */
	:: atomic { (places & dead & 1) -> gone = gone | 1; places = places & ~1; even = even & ~1; odd = odd & ~1 }
	:: atomic { (places & dead & 2) -> gone = gone | 2; places = places & ~2; even = even & ~2; odd = odd & ~2 }
	:: atomic { (places & dead & 4) -> gone = gone | 4; places = places & ~4; even = even & ~4; odd = odd & ~4 }
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
		:: (places & dead) && !isOver(mine) -> dies; breaks
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

glance:	/* somebody else has the lock: survey, complete, and then breakUp */
#ifndef GOON
	if
	:: (places & dead) == 0 -> goto try
	:: else
	fi;
#ifndef RASHGLANCE
	atomic { enough = (count(come) >= PARTIES) };
	if
	:: enough -> enough = false; goto try
	:: else
	fi;
#endif
	atomic {
		if
#ifdef BLINDGLANCE
		:: !broken ->
#else
		:: !isOver(mine) ->
#endif
			dies; breaks
		:: else -> goto try
		fi
	};
	atomic { changed = false };
	wakeAll();
#endif
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
		:: true -> itBroke; breaks
#else
		:: !isOver(mine) -> itBroke; breaks
		:: else -> goto out
#endif
		fi
	};
#ifndef BREAKSILENT
	wakeAll();
#endif
	goto lost;

out:	atomic {	/* broke, first the word, then begun */
		if
		:: leader -> assert(!(leads & bit(mine))); leads = leads | bit(mine); goto passed
		:: !leader && broken && phase == mine -> itBroke; goto lost
		:: else
		fi
	};
	atomic {
		if
		:: begun > mine -> itMay; goto lost
		:: else -> assert(ended & bit(mine))
		fi
	};
passed:	atomic {
		rounds++; w = 0; leader = false; changed = false; tested = false; disarm;
		if
		:: rounds < ROUNDS -> goto begin
		:: else -> goto done
		fi
	};

lost:	atomic {
		w = 0; changed = false; tested = false;
		if
		:: resets > 0 -> resets--
		:: else -> goto done
		fi
	};
#if RESETS > 0
	/* Reset */
	lock();
	atomic {
		if
		:: !broken -> broken = true; came
		:: else
		fi
	};
	wakeAll();
#ifndef KEEPCOME
	atomic { even = 0 };
	atomic { odd = 0 };
#endif
	atomic {
		forgotten = forgotten || (places & dead);
		gone = 0; places = places & ~dead
#ifdef LOSEPLACES
		; places = 0
#endif
	};
#ifndef LATEBEGUN
	atomic { begun = phase + 1 };
#endif
	atomic { phase++; broken = false; here = 0; came; forgotten = forgotten || left };
#ifdef LATEBEGUN
	atomic { begun = phase };
#endif
	unlock();
	wakeAll();
	goto begin;
#endif

done:	atomic { w = 0; leader = false; changed = false; tested = false; mine = 0 };
#ifdef ABORTS
again:	atomic {	/* breakNow */
		if
		:: broken -> left = left | bit(me); goto leave
		:: else -> mine = phase
		fi
	};
	atomic {
		if
		:: !isOver(mine) -> broken = true; left = left | bit(me); came
#ifdef ABORTONCE
		:: else
#else
		:: else -> goto again
#endif
		fi
	};
	wakeAll();
#endif
leave:
#if defined(ABORTS) && RESETS == 0
	assert(broken);
#endif
	atomic {
		mine = 0; left = left | bit(me);
		/* in the end, each phase that has ended has had its leader, but for a dead one's */
		if
		:: (over | bit(me)) == all -> assert(leads == ended)
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
