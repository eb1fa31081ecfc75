/*
 * Who has a role: the holds of internal/segment/hold.go.
 *
 * N attachments claim a hold ROUNDS times each, and drop it, or keep it. Each of them
 * closes its Segment at any time, from another thread. An observer asks whether the hold
 * was abandoned. An attachment may die anywhere, with all of its threads.
 *
 * Steps                                            Go
 *   claim    claims, load, probe, compare-and-     (*Segment).Claim
 *            swap, load of closed, compare-and-
 *            swap
 *   drop     compare-and-swap                      (*Segment).Drop
 *   close    store of closed; load of claims,      (*Segment).Close, (*Hold).leave,
 *            load, compare-and-swap; sever;        (*resources).detach
 *            unlock
 *   ask      load, probe, load                     (*Segment).Abandoned
 *
 * All of these are sequentially consistent. A thread whose memory is severed goes no
 * further; where it cannot be, Close waits for it instead, which is not modelled. One
 * thread of an attachment claims at a time.
 *
 * Properties (Invariants of hold.go)
 *   1  the living never hold it twice: `holder`, in claim; who does not get it is kept out
 *      by a holder that was alive
 *   2  who has closed does not look as if it had died: close
 *   3  a death shows as long as nobody has succeeded, and no longer: `owed`, in watch; ask
 *
 * Mutations that must fail
 *   NOPROBE      a claimant does not ask whether the holder is dead (1)
 *   STORECLAIM   it takes the hold by a store instead of a compare-and-swap (1)
 *   ATONCE       it is held at once, without having been new (2)
 *   NOCLOSED     it does not look whether its Segment is closed (2)
 *   STOREHELD    it becomes held by a store (2)
 *   LATECLAIMS   it counts its claim only when it has the hold (2)
 *   NOHEIR       it does not mark itself as an heir (3)
 *   STORELEFT    Close marks the word by a store (1)
 *   LEAVEFIRST   Close marks the word before it sets closed (2)
 *   UNLOCKFIRST  Close unlocks before it marks the word (2)
 *   DISINHERIT   Close does not keep the mark of an heir (3)
 *   LOOKONCE     Abandoned does not look again after its probe (3)
 *
 * Check: -DN=2 -DROUNDS=1 -DDEATHS=2
 * Check: -DN=2 -DROUNDS=2 -DDEATHS=1
 */

#ifndef N
#define N 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

#include "crash.h"

byte word;			/* the hold's: an id, and marks */
#define NEW	8
#define HEIR	16
#define LEFT	32
#define idOf(w)	((w) & 7)

byte closed;			/* sets of attachments */
byte severed;
byte unlocked;
byte claims[N];

byte holder;			/* an id, for the properties: it has not dropped the hold */
bool owed;			/* the last who was held has died, and has no successor */

#define id		(me + 1)
#define has(set)	((set) & bit(me))
#define gone(i)		((dead | unlocked) & bit((i) - 1))
#define alive(w)	((w) != 0 && (idOf(w) == id || !gone(idOf(w))))
#define orphaned(w)	((w) != 0 && (((w) & (NEW | HEIR | LEFT)) == 0 || ((w) & HEIR)))

/* die is the death of an attachment by way of one of its threads, or another has
 * brought this one to its end. */
inline die(end) {
	if
	:: death?_ ->
		dead = dead | bit(me);
		claims[me] = 0;
		owed = owed || word == id
	:: has(end)
	fi
}

proctype claimant(byte me) {
	byte w, c, rounds;
claim:	{
	atomic {
		if
		:: rounds == ROUNDS -> goto leave
		:: else -> rounds++
		fi;
#ifndef LATECLAIMS
		claims[me]++
#endif
	};
load:	w = word;
	atomic {
#ifndef NOPROBE
		if
		:: alive(w) -> w = 0;
#ifndef LATECLAIMS
			claims[me]--;
#endif
			goto claim
		:: else
		fi;
#endif
		c = id | NEW;
#ifndef NOHEIR
		if
		:: orphaned(w) -> c = c | HEIR
		:: else
		fi;
#endif
#ifdef ATONCE
		c = id
#endif
	};
	atomic {
#ifndef STORECLAIM
		if
		:: word != w -> w = 0; c = 0; goto load
		:: else
		fi;
#endif
		assert(holder == 0 || gone(holder));
		word = c; holder = id; w = 0;
#ifdef ATONCE
		owed = false; c = 0; goto held
#endif
	};
#ifndef NOCLOSED
	atomic {
		if
		:: has(closed) -> c = 0; goto held
		:: else
		fi
	};
#endif
	atomic {
		if
#ifdef STOREHELD
		:: true
#else
		:: word == c
#endif
			-> word = id; owed = false
		:: else
		fi;
		c = 0
	};
held:
#ifdef LATECLAIMS
	claims[me]++;
#endif
	if
	:: goto leave
	:: atomic {			/* Drop */
		if
		:: word == id -> word = 0; holder = 0
		:: else -> goto leave
		fi
	   };
	   atomic { claims[me]--; goto claim }
	fi;
leave:	atomic { w = 0; c = 0; rounds = 0 }
	} unless { atomic { die(dead | severed); w = 0; c = 0; rounds = 0 } };
end:	false
}

proctype closer(byte me) {
	byte w;
	{
#ifdef LEAVEFIRST
	goto leave;
set:
#endif
	closed = closed | bit(me);
#ifdef LEAVEFIRST
	goto sever;
#endif
#ifdef UNLOCKFIRST
	atomic { assert(word != id); unlocked = unlocked | bit(me) };
#endif
leave:	if
	:: claims[me] == 0 -> goto left
	:: else
	fi;
	w = word;
	atomic {
		if
		:: idOf(w) != id || (w & LEFT) -> w = 0; goto left
		:: else
		fi
	};
	atomic {
#ifndef STORELEFT
		if
		:: word != w -> w = 0; goto leave
		:: else
		fi;
#endif
		w = (w & ~NEW) | LEFT;
#ifdef DISINHERIT
		w = w & ~HEIR;
#endif
		word = w; w = 0
	};
left:
#ifdef LEAVEFIRST
	goto set;
sever:
#endif
	severed = severed | bit(me);
	atomic {
		assert(word != id);
		unlocked = unlocked | bit(me);
		claims[me] = 0
	};
	atomic { over = over | bit(me) }
	} unless { atomic { die(dead); w = 0 } };
end:	false
}

active proctype observer() {
	byte w;
#ifdef LOOKONCE
	bool seen;		/* since the load */
#endif
#define me	N	/* none of them */
watch:	atomic {
		assert(holder == idOf(word));
		if
		:: word == 0 -> assert(!owed)
		:: word != 0 && gone(idOf(word)) -> assert(orphaned(word) == owed)
		:: else -> assert(((word & HEIR) != 0) == owed)
		fi;
#ifdef LOOKONCE
		seen = owed;
#endif
		w = word
	};
	if
	:: atomic { !orphaned(w) || alive(w) -> w = 0 }; goto watch
	:: atomic { orphaned(w) && !alive(w) ->
#ifdef LOOKONCE
		seen = seen || owed
#else
		skip
#endif
	   }
	fi;
	atomic {
		assert(word != w || owed);
#ifdef LOOKONCE
		assert(seen || owed);
		seen = false;
#endif
		w = 0
	};
	goto watch
#undef me
}

init {
	byte p;
	atomic {
		do
		:: p < N -> run claimant(p); run closer(p); p++
		:: p == N -> p = 0; break
		od
	}
}
