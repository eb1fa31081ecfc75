/*
 * The RWLock: shm/rwlockstate.go. Processes take it for reading and for writing, and
 * any of them may die at any step.
 *
 * Steps are named by the functions that they are of. Where the processors matter:
 *
 *   buffer    the stores of Unlock that are not in memory yet, which leave it in order
 *   barrier   empties every buffer              Fence.Barrier, membarrier(2)
 *
 * All other changes are read-modify-writes, which empty the buffer of their processor
 * first. The Queue of the writers (lock.pml) is an Event here.
 *
 * Process 0 writes, ROUNDS times, process 2 reads, and process 1 does either, and may be
 * cancelled. A process is one reader or writer at a time, so its line says of one reader where it
 * is. Phases count to 4.
 *
 * Check: -DN=3 -DROUNDS=1 -DDEATHS=1
 * Check: -DN=3 -DROUNDS=2 -DDEATHS=0
 *
 * Properties (Invariants of shm/rwlockstate.go)
 *   1  a live writer is alone inside: `inside` and `within`
 *   2  the phase is p or p+1 while somebody is queued for p: at enter
 *   3  one writer at most gets inside between a reader's queueing and its getting the
 *      lock, unless somebody dies: `passed`
 *   4, 5  nobody waits on the dead: slept in event.h; a death inside is reported exactly
 *      until somebody has declared the data consistent, and no other: `dirty`
 *   6  no wake-up is lost: slept in event.h
 *
 * Mutations that must fail
 *   LATEADD     a reader looks at the word, and then adds itself (1)
 *   NOAGAIN     a reader that has waited does not look again (1)
 *   LATEPHASE   -DN=3 -DROUNDS=2 -DDEATHS=0  a reader looks at the phase anew after the word (3)
 *   NOPREVIOUS  a writer does not look who is queued for the phase before (1, 3)
 *   EARLY       a writer looks at the lines before it has the word (1)
 *   CANCELENDS  -DN=3 -DROUNDS=2 -DDEATHS=0  a writer that is cancelled ends the phase (1)
 *   WORDFIRST   -DN=3 -DROUNDS=2 -DDEATHS=0  Unlock gives the word up before it ends the phase
 *   NOEND       -DN=3 -DROUNDS=2 -DDEATHS=0  Unlock does not end the phase (3)
 *   NOLEAVE     Unlock does not go outside (5)
 *   NOBURY      a writer does not pass over the lines of the dead (4)
 *   NOFREE      nobody frees the word of the dead (5)
 *   NOPROBE     freeDead does not ask whether the owner is dead (1)
 *   DROPDIED    it forgets the death (5)
 *   TELLALL     it tells of a writer that was outside (5)
 *   NOWAKE      a reader that leaves wakes no writer (6)
 *   QUEUESILENT a reader that queues does not (6)
 *   NOOPEN      Unlock wakes no readers (6)
 *   CANCELSILENT  a writer that is cancelled wakes no readers (6)
 *   NOFENCE     no barrier empties any buffer (6)
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

#define DIED	8		/* the died bit of the word; the id of p is p+1 */
#define OUTSIDE	16
#define id	(me + 1)
#define ownerOf(w)	((w) & 7)

byte word;
byte phase;
byte line[3];			/* of each process: */
#define READING		1
#define queued(p)	(2 + (p) % 2)

byte inside;			/* the writer that is inside, as an id */
byte within;			/* readers that hold the lock */
byte passed;			/* those who are queued, and have seen a writer inside */
bool dirty;			/* a writer has died inside, and the data may be broken */

byte buffer[3];
#define LEAVE	1		/* the store of the word, outside, is not in memory yet */
#define PHASE	2		/* nor is that of the phase */
#define WORD	4		/* nor that of the word, free */

#define buffered(p)	(buffer[p] > 0)
#define endPhase(p)	phase = (phase + 1) % 4; buffer[p] = buffer[p] & ~PHASE
#define freeWord(p)	assert(ownerOf(word) == (p) + 1); word = word & DIED; buffer[p] = buffer[p] & ~WORD
#define leave(p)	assert(ownerOf(word) == (p) + 1); word = word | OUTSIDE; buffer[p] = buffer[p] & ~LEAVE
#define drain(p)	if \
			:: buffer[p] & LEAVE -> leave(p) \
			:: else \
			fi; \
			if \
			:: buffer[p] & PHASE -> endPhase(p) \
			:: else \
			fi; \
			if \
			:: buffer[p] & WORD -> freeWord(p) \
			:: else \
			fi
#define drained		(buffer[0] + buffer[1] + buffer[2] == 0)
#define died(p)		within = within & ~bit(p); \
			if \
			:: inside == p + 1 -> inside = 0; dirty = true \
			:: else \
			fi

#include "event.h"

/* The three Events: of the Queue, emptied and opened. */
byte inQueue, inEmptied, inOpened;

#define QUEUE	0
#define EMPTIED	1
#define OPENED	2

/* who of the writers has to wait for the line of i */
#ifdef NOPREVIOUS
#define holdsUp(i)	(line[i] == READING)
#else
#define holdsUp(i)	(line[i] == READING || line[i] == queued(p + 1))
#endif

inline wake(q) {
	if
	:: w > 0 -> notify(q, w)
	:: else
	fi
}

/* left, by a reader that has just changed its line */
inline left() {
	atomic {
		if
		:: line[me] != READING && waiting(inEmptied) -> w = 1
		:: else
		fi
	};
	wake(inEmptied)
}

inline wakeWriters() {
	atomic {
		if
		:: waiting(inQueue) -> w = 1
		:: else
		fi
	};
	wake(inQueue)
}

inline wakeReaders() {
	atomic {
		if
		:: waiting(inOpened) -> w = N
		:: else
		fi
	};
	wake(inOpened)
}

proctype process(byte me) {
	byte w, p, i, gone, on, rounds;
	bool tested, look, leaving;
begin:	{
	atomic {
		look = DEATHS > 0;
		if
		:: me > 0 -> goto rlock
		:: me < 2 -> goto lock
		fi
	};

rlock:
#ifdef LATEADD
	atomic { drain(me); w = word };
	atomic {
		line[me] = READING;
		if
		:: ownerOf(w) == 0 -> goto got
		:: else -> p = phase; goto queue
		fi
	};
#endif
	atomic { drain(me); line[me] = READING };
	atomic { p = phase };
admit:	atomic {
		w = word;
		if
		:: ownerOf(w) == 0 -> goto got
		:: else
		fi
	};
#ifdef LATEPHASE
	atomic { p = phase };
#endif
queue:	atomic { drain(me); line[me] = queued(p); w = 0; on = OPENED; tested = false; look = DEATHS > 0 };
#ifndef QUEUESILENT
	left();
#endif
ended:	atomic {
		if
		:: phase != p -> goto back
		:: else
		fi
	};
	atomic {
		if
		:: ownerOf(word) == 0 -> goto back
		:: else -> goto wait
		fi
	};
back:	atomic {
		drain(me); line[me] = READING; disarm; inOpened = inOpened & ~bit(me); tested = false;
#ifdef NOAGAIN
		w = word; goto got;
#endif
	};
	atomic {
		if
		:: phase != p
		:: else -> goto admit
		fi
	};
	atomic { w = word };
got:	atomic {
		p = 0; on = 0;
		assert(inside == 0);
		assert(dirty == ((w & DIED) != 0));
		within = within | bit(me); passed = passed & ~bit(me); came; w = 0
	};
	atomic { drain(me); line[me] = 0; within = within & ~bit(me) };	/* RUnlock */
	atomic {
		if
		:: ownerOf(word) == 0 -> goto done
		:: else
		fi
	};
#ifndef NOWAKE
	left();
#endif
	goto done;

lock:
#ifdef EARLY
	atomic { p = phase; i = 0 };
early:	atomic {
		if
		:: i < N && !holdsUp(i) -> i++; goto early
		:: i < N && holdsUp(i) -> i = 0
		:: else
		fi
	};
#endif
take:	atomic {
		on = QUEUE; drain(me);
		if
		:: ownerOf(word) == 0 ->
			word = word | id | OUTSIDE; came;
			disarm; inQueue = inQueue & ~bit(me);
			on = EMPTIED; tested = false; look = DEATHS > 0; p = phase
		:: else -> goto wait
		fi
	};
scan:	atomic {
		if
		:: i < N && (!holdsUp(i) || (gone & bit(i))) -> i++; goto scan
		:: i < N && !(!holdsUp(i) || (gone & bit(i))) -> goto wait
		:: i == N ->	/* Enter */
			disarm; inEmptied = inEmptied & ~bit(me); tested = false;
			word = word & ~OUTSIDE;
			assert(inside == 0 && within == 0);
			inside = id; came; gone = 0;
			i = 0;
			do
			:: i < N && line[i] > READING && !isDead(i) ->
				assert(dead || line[i] == queued(p));
				assert(dead || !(passed & bit(i)));
				passed = passed | bit(i); i++
			:: i < N && !(line[i] > READING && !isDead(i)) -> i++
			:: i == N -> i = 0; break
			od;
			p = 0; on = 0
		fi
	};
	atomic {
		assert(inside == id && within == 0);
		assert(dirty == ((word & DIED) != 0))
	};
	if
	:: skip
	:: atomic { (word & DIED) -> word = word & ~DIED; dirty = false }	/* MarkConsistent */
	fi;
#ifdef WORDFIRST
	atomic { inside = 0; word = word & DIED };
	atomic { phase = (phase + 1) % 4 };
#else
	atomic {
		inside = 0;
#ifndef NOLEAVE
		buffer[me] = LEAVE
#endif
	};
#ifndef NOEND
	atomic { buffer[me] = buffer[me] | PHASE };
#endif
	atomic { buffer[me] = buffer[me] | WORD };
#endif
woken:	wakeWriters();
#ifndef NOOPEN
	wakeReaders();
#endif
	goto done;

cancel:	atomic {
		disarm; tested = false; i = 0; gone = 0; p = 0;
		if
		:: on == QUEUE -> inQueue = inQueue & ~bit(me); came; goto done
		:: on == OPENED -> drain(me); line[me] = 0; inOpened = inOpened & ~bit(me); passed = passed & ~bit(me); came
		:: on == EMPTIED ->
			inEmptied = inEmptied & ~bit(me); came;
#ifdef CANCELENDS
			buffer[me] = PHASE | WORD;
#else
			buffer[me] = WORD;
#endif
#ifdef CANCELSILENT
			goto done
#else
			goto woken
#endif
		fi
	};
	left();
	goto done;

wait:	atomic {
		if
		:: leaving -> goto cancel
		:: !leaving && tested && look -> goto stalled
		:: !leaving && tested && !look -> tested = false; goto sleep
		:: !leaving && !tested ->
			drain(me); arm; tested = true;
			if
			:: on == QUEUE -> inQueue = inQueue | bit(me)
			:: on == EMPTIED -> inEmptied = inEmptied | bit(me)
			:: on == OPENED -> inOpened = inOpened | bit(me)
			fi
		fi
	};
	barrier(w);
again:	atomic {
		w = 0;
		if
		:: on == QUEUE -> goto take
		:: on == EMPTIED -> goto scan
		:: on == OPENED -> goto ended
		fi
	};
stalled:
	atomic {
		look = false;
		if
		:: on == EMPTIED ->
#ifndef NOBURY
			gone = dead;
#endif
			goto again
		:: else
		fi;
#ifdef NOFREE
		goto again;
#endif
		w = word;
		if
		:: ownerOf(w) == 0 -> goto again
		:: else
		fi
	};
#ifndef NOPROBE
	atomic {
		if
		:: isDead(ownerOf(w) - 1)
		:: else -> goto again
		fi
	};
#endif
	atomic {
		drain(me);
		if
		:: word != w -> goto again
		:: else
		fi;
#ifdef TELLALL
		word = DIED;
#else
		if
		:: w & OUTSIDE -> word = w & DIED
		:: else -> word = DIED
		fi;
#endif
#ifdef DROPDIED
		word = 0;
#endif
		w = 0; came
	};
	wakeWriters();
	goto again;
sleep:	gotoSleep();
	slept();
	atomic {
		look = DEATHS > 0;
		if
		:: goto again
		:: me == 1 -> leaving = true; goto again
		fi
	};

done:	atomic {
		w = 0; p = 0; on = 0; tested = false; leaving = false; disarm;
		rounds++;
		if
		:: rounds < (me == 0 -> ROUNDS : 1) -> goto begin
		:: else
		fi
	};
	finish
	} unless { atomic { die(); w = 0; p = 0; i = 0; gone = 0; on = 0; rounds = 0; tested = false; look = false; leaving = false;
		inQueue = inQueue & ~bit(me); inEmptied = inEmptied & ~bit(me); inOpened = inOpened & ~bit(me);
		passed = passed & ~bit(me) } };
end:	false
}

/* The processors, which write their buffers back when they like, in order. */
#define flush(p)	:: atomic { buffer[p] & LEAVE -> leave(p) } \
			:: atomic { !(buffer[p] & LEAVE) && (buffer[p] & PHASE) -> endPhase(p) } \
			:: atomic { buffer[p] == WORD -> freeWord(p) }

active proctype memory() {
end:	do
	flush(0)
	flush(1)
	flush(2)
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
