/*
 * One producer and subscribers that each get every message: the Broadcast of
 * ring/broadcast.go, broadcast_crowd.go, broadcast_line.go and subscriber.go.
 *
 * Two processes want to be the producer, two subscribe. MESSAGES messages go through a ring
 * of CAPACITY, whose limit is raised by CHUNK. With LOSSLESS the subscribers have lines,
 * and somebody may evict one. Anybody may die anywhere. Wake-ups are those of event.pml and
 * spsc.pml, and left out: who waits looks again.
 *
 * Steps                                            Go
 *   claim, findTail                                (*Broadcast).Producer
 *   raised   release store of limit, buffered      (*crowd).gate, raise
 *   fence    empties the buffer                    (*crowd).gate
 *   look     load of the lines, one by one         (*lines).slowest
 *   payload, sequence   stores, buffered           (*Producer).TryPush
 *   place    release store, buffered; fence        (*Subscriber).join
 *   again    load of limit                         join
 *   full     load of the sequence                  TryPop
 *   copy     load of the payload                   TryPop
 *   whole    load of limit, of the owner           (*Subscriber).whole, overtaken
 *   advance  release store of the place, buffered  TryPop
 *   evict    compare-and-swap                      (*Broadcast).Evict
 *
 * Properties (Invariants of broadcast.go)
 *   2  what a subscriber returns is the message of its place: `sent`
 *   3  a lapped subscriber goes on later than it was
 *   4  a lossless subscriber that is not evicted misses nothing
 *   -  the producer does not wait for the dead: no deadlock
 *
 * Mutations that must fail
 *   NOCHECK     a subscriber does not load limit after its copy (2)
 *   CHECKFIRST  it loads limit before its copy (2)
 *   LATELIMIT   limit is stored after the payload (2)
 *   NOFENCE     no fence between limit and the look at the lines (4)  -DLOSSLESS -DCAPACITY=1 -DCHUNK=1 -DMESSAGES=3 -DDEATHS=1
 *   EARLYLOOK   the lines are looked at before the store of limit only (4)  -DLOSSLESS -DCAPACITY=1 -DCHUNK=1 -DMESSAGES=3 -DDEATHS=1
 *   NOOWNER     no look at the own line after the copy (2)  -DLOSSLESS -DCAPACITY=1 -DCHUNK=1 -DMESSAGES=3 -DDEATHS=1
 *   NOSWEEP     the lines of the dead stay (deadlock)  -DLOSSLESS -DCAPACITY=1 -DCHUNK=1 -DMESSAGES=3 -DDEATHS=1
 *
 * Check: -DCAPACITY=2 -DCHUNK=1 -DMESSAGES=5 -DDEATHS=1
 * Check: -DCAPACITY=4 -DCHUNK=2 -DMESSAGES=7 -DDEATHS=1
 * Check: -DLOSSLESS -DCAPACITY=1 -DCHUNK=1 -DMESSAGES=3 -DDEATHS=1
 * Check: -DLOSSLESS -DCAPACITY=2 -DCHUNK=2 -DMESSAGES=4 -DDEATHS=1
 * Memory: 3000 MB
 */

#define N 4
#include "crash.h"

#define slot(p)		((p) % CAPACITY)
#define LIMIT		0	/* kinds of buffered stores */
#define PAYLOAD		1
#define SEQUENCE	2
#define PLACE		3

byte sequence[CAPACITY];
byte payload[CAPACITY];
byte limit;
byte role;
byte owner[2];			/* of the line of subscriber 2+i: 0, 1, or 2 if it is evicted */
byte place[2];
bool evictions;			/* there was one */
byte sent[MESSAGES];
chan buffer[N] = [6] of { byte, byte, byte };

inline writeBack(p) {
	buffer[p]?k,x,v;
	if
	:: k == LIMIT -> limit = x
	:: k == PAYLOAD -> payload[slot(x)] = v
	:: k == SEQUENCE -> sequence[slot(x)] = x + 1
	:: k == PLACE -> place[p - 2] = x
	fi;
	k = 0; x = 0; v = 0
}

inline drain(p) {
	do
	:: nempty(buffer[p]) -> writeBack(p)
	:: empty(buffer[p]) -> break
	od
}

inline die() { death?_ -> dead = dead | bit(me); drain(me) }
#define finish		over = over | bit(me)

#ifdef NOSWEEP
#define swept(i)	false
#else
#define swept(i)	isDead((i) + 2)
#endif

/* A line whose owner holds the producer up. */
#define holds(i)	(owner[i] == 1 && !swept(i))

/* look finds the least place of the subscribers, and sweeps. */
inline lookAt(i) {
	atomic {
		if
		:: holds(i) ->
			assert(place[i] <= pos);
			if
			:: place[i] < slow -> slow = place[i]
			:: else
			fi
		:: !holds(i) && owner[i] && swept(i) -> owner[i] = 0
		:: else
		fi
	}
}

inline look() {
	slow = pos;
	lookAt(0);
	lookAt(1)
}

#define chunkEnd	((pos / CHUNK + 1) * CHUNK)
#define least(a, b)	((a) < (b) -> (a) : (b))

proctype producer(byte me) {
	byte k, x, v, pos, lim, slow, raised;
	atomic { role == 0 || isDead(role - 1) -> role = me + 1 };
	{
	atomic {
		pos = (limit > CHUNK -> limit - CHUNK : 0);
		do
		:: pos < limit && sequence[slot(pos)] == pos + 1 -> pos++
		:: else -> break
		od;
		lim = pos; slow = 0
	};
push:	atomic {
		if
		:: pos == MESSAGES -> goto leave
		:: pos < MESSAGES && pos < lim -> goto fill
		:: pos < MESSAGES && pos == lim
		fi
	};
#ifdef LOSSLESS
	if
	:: pos - slow >= CAPACITY -> look()
	:: else
	fi;
	atomic {
		if
		:: slow + CAPACITY <= pos -> goto wait
		:: else
		fi
	};
	if
	:: raised != chunkEnd ->
#ifdef EARLYLOOK
		look();
#endif
		atomic { raised = chunkEnd; buffer[me]!LIMIT,(limit > raised -> limit : raised),0 };
#ifndef NOFENCE
		atomic { drain(me) };
#endif
#ifndef EARLYLOOK
		look()
#endif
	:: else
	fi;
	atomic {
		lim = least(raised, slow + CAPACITY);
		if
		:: lim <= pos -> lim = pos; goto wait
		:: else
		fi
	};
#else
	atomic {
		lim = chunkEnd;
#ifndef LATELIMIT
		buffer[me]!LIMIT,(limit > lim -> limit : lim),0
#endif
	};
#endif
fill:	atomic { nfull(buffer[me]); buffer[me]!PAYLOAD,pos,16 * (me + 1) + pos };
#ifdef LATELIMIT
	atomic { buffer[me]!LIMIT,(limit > lim -> limit : lim),0 };
#endif
	atomic {
		sent[pos] = 16 * (me + 1) + pos;
		buffer[me]!SEQUENCE,pos,0;
		pos++
	};
	goto push;
#ifdef LOSSLESS
wait:	atomic {	/* until somebody has moved, left or died */
		(!holds(0) || place[0] > pos - CAPACITY) && (!holds(1) || place[1] > pos - CAPACITY) ->
			slow = pos - CAPACITY
	};
	goto push;
#endif
leave:	atomic { drain(me); role = 0; finish }
	} unless { atomic { die(); pos = 0; lim = 0; slow = 0; raised = 0 } };
end:	false
}

proctype subscriber(byte me) {
	byte k, x, v, pos, got, seen;
	{
#ifdef LOSSLESS
	atomic { owner[me - 2] = 1 };
join:	pos = (limit > CAPACITY -> limit - CAPACITY : 0);
	atomic { buffer[me]!PLACE,pos,0 };
	atomic { drain(me) };
	if
	:: limit > pos + CAPACITY -> goto join
	:: else
	fi;
#else
	pos = (limit > CAPACITY -> limit - CAPACITY : 0);
#endif
pop:
#ifdef LOSSLESS
	assert(owner[me - 2] == 2 || sequence[slot(pos)] <= pos + 1);	/* else it has missed something */
#endif
	if
	:: atomic { pos == MESSAGES -> goto leave }
	:: atomic { pos < MESSAGES && sequence[slot(pos)] == pos + 1 }
#ifdef LOSSLESS
	:: atomic { pos < MESSAGES && owner[me - 2] == 2 -> goto leave }
#else
	:: atomic { pos < MESSAGES && limit > pos + CAPACITY -> goto lapped }
#endif
	fi;
#ifdef CHECKFIRST
	seen = limit;
#endif
	got = payload[slot(pos)];
#ifdef LOSSLESS
#ifndef NOOWNER
	if
	:: owner[me - 2] == 2 -> goto leave
	:: else
	fi;
#endif
	atomic { assert(got == sent[pos]); got = 0; nfull(buffer[me]); pos++; buffer[me]!PLACE,pos,0 };
#else
#ifndef CHECKFIRST
	seen = limit;
#endif
	atomic {
		if
#ifndef NOCHECK
		:: seen > pos + CAPACITY -> seen = 0; got = 0; goto lapped
#endif
		:: else -> assert(got == sent[pos]); got = 0; seen = 0; pos++
		fi
	};
#endif
	goto pop;
#ifndef LOSSLESS
lapped:	atomic {
		assert(limit - CAPACITY > pos);
		pos = limit - CAPACITY
	};
	goto pop;
#endif
leave:	atomic { drain(me); owner[me - 2] = 0; finish }
	} unless { atomic { die(); pos = 0; got = 0; seen = 0 } };
end:	false
}

#ifdef LOSSLESS
active proctype evictor() {
	do
	:: atomic { !evictions && owner[0] == 1 -> owner[0] = 2; evictions = true; break }
	:: break
	od
}
#endif

/* The processors, which write their buffers back when they like. */
active proctype memory() {
	byte k, x, v;
end:	do
	:: atomic { nempty(buffer[0]) -> writeBack(0) }
	:: atomic { nempty(buffer[1]) -> writeBack(1) }
	:: atomic { nempty(buffer[2]) -> writeBack(2) }
	:: atomic { nempty(buffer[3]) -> writeBack(3) }
	od
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run subscriber(2);
		run subscriber(3)
	}
}
