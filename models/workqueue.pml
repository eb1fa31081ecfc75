/*
 * What becomes of a message of a work queue while it is in its slot: ring/work.go and its
 * sisters work_put, work_get and work_task.
 *
 * One slot. A producer puts MESSAGES messages there, one after the other, and passes the
 * slot over while it is held, up to LAPS laps. N-1 workers get them, and acknowledge each,
 * or give it back up to NACKS times in all. Workers may die anywhere. They put back, as
 * producers do, what one of them has left in a take. (The rest of the ring is that of mpmc.pml,
 * where a producer may die.) With LAZY, no worker looks for that, and the producer has to.
 *
 * Steps                                            Go (methods of WorkQueue, Task)
 *   get, take    load of the word, compare-and-    TryGet
 *                swap
 *   hold         store of the holder, store of     hold
 *                the word
 *   adopt        load of the holder, probe, load   takeOver, takeFrom
 *                of the word, compare-and-swap of
 *                either
 *   putback      compare-and-swap of the word,  putBack
 *                store of the holder, store of
 *                the word
 *   ack, nack    compare-and-swap of the holder    Ack, Nack
 *   finish       loads of word and holder,         finish
 *                compare-and-swap of the word
 *   put, pass    load, compare-and-swap            TryPut, pass
 *
 * All of these are sequentially consistent. Waiting is that of event.pml: who has nothing
 * to do here waits until there is something.
 *
 * Properties (Invariants of work.go)
 *   -  of the living, one holds a message at most, and it is not acknowledged: got (1, 2)
 *   -  a slot is freed only when its message is acknowledged: freed (3)
 *   -  each delivery has its number: delivered (5)
 *   -  each message is acknowledged in the end, as long as a worker lives, and its slot is
 *      of use again: no deadlock
 *
 * Mutations that must fail
 *   NOPROBE      a worker takes over without asking whether the holder is dead
 *   WORDFIRST    it loads the word before it asks that
 *   HELDFIRST    a taker makes the word held before it has named itself
 *   NOLAP        who frees does not compare the lap
 *   NOFINISH     only who acknowledges frees
 *   NOREADING    a message whose taker died before it was held is not taken over
 *   NOOVER       one whose holder died is not
 *   NOPUTBACK    -DN=3 -DMESSAGES=2 -DDEATHS=1 -DLAZY: the producer does not put it back
 *   PUTFIRST     who puts it back makes the word held before the holder is nobody
 *   PUTPLAIN     it does not claim the word before
 *   PUTFINISHED  it leaves the holder of a message that was acknowledged
 *   PUTCOUNTED   it counts a delivery
 *   STOREACK     an Ack frees the slot first, and then clears the holder
 *
 * Memory: 1500 MB
 * Check: -DN=3 -DMESSAGES=2 -DNACKS=1 -DDEATHS=1
 * Check: -DN=3 -DMESSAGES=2 -DNACKS=1 -DDEATHS=1 -DLAZY
 * Check: -DN=4 -DMESSAGES=2 -DNACKS=1 -DDEATHS=2 -DLAPS=4
 */

#ifndef N
#define N 3
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef NACKS
#define NACKS 1
#endif
#ifndef LAPS
#define LAPS 5
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#include "crash.h"

#define FREE	0
#define FULL	1
#define HELD	3
#define READING	5

byte phase, lap, reader;	/* the word */
byte holder, count;		/* the holder's id, or 0, and deliveries + 1; 0, 0 is finished */

byte put;			/* messages that were put; the last one is in the slot */
byte acked;			/* messages that were acknowledged */
byte nacks;
byte who;			/* the id of who holds the message, for the properties */
byte given;			/* deliveries, for the properties */

#define id		(me + 1)
#define gone(i)		(dead & bit((i) - 1))
#define finished	(holder == 0 && count == 0)
#define done		(acked == MESSAGES)

/* got is when a worker believes that the message is its own. */
inline got() {
	assert((who == 0 || who == id || gone(who)) && acked < put);
	who = id
}

/* delivered is when the message is given to its worker. */
inline delivered() {
	given++;
	assert(count == given + 1)
}

inline freed() {
	assert(acked == put);
	phase = FREE; lap++; given = 0
}

inline die() {
	death?_;
	dead = dead | bit(me)
}

/* back puts back what r has taken in lap n, if it is dead and has not held it. */
inline back(r, n) {
	atomic {
		if
		:: gone(r) && phase == READING && reader == r && lap == n ->
#ifdef PUTPLAIN
			mine = true
#else
			reader = id; mine = true
#endif
		:: else
		fi
	};
	if
	:: mine ->
#ifdef PUTFIRST
		atomic { phase = HELD; reader = 0 };
#endif
		atomic {
			holder = 0;
#ifdef PUTFINISHED
			count = 0
#else
#ifdef PUTCOUNTED
			count = 2
#else
			count = 1
#endif
#endif
		};
#ifdef PUTPLAIN
		atomic {
			if
			:: phase == READING && reader == r && lap == n -> phase = HELD; reader = 0
			:: else
			fi
		};
#else
#ifndef PUTFIRST
		atomic { phase = HELD; reader = 0 };
#endif
#endif
		mine = false
	:: else
	fi
}

proctype worker(byte me) {
	byte l, h, c;
	bool mine;
get:	{
	if
	:: atomic { phase == FULL -> l = lap }
#if !defined(NOREADING) && !defined(LAZY)
	:: atomic { phase == READING && reader != id -> h = reader; l = lap }; goto reading
	:: atomic { phase == READING && reader != id -> h = reader; l = lap }; goto putback
#endif
#ifndef NOOVER
#ifdef WORDFIRST
	:: atomic { phase == HELD && count > 0 && holder != id -> h = holder; c = count }; goto adopt
#else
	:: atomic { count > 0 && holder != id -> h = holder; c = count }; goto adopt
#endif
#endif
	:: atomic { done -> goto leave }
	fi;
take:	atomic {
		if
		:: phase == FULL && lap == l -> phase = READING; reader = id; got()
		:: else -> l = 0; goto get
		fi
	};
hold:
#ifdef HELDFIRST
	atomic { phase = HELD; reader = 0 };
	atomic { holder = id; count = 2; l = 0; delivered() };
#else
	atomic { holder = id; count = 2 };
	atomic { phase = HELD; reader = 0; l = 0; delivered() };
#endif
	goto has;

#if !defined(NOREADING) && !defined(LAZY)
reading:
	atomic {
		if
		:: gone(h) && phase == READING && reader == h && lap == l -> reader = id; h = 0; got(); goto hold
		:: else -> h = 0; l = 0; goto get
		fi
	};

putback:
	back(h, l);
	atomic { h = 0; l = 0 };
	goto get;
#endif

adopt:
#ifndef NOPROBE
	atomic {
		if
		:: h == 0 || gone(h)
		:: else -> h = 0; c = 0; goto get
		fi
	};
#endif
#ifndef WORDFIRST
	atomic {
		if
		:: phase == HELD
		:: else -> h = 0; c = 0; goto get
		fi
	};
#endif
	atomic {
		if
		:: holder == h && count == c && c > 0 ->
			holder = id; count++; h = 0; c = 0;
			got();
			delivered()
		:: else -> h = 0; c = 0; goto get
		fi
	};

has:	if
	:: atomic { nacks < NACKS -> nacks++; assert(holder == id); who = 0; holder = 0 }; goto get
	:: skip
	fi;
#ifdef STOREACK
	atomic { acked++; who = 0; freed() };
	atomic { holder = 0; count = 0 };
	goto get;
#endif
	atomic { assert(holder == id && who == id); acked++; who = 0; holder = 0; count = 0 };
	/* finish */
	atomic {
		if
		:: phase == HELD -> l = lap
		:: else -> goto get
		fi
	};
	atomic {
		if
		:: finished
		:: else -> l = 0; goto get
		fi
	};
	atomic {
		if
#ifdef NOLAP
		:: phase == HELD -> freed()
#else
		:: phase == HELD && lap == l -> freed()
#endif
		:: else
		fi;
		l = 0
	};
	goto get;

leave:	atomic { l = 0; h = 0; c = 0; over = over | bit(me) }
	} unless { atomic { die(); l = 0; h = 0; c = 0; mine = false } };
end:	false
}

proctype producer() {
	byte me = N - 1;
	byte l, h;
	bool f, mine;
next:	if
	:: atomic { phase == FREE && put < MESSAGES -> l = lap }; goto fill
	:: atomic { phase == HELD && (lap < LAPS || finished) -> l = lap }
#if !defined(NOREADING) && !defined(NOPUTBACK)
	:: atomic { phase == READING -> h = reader; l = lap }; back(h, l); atomic { h = 0; l = 0 }; goto next
#endif
	:: atomic { put == MESSAGES && phase == FREE -> l = 0; goto leave }
	fi;
	atomic { f = finished };
	atomic {
		if
#ifndef NOFINISH
		:: f && phase == HELD && lap == l -> freed()
#endif
		:: !f && phase == HELD && lap == l && lap < LAPS -> lap++
		:: else
		fi;
		f = false; l = 0
	};
#ifdef NOFINISH
	if
	:: phase != HELD || !finished
	fi;
#endif
	goto next;
fill:	atomic {
		assert(phase == FREE && lap == l);
		put++; phase = FULL; l = 0
	};
	goto next;
leave:	over = over | bit(N - 1);
end:	false
}

init {
	byte p;
	atomic {
		do
		:: p < N - 1 -> run worker(p); p++
		:: p == N - 1 -> run producer(); p = 0; break
		od
	}
}
