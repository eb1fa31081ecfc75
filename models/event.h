/*
 * The Event as event.pml proves it, for the models of what sleeps on one. The
 * including model defines, besides N and DEATHS (crash.h),
 *
 *	drain(p)     empties the store buffer of p
 *	buffered(p)  the store buffer of p is not empty
 *	drained      all are empty
 *	died(p)      notes down what the death of p changes for the properties
 * and, if need be,
 *	resting      those who neither move nor sleep: they wait in other ways
 *	hopeless     what me sleeps for can never come: me may give up
 */

#include "crash.h"

#ifndef resting
#define resting		0
#endif
#ifndef hopeless
#define hopeless	false
#endif

byte armed;		/* on their way to sleep: a change of the word calls them back */
byte asleep;		/* in the kernel's queue */
byte idle;		/* whose bounds have passed since anything last came of one */

/* Nothing moves but by a bound. */
#define still		((dead | over | asleep | (resting)) == all && drained)

/* waiting: the waker's load of the word of an Event whose sleepers are among q. */
#define waiting(q)	((armed | asleep) & (q))

#define wakes(q, p, n)	n > 0 && (asleep & (q) & bit(p)) -> asleep = asleep & ~bit(p); n--

inline futexWake(q, n) {
	atomic {
		do
		:: wakes(q, 0, n)
		:: wakes(q, 1, n)
		:: wakes(q, 2, n)
		:: wakes(q, 3, n)
		:: wakes(q, 4, n)
		:: else -> break
		od;
		n = 0
	}
}

/* notify is Notify, after waiting: the compare-and-swap that raises the epoch,
 * then futexWake of n sleepers, whichever they are. Those who came in between may
 * be among them. */
inline notify(q, n) {
	atomic { drain(me); armed = armed & ~(q) };
	futexWake(q, n)
}

#define arm		armed = armed | bit(me)
#define disarm		armed = armed & ~bit(me)

/* barrier empties all store buffers, one after the other. */
inline barrier(p) {
#ifdef NOFENCE
	skip
#else
	do
	:: atomic {
		do
		:: p < N && buffered(p) -> drain(p); p++; break
		:: p < N && !buffered(p) -> p++
		:: p == N -> break
		od;
		if
		:: p == N -> p = 0; break
		:: else
		fi }
	od
#endif
}

/* gotoSleep is the system call: it returns at once if the word has changed. */
inline gotoSleep() {
	atomic {
		if
		:: armed & bit(me) -> disarm; asleep = asleep | bit(me)
		:: else
		fi
	}
}

/* slept waits for the sleep's end: a wake, or the bound, at any time. If nothing
 * else could move, somebody must have died, or it was a lost wake-up; and once
 * everybody's bound has passed, something must have come of it (came), or
 * somebody waits on the dead. */
#define came		idle = 0

inline slept() {
	if
	:: atomic { !(asleep & bit(me)) -> skip }
	:: atomic { (asleep & bit(me)) && !(still && (idle & bit(me)) && (asleep & ~idle)) ->
		if
		:: still && !(hopeless) ->
			assert(dead);
			assert(!(idle & bit(me)));
			idle = idle | bit(me)
		:: else
		fi;
		asleep = asleep & ~bit(me) }
	fi
}

#define finish		atomic { over = over | bit(me); disarm }

inline die() {
	death?_ ->
	dead = dead | bit(me);
	disarm;
	asleep = asleep & ~bit(me);
	came;
	drain(me);
	died(me)
}
