/*
 * Hand-over from one producer to one consumer, with takeover of both roles: the
 * SPSC of ring/spsc.go, producer.go, consumer.go and role.go.
 *
 * Two processes want to be the producer, two the consumer. MESSAGES messages go
 * through a ring of CAPACITY, singly and in batches; then whoever is the producer
 * closes it. Anybody may detach, or die anywhere; a successor goes on.
 *
 * Steps                                          Go
 *   claim    load, probe, compare-and-swap       (*object).claim
 *   head, findTail   one load each               (*SPSC).Producer, findTail
 *   refresh  load of head                        (*object).refresh
 *   payload, publish   release store of the      (*Producer).TryPush, PushAll,
 *            sequence, into the store buffer     publish, pushSome; Commit
 *   wake     load of the Event's word, Notify    (*object).published, freed
 *   look     load of the sequence                (*Consumer).ready, TryPop
 *   empty    load of closed, another look        (*Consumer).empty
 *   copy     load of the payload                 TryPop, PopInto; Next
 *   advance  release store of head, likewise     (*Consumer).release; Release
 *   armed, barrier, sleep                        (*object).await, wait.Event
 *   close    store of closed, Notify twice       (*object).closeRing
 *   drop     compare-and-swap                    (*object).giveUp
 *
 * A payload's bytes lie in the same buffer as its sequence and so are in memory
 * before it; being late there is no more than being slow.
 *
 * Properties (Invariants of spsc.go)
 *   1  one live producer and one live consumer at most: `holder`
 *   2  a payload is the one published at that position: `sent`, in copy
 *   3  a position is published once and taken once, in order: `sent`, `taken`; no
 *      message is missing when the consumer is told that the ring is closed
 *   -  no wake-up is lost, nobody waits on the dead: slept in event.h; no
 *      deadlock
 *
 * Mutations that must fail
 *   STOREROLE   a role is claimed by a store instead of compare-and-swap (1)
 *   NOPROBE     a claimant does not ask whether the holder is dead (1)
 *   FROMHEAD    a successor goes on at head instead of the tail (3)
 *   SEQFIRST    the sequence is stored before the payload (2)
 *   HEADFIRST   head is stored before the payload is copied (2)
 *   NOSECOND    no second look after closed was seen (3)
 *   NOFENCE     the sleeper's barrier empties no buffer (lost wake-up)
 *
 * Check: -DCAPACITY=2 -DMESSAGES=3 -DDEATHS=2
 */

#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define N 4

#define producers	3	/* as sets: processes 0 and 1, */
#define consumers	12	/* and 2 and 3 */
#define slot(p)		((p) % CAPACITY)

byte sequence[CAPACITY];
byte payload[CAPACITY];
byte head;
byte role[2];			/* producer's and consumer's; the id of p is p+1 */
bool closed;

byte buffer[N];			/* stores that are not in memory yet */
byte visible;			/* positions whose sequence is in memory */

byte holder[2];			/* of a role, for the properties */
byte tail;			/* positions published, */
byte sent[MESSAGES];		/* and what */
byte taken;			/* positions taken */
byte outside = 15;		/* who has no role */

#define buffered(p)	(buffer[p] > 0)
#define writeBack(p)	if \
			:: (p) < 2 -> sequence[slot(visible)] = visible + 1; visible++ \
			:: else -> head++ \
			fi; buffer[p]--
#define drain(p)	do :: buffered(p) -> writeBack(p) :: else -> break od
#define drained		(buffer[0] + buffer[1] + buffer[2] + buffer[3] == 0)
#define died(p)		skip
#define vacant(r)	(role[r] == 0 || isDead(role[r] - 1))
#define resting		((vacant(0) -> 0 : outside & producers) | (vacant(1) -> 0 : outside & consumers))
#define gone(q)		(((dead | over) & (q)) == (q))
#define hopeless	((me < 2 && gone(consumers)) || (me >= 2 && gone(producers) && taken == tail))

#include "event.h"

/* A second live claimant gets ErrRoleTaken, and this one tries again then. */
inline claim(r) {
	do
	:: atomic {
#ifndef NOPROBE
		vacant(r) &&
#endif
		!(me & 1 && outside & bit(me - 1)) ->	/* they are alike */
			w = role[r]; outside = outside & ~bit(me) };
		atomic {
			if
#ifndef STOREROLE
			:: role[r] != w -> outside = outside | bit(me)
#endif
			:: else ->
				role[r] = me + 1;
				assert(holder[r] == 0 || isDead(holder[r] - 1));
				holder[r] = me + 1;
				w = 0;
				break
			fi
		}
	od
}

inline drop(r) {
	atomic {
		drain(me);
		if
		:: role[r] == me + 1 -> role[r] = 0; holder[r] = 0
		:: else
		fi
	}
}

proctype producer(byte me) {
	byte w, n, pos, limit;
	bool tested;
	claim(0);
	{
	if
	:: closed -> goto leave
	:: else
	fi;
	atomic { w = head; pos = w; limit = w + CAPACITY };
#ifndef FROMHEAD
	w = limit;
findTail:
	atomic {
		do
		:: pos == w -> w = 0; break
		:: else ->
			n = (pos + w) / 2;
			if
			:: sequence[slot(n)] == n + 1 -> pos = n + 1
			:: else -> w = n
			fi;
			n = 0;
			if
			:: pos != w -> goto findTail
			:: else
			fi
		od
	};
#endif
push:	atomic {
		if
		:: pos == MESSAGES -> goto close
		:: pos < MESSAGES
		:: pos < MESSAGES && me == 0 -> goto leave	/* Detach */
		fi;
		if
		:: pos < limit -> goto fill
		:: else
		fi;
		assert(pos - head <= CAPACITY);			/* else ErrCorrupt */
		limit = head + CAPACITY;
		if
		:: limit != pos -> tested = false; disarm; came; goto fill
		:: limit == pos && !tested -> arm; tested = true
		:: limit == pos && tested -> tested = false; goto sleep
		fi
	};
	barrier(n);
	goto push;
sleep:	gotoSleep();
	slept();
	if
	:: hopeless -> goto leave
	:: else -> goto push
	fi;
fill:
#ifndef SEQFIRST
	payload[slot(pos)] = 16 * (me + 1) + pos;
#endif
	atomic {
		assert(sent[pos] == 0 && tail == pos);
		sent[pos] = 16 * (me + 1) + pos; tail++;
		buffer[me]++;
		pos++; n++;
#ifdef SEQFIRST
	};
	atomic {
		payload[slot(pos-1)] = 16 * (me + 1) + pos-1;
#endif
		if
		:: pos < limit && pos < MESSAGES -> goto fill	/* PushAll */
		:: skip
		fi
	};
	if
	:: waiting(consumers) -> notify(consumers, n)
	:: else -> n = 0
	fi;
	goto push;
close:	atomic { drain(me); closed = true; n = N };
	notify(consumers, n);
	n = N;
	notify(producers, n);
leave:	drop(0);
	finish
	} unless { atomic { die(); w = 0; n = 0; pos = 0; limit = 0; tested = false } };
end:	false
}

proctype consumer(byte me) {
	byte n, w, pos;
	bool tested;
	claim(1);
	{
	pos = head;
pop:	atomic {
		if
		:: taken > 0 && me == 2 -> goto leave		/* Detach */
		:: skip
		fi;
		if
		:: sequence[slot(pos)] == pos + 1 -> goto copy
		:: else
		fi
	};
	atomic {						/* empty */
		if
		:: closed
		:: !closed && !tested -> arm; tested = true; goto fence
		:: !closed && tested -> tested = false; goto sleep
		fi
	};
#ifndef NOSECOND
	atomic {
		if
		:: sequence[slot(pos)] == pos + 1 -> goto copy
		:: else
		fi
	};
#endif
	assert(taken == tail);					/* ErrClosed */
	goto leave;
fence:	barrier(w);
	goto pop;
sleep:	gotoSleep();
	slept();
	if
	:: hopeless -> goto leave
	:: else -> goto pop
	fi;
copy:	atomic {
		tested = false; disarm; came;
		n = 1;
#ifndef HEADFIRST
		assert(payload[slot(pos)] == sent[pos])
#endif
	};
	atomic {
		if						/* PopInto */
		:: n < CAPACITY && sequence[slot(pos + n)] == pos + n + 1 -> goto another
		:: skip
		fi;
advance:	assert(taken == pos);
		taken = taken + n;
		pos = pos + n;
		buffer[me] = buffer[me] + n;
	};
#ifdef HEADFIRST
	assert(payload[slot(pos-1)] == sent[pos-1]);
#endif
	if
	:: waiting(producers) -> notify(producers, n)
	:: else -> n = 0
	fi;
	goto pop;
another:
	atomic {
		assert(payload[slot(pos + n)] == sent[pos + n]);
		n++
	};
	goto advance;
leave:	drop(1);
	finish
	} unless { atomic { die(); n = 0; w = 0; pos = 0; tested = false } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
	byte p;
end:	do
	:: atomic { buffered(0) -> writeBack(0) }
	:: atomic { buffered(1) -> writeBack(1) }
	:: atomic { buffered(2) -> writeBack(2) }
	:: atomic { buffered(3) -> writeBack(3) }
	od
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run consumer(2);
		run consumer(3)
	}
}
