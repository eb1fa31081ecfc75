/*
 * A stream of bytes from one process to another: shmnet/stream.go.
 *
 * Process 0 sends BYTES bytes, in pieces of any length, through a buffer of CAPACITY, and
 * process 1 receives them. Who is done ends its side. Another goroutine of each (closer)
 * may end it at any time before. Both may die anywhere, with their closers.
 *
 * Steps                                          Go
 *   gone, room     load of gone, load of head    (*sender).look
 *   fill           stores of the bytes           (*Conn).Write
 *   send           compare-and-swap of tail      (*stream).step
 *   wake           load of the Event, Notify     wake
 *   gone, data     load of gone, load of tail    (*receiver).look
 *   copy           loads of the bytes            (*Conn).Read
 *   release        compare-and-swap of head      (*stream).step
 *   armed, sleep   another look, a probe, and    wait.Event
 *                  another look
 *   end            Or of the bit; wake           (*sender).end, (*receiver).end
 *
 * All of these are sequentially consistent, but for the bytes, whose order the two words
 * keep. A word has its count and its bit in one load. Closed segments are not modelled.
 *
 * Properties (Invariants of stream.go)
 *   2  at most CAPACITY bytes are under way, and each comes as it was sent: room, data, copy
 *   3  nothing is sent or received after the end: send, release; an end comes after all
 *      that was sent: data
 *   4  a sender that sleeps is woken when there is ROOM: slept in event.h
 *   -  a death comes after all that the dead has sent: data; nobody waits on the dead, and
 *      no wake-up is lost: slept in event.h
 *
 * Mutations that must fail
 *   TAILFIRST   tail grows before the bytes are stored (2)
 *   HEADFIRST   head grows before the bytes are copied (2)
 *   STORETAIL   tail grows by a store, whatever it was (3)
 *   STOREHEAD   head likewise (3)
 *   STOREEND    the end is a load and a store (3)
 *   ENDFIRST    a receiver looks at the bit before it looks at the count (3)
 *   GONELAST    a receiver loads gone after tail (a death before what was sent)
 *   NOPROBE     who sleeps does not look for the dead (waits on the dead)
 *   NOWAKE      who sends does not wake (lost wake-up)
 *   NOENDWAKE   an end does not wake (lost wake-up)
 *   NOROOM      who receives does not wake (4)
 *   NOSECOND    no look after it is armed (lost wake-up)
 *
 * Check: -DCAPACITY=3 -DROOM=2 -DBYTES=5 -DDEATHS=1
 * Check: -DCAPACITY=2 -DROOM=1 -DBYTES=4 -DDEATHS=2
 */

#ifndef CAPACITY
#define CAPACITY 3
#endif
#ifndef ROOM
#define ROOM 2
#endif
#ifndef BYTES
#define BYTES 5
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define N 2

#define sending		1	/* as sets */
#define receiving	2
#define slot(p)		((p) % CAPACITY)

byte tail, head;
bool ended[2];			/* bit 63 of tail, and of head */
byte buf[CAPACITY];
bool gone[2];			/* what each knows of the other */

byte sent;			/* for the properties */
byte closing;			/* set of ends whose wake is still to come */

#define buffered(p)	false
#define drain(p)	skip
#define drained		(closing == 0)
#define died(p)		skip

#include "event.h"

/* endOf is the end of a side. */
inline endOf(side, w) {
#ifdef STOREEND
	w = (side == 0 -> tail : head);
#endif
	atomic {
		ended[side] = true;
#ifdef STOREEND
		if
		:: side == 0 -> tail = w
		:: else -> head = w
		fi;
		w = 0;
#endif
		closing = closing | bit(side)
	};
#ifndef NOENDWAKE
	if
	:: waiting(side == 0 -> receiving : sending) -> w = 1; notify((side == 0 -> receiving : sending), w)
	:: else
	fi;
#endif
	closing = closing & ~bit(side)
}

/* rest is the sleep of one whose look has found nothing. It returns when there has to be
 * another. */
inline rest(w, asked, tested) {
	if
	:: atomic { !tested -> arm; tested = true
#ifdef NOSECOND
		; asked = true; gone[me] = isDead(1 - me)
#endif
	   }
	:: atomic { tested && !asked -> asked = true
#ifndef NOPROBE
		; gone[me] = gone[me] || isDead(1 - me)
#endif
	   }
	:: atomic { tested && asked -> tested = false; asked = false };
		gotoSleep();
		slept()
	fi
}

inline awake() { tested = false; asked = false; disarm; came }

proctype sender(byte me) {
	byte pos, n, k;
	bool g, tested, asked;
	{
	pos = 0;
look:	atomic {
		if
		:: pos == BYTES -> goto leave
		:: else
		fi;
		g = gone[0]
	};
	atomic {
		assert(pos - head <= CAPACITY);
		if
		:: ended[1] || g -> awake(); g = false; goto leave
		:: else
		fi;
		if
		:: CAPACITY - (pos - head) >= (tested -> ROOM : 1) ->
			n = CAPACITY - (pos - head);
			awake();
			goto fill
		:: else -> goto sleep
		fi
	};
sleep:	rest(k, asked, tested);
	goto look;
fill:
#ifdef TAILFIRST
	goto send;
bytes:
#endif
	atomic {
		buf[slot(pos + k)] = pos + k + 1;
		k++;
		if
		:: k < n && pos + k < BYTES -> goto fill
		:: skip
		fi
	};
#ifdef TAILFIRST
	atomic { pos = pos + k; n = 0; k = 0; goto look };
#endif
send:	atomic {
#ifndef STORETAIL
		if
		:: ended[0] -> n = 0; k = 0; goto leave
		:: else
		fi;
#endif
		assert(!ended[0] && tail == sent);
#ifdef TAILFIRST
		tail = tail + 1; sent++; n = 1; goto bytes;
#endif
		tail = tail + k; sent = sent + k;
		pos = pos + k; n = 0; k = 0
	};
#ifndef NOWAKE
	if
	:: waiting(receiving) -> n = 1; notify(receiving, n)
	:: else
	fi;
#endif
	goto look;
leave:	endOf(0, n);
	finish
	} unless { atomic { die(); closing = closing & ~sending; pos = 0; n = 0; k = 0; g = false; tested = false; asked = false } };
end:	false
}

proctype receiver(byte me) {
	byte pos, n, k, seen;
	bool g, tested, asked;
	{
	pos = 0;
look:
#ifndef GONELAST
	g = gone[1];
#else
	seen = tail;
#endif
	atomic {
#ifdef ENDFIRST
		if
		:: ended[0] -> assert(pos == sent); awake(); g = false; seen = 0; goto leave
		:: else
		fi;
#endif
#ifndef GONELAST
		seen = tail;
#else
		g = gone[1];
#endif
		n = seen - pos;
		assert(n <= CAPACITY);
		if
		:: n > 0 -> awake(); g = false; goto take
		:: n == 0 && ended[0] -> assert(pos == sent); awake(); g = false; seen = 0; goto leave
		:: n == 0 && !ended[0] && g ->
			assert(isDead(0) && pos == sent);
			awake(); g = false; seen = 0; goto leave
		:: else
		fi
	};
	rest(n, asked, tested);
	goto look;
take:
#ifdef HEADFIRST
	atomic { head = head + n; pos = pos + n };
	assert(buf[slot(pos - 1)] == pos);
	atomic { n = 0; goto look };
#endif
copy:	atomic {
		assert(buf[slot(pos + k)] == pos + k + 1);
		k++;
		if
		:: k < n -> goto copy
		:: skip
		fi
	};
	atomic {
#ifndef STOREHEAD
		if
		:: ended[1] -> n = 0; k = 0; seen = 0; goto leave
		:: else
		fi;
#endif
		assert(!ended[1] && head == pos);
		pos = pos + k; head = pos;
		n = 0; k = 0
	};
#ifndef NOROOM
	if
	:: CAPACITY - (seen - pos) >= ROOM && waiting(sending) -> n = 1; notify(sending, n)
	:: else
	fi;
#endif
	goto look;
leave:	endOf(1, n);
	finish
	} unless { atomic { die(); closing = closing & ~receiving; pos = 0; n = 0; k = 0; seen = 0; g = false; tested = false; asked = false } };
end:	false
}

/* closer is another goroutine of a side's. */
proctype closer(byte me) {
	byte n;
	{
	endOf(me, n)
	} unless { atomic { isDead(me) -> closing = closing & ~bit(me); n = 0 } }
}

init {
	atomic {
		run sender(0);
		run receiver(1);
		if
		:: run closer(0)
		:: run closer(1)
		:: skip
		fi
	}
}
