/*
 * Hand-over between any producers and any consumers: the MPMC of ring/mpmc.go and
 * its sisters mpmc_track, mpmc_push, mpmc_pop, mpmc_lend and mpmc_repair.
 *
 * Two producers want to push PUSHES messages each, two consumers pop until they
 * are told that the ring is closed. The last producer to finish closes it, or the
 * second earlier. A ring of CAPACITY slots. Anybody may die anywhere; whoever waits
 * repairs.
 *
 * With BATCH messages are pushed by PushAll and popped by PopInto, up to CAPACITY
 * at once; with LEND they are read in place, or popped; with CANCEL the second
 * producer may give up what it has reserved; with ONCE the first consumer pops once
 * and leaves. LAG is how far a hint falls behind
 * before it is raised.
 *
 * Steps                                            Go (methods of MPMC, track)
 *   push, walk, passed   loads of tail, closed,    claim, nextFree
 *                and a slot at a time
 *   count        what the word counts, or a load   inRow
 *                of the next slot
 *   claim        compare-and-swap                  claim
 *   advance      compare-and-swap of a hint        advance
 *   fill, store  payload, release store of the     publish, pushSome; Cancel
 *                word into the store buffer
 *   wakeConsumers, wakeProducers    loads, Notify  (the same)
 *   pop, walk    loads of head, tail and a slot    TryPop, popSome, TryNext,
 *                at a time                         nextFull, surelyTaken
 *   vacant, told load of closed, compare-and-swap  nextFull
 *   copy, take   loads, then a compare-and-swap    TryPop, popSome, inRow, TryNext
 *   free         a release store for each slot     popSome, (Lent).Release
 *   repair       load, probe, loads of the hints,  repair, repairTail, repairHead
 *                compare-and-swaps, Notify
 *   orphans, adopt   loads, probe, compare-and-    orphaned, anyLent, adopt, redeliver
 *                swap
 *   armed, barrier, sleep                          (*object).await, wait.Event
 *   close        store of closed, Notify twice     (*object).closeRing
 *
 * A word's lap is whole here: Invariant 8 is not modelled. A payload is in memory
 * before its word is in the store buffer, which has room for one store.
 *
 * Properties
 *   -  a run that is claimed, or taken, was free, or full (Invariant 9): `claim`, `take`
 *   -  a message is got once at most, after it was published, and in its producer's
 *      order: `get`; a copy is whole (Invariant 5), since it is known by its number
 *   -  all that was published has been got when a consumer is told that the ring is
 *      closed, and nothing is published after that: `taken`, `ended`
 *   -  no wake-up is lost, nobody waits on the dead: slept in event.h; no deadlock
 *   -  ErrCorrupt does not come of anything that a process does: passed
 *
 * Mutations that must fail
 *   NOFENCE      -DDEATHS=0 -DCONSUMERS=1  the sleeper's barrier empties no buffer
 *   NOREPAIR     nobody looks for the dead
 *   STORECLAIM   -DDEATHS=0 -DCONSUMERS=1  a claim is a store instead of a
 *                compare-and-swap
 *   NOCLOSEDWORD -DPUSHES0=1 -DPUSHES1=0  a consumer is told that the ring is closed
 *                without closing the slot
 *   NOPROBE      -DPUSHES0=1 -DPUSHES1=0  repair does not ask whether an owner is dead
 *   NOANYLENT    -DPUSHES0=1 -DPUSHES1=0 -DLEND  a consumer at the end does not ask
 *                whether a message is lent
 *   TAKEFIRST    -DCONSUMERS=1 -DPUSHES0=2 -DPUSHES1=1 -DBATCH  a message is taken
 *                before it is copied
 *   STOREREPAIR  -DCONSUMERS=1 -DPUSHES0=2 -DPUSHES1=1 -DBATCH  repair stores instead
 *                of a compare-and-swap
 *   FIRSTFIRST   -DCONSUMERS=1 -DPUSHES0=2 -DPUSHES1=1 -DBATCH  a batch is published
 *                from its first slot on
 *   HALFREPAIR   -DCONSUMERS=1 -DPUSHES0=2 -DPUSHES1=1 -DBATCH  repair frees the first
 *                slot of a run only
 *
 * Memory: 1000 MB
 * Check: -DDEATHS=1 -DCONSUMERS=1
 * Check: -DDEATHS=1 -DPUSHES0=1 -DPUSHES1=0
 * Check: -DDEATHS=1 -DPUSHES0=1 -DPUSHES1=0 -DONCE
 * Check: -DDEATHS=1 -DCONSUMERS=1 -DPUSHES0=2 -DPUSHES1=1 -DBATCH
 * Check: -DDEATHS=1 -DCONSUMERS=1 -DPUSHES0=1 -DPUSHES1=1 -DCANCEL
 *
 * So there are two producers or two consumers: no search of both has been seen to
 * its end, nor of BATCH or CANCEL with two consumers, nor of LEND, which needs two
 * (56 million states without an error, and NOANYLENT was found). None has found the
 * mutation WAKEONE (with ONCE).
 */

#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LAG
#define LAG 1
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef PUSHES0
#define PUSHES0 2
#endif
#ifndef PUSHES1
#define PUSHES1 1
#endif
#define N 4

#define producers	3	/* as sets: processes 0 and 1, */
#define consumers	12	/* and 2 and 3 */

/*
 * A word: 4 bits of lap, 2 of run, 3 of owner, 3 of phase. The id of p is p+1. A word
 * without an owner counts the slots behind it where the run is, as far as it knows.
 */
#define FREE		0
#define FULL		1
#define CLOSED		2
#define WRITING		4
#define READING		5
#define FREEING		6
#define phaseOf(w)	((w) & 7)
#define ownerOf(w)	(((w) >> 3) & 7)
#define runOf(w)	(((w) & 4) -> ((w) >> 6) & 3 : 1)
#define lapOf(w)	(((w) >> 8) & 15)
#define more(n)		((n) << 6)
#define moreOf(w)	(((w) >> 6) & 3)
#define stateOf(w)	((w) & ~(more(3)))
#define plain(phase, pos)	((lap(pos) << 8) + (phase))
#define claimed(phase, run, pos) ((lap(pos) << 8) + ((run) << 6) + ((me + 1) << 3) + (phase))
#define next(pos)	((pos) + CAPACITY)	/* the same slot a lap later */
#define lap(pos)	((pos) / CAPACITY)
#define slot(pos)	((pos) % CAPACITY)

short word[CAPACITY];
byte payload[CAPACITY] = 9;
byte head, tail;
bool closed;
byte lends;			/* see mpmc_repair.go */
#define LENT		1
#define ORPHANS		2

short buffer[N];		/* a slot and a word that is not in memory yet */

byte published;			/* messages, as sets, for the properties */
byte gotten;
byte taken;			/* for good: not only lent */
bool ended;			/* a consumer has been told that the ring is closed */

#define buffered(p)	(buffer[p] != 0)
#define drain(p)	if \
			:: buffered(p) -> word[buffer[p] >> 12] = buffer[p] & 4095; buffer[p] = 0 \
			:: else \
			fi
#define drained		(buffer[0] + buffer[1] + buffer[2] + buffer[3] == 0)
#define died(p)		skip
#define gone(q)		(((dead | over) & (q)) == (q))
#define hopeless	((me < 2 && gone(consumers)) || \
			 (me >= 2 && gone(producers) && !closed && taken == published))

#include "event.h"

/* A process sees its own buffer. */
#define load(pos)	((buffered(me) && (buffer[me] >> 12) == slot(pos)) -> buffer[me] & 4095 : word[slot(pos)])
#define store(pos, w)	drain(me); buffer[me] = (slot(pos) << 12) + (w)
#define ahead(w, pos)	(lapOf(w) - lap(pos))

/* Notify, which does nothing if nobody waits. */
inline wake(q, n) {
	if
	:: atomic { waiting(q) -> drain(me); armed = armed & ~(q) };
		futexWake(q, n)
	:: atomic { !waiting(q) -> n = 0 }
	fi
}

#define further(hint)	pos = (hint > pos -> hint : pos); was = hint

/* advance raises a hint, seen as was. */
inline advance(hint, was, to) {
	last = to;
	atomic {
		if
		:: to - was >= LAG ->
			drain(me);
			if
			:: hint == was || to >= hint + LAG -> hint = to
			:: else
			fi
		:: else
		fi;
		was = 0
	}
}

/* wakeConsumers wakes for each of the n messages published from pos on. */
inline wakeConsumers(pos, n) {
	if
	:: !waiting(consumers) -> n = 0
	:: else ->
#ifndef WAKEONE
		if
		:: closed -> n = N
		:: else ->
			if
			:: stateOf(load(pos + n)) != plain(FREE, pos + n) -> n = N
			:: else
			fi
		fi;
#endif
		wake(consumers, n)
	fi
}

/* wakeProducers wakes for each of the n slots freed from pos on. */
inline wakeProducers(pos, n) {
	i = closed;
	if
	:: i || waiting(producers) ->
		i = 0;
		if
		:: closed -> i = N; wake(consumers, i)
		:: else
		fi;
		if
		:: ahead(load(pos + n), pos + n) > 0 -> n = N
		:: else
		fi;
		wake(producers, n)
	:: else -> n = 0
	fi
}

/* surelyTaken loads head, and then tail. */
inline surelyTaken(t) {
	t = head;
	atomic {
		if
		:: tail > t + CAPACITY -> t = tail - CAPACITY
		:: else
		fi
	}
}

/* mend is repair, for the slot of pos, whose word was w. fixed tells whether it did. */
inline mend() {
	fixed = false;
	if
	:: atomic { (w & 4) &&
#ifndef NOPROBE
		isDead(ownerOf(w) - 1) &&
#endif
		load(pos) == w -> skip };
		surelyTaken(n);
		atomic {
			if
			:: n > pos || ahead(w, pos) > 0 || ahead(w, pos) < -1 -> n = 0; goto repaired
			:: n <= pos && ahead(w, pos) == 0
			:: n <= pos && ahead(w, pos) == -1 -> pos = pos - CAPACITY
			fi;
			n = 0;
			i = runOf(w) - 1;
			if
			:: phaseOf(w) == READING -> i = 0; goto orphan
			:: else
			fi
		};
#ifndef HALFREPAIR
		do
		:: i > 0 ->
			atomic {
				drain(me);
				if
				:: stateOf(word[slot(pos + i)]) == plain(FULL, pos + i) ->
					word[slot(pos + i)] = plain(FREE, next(pos + i)); i--
				:: stateOf(word[slot(pos + i)]) != plain(FULL, pos + i) && phaseOf(w) != WRITING -> i--
				:: else -> goto undo
				fi
			}
		:: atomic { i == 0 -> break }
		:: false ->
undo:			atomic {
				if
				:: stateOf(word[slot(pos + i)]) == plain(FREE, pos + i) ->
					word[slot(pos + i)] = plain(FREE, next(pos + i))
				:: else
				fi;
				i--
			}
		od;
#endif
		atomic {
			i = 0;
			drain(me);
			if
#ifndef STOREREPAIR
			:: word[slot(pos)] != w -> goto repaired
#endif
			:: else -> word[slot(pos)] = plain(FREE, next(pos)); came; fixed = true; n = N
			fi
		};
		wake(producers, n);
		n = N;
		wake(consumers, n);
		goto repaired;
orphan:		atomic { drain(me); lends = ORPHANS; n = N };
		wake(consumers, n)
	:: else
	fi;
repaired:
	atomic { w = 0; pos = 0; n = 0; i = 0 }
}

#define message(k)	(2 * me + (k))
#define pushes		(me == 0 -> PUSHES0 : PUSHES1)

#ifdef FIRSTFIRST
#define at		(n - i)
#else
#define at		(i - 1)		/* the first slot last: Invariant 4 */
#endif

proctype producer(byte me) {
	short w;
	byte pos, n, i, was, last, pushed;
	bool tested, look, fixing, fixed;
push:	{
	atomic {
		if
		:: pushed == pushes -> goto leave
		:: else
		fi;
		was = tail;
		pos = (last > was -> last : was)
	};
	if
	:: closed -> goto leave
	:: else
	fi;
walk:	atomic {		/* nextFree */
		w = load(pos);
		if
		:: ahead(w, pos) == 0 && phaseOf(w) == FREE -> goto found
		:: ahead(w, pos) >= 0 && phaseOf(w) == CLOSED -> goto told
		:: ahead(w, pos) == 0 && phaseOf(w) != FREE && phaseOf(w) != CLOSED ->
			pos = pos + runOf(w); w = 0; goto walk
		:: ahead(w, pos) > 0 && phaseOf(w) != CLOSED ->
			pos = pos + (ahead(w, pos) - 1) * CAPACITY + 1; w = 0; goto walk
		:: ahead(w, pos) < 0
		fi
	};
passed:	atomic {
		if
		:: tail > pos -> pos = tail; w = 0; goto walk
		:: tail <= pos && fixing -> goto repair
		:: tail <= pos && !fixing -> w = 0; pos = 0; was = 0; goto noRoom
		fi
	};
told:	atomic {
		w = 0; pos = 0; was = 0;
		if
		:: fixing -> fixing = false; goto push
		:: else -> goto leave
		fi
	};

found:	atomic {
		if
		:: fixing -> fixing = false; w = 0; pos = 0; goto push
		:: else -> n = 1
		fi;
#ifdef BATCH
		if
		:: pushed + 1 < pushes -> goto count
		:: else -> goto claim
		fi
	};
count:	atomic {
		if
		:: moreOf(w) > 0 || stateOf(load(pos + 1)) == plain(FREE, pos + 1) -> n = 2
		:: else
		fi
#endif
	};
claim:	atomic {
		drain(me);
		if
#ifndef STORECLAIM
		:: word[slot(pos)] != w -> n = 0; further(tail); goto walk
#endif
		:: else ->
			assert(n == 1 || stateOf(word[slot(pos + 1)]) == plain(FREE, pos + 1));
			word[slot(pos)] = claimed(WRITING, n, pos); w = 0
		fi
	};
	advance(tail, was, pos + n);
#ifdef CANCEL
	if
	:: skip
	:: me == 1 -> atomic { store(pos, plain(FREE, next(pos))); pushed++; n = N };
		wake(consumers, n);
		n = 1;
		goto freed
	fi;
#endif
	i = n;
fill:	payload[slot(pos + at)] = message(pushed + at);
	atomic {
		store(pos + at, plain(FULL, pos + at) + more(n - 1 - (at)));
#ifdef FIRSTFIRST
		published = published | bit(message(pushed + at));
#endif
		i--;
		if
		:: i > 0 -> goto fill
		:: else
		fi;
		assert(!ended);
		published = published | bit(message(pushed));
		if
		:: n == 2 -> published = published | bit(message(pushed + 1))
		:: else
		fi;
		pushed = pushed + n;
		disarm; came; tested = false; look = false
	};
	wakeConsumers(pos, n);
	atomic { pos = 0; goto push };
#ifdef CANCEL
freed:	wakeProducers(pos, n);
	atomic { pos = 0; disarm; came; tested = false; look = false; goto push };
#endif

noRoom:	atomic {
		if
		:: tested && look -> look = false; goto fix
		:: tested && !look -> tested = false; goto sleep
		:: !tested -> drain(me); arm; tested = true
		fi
	};
	barrier(i);
	goto push;
fix:	atomic {		/* repairTail */
#ifdef NOREPAIR
		goto push;
#endif
		fixing = true; pos = tail; goto walk
	};
repair:	mend();
	atomic {
		fixing = false;
		if
		:: fixed -> fixed = false; goto fix
		:: else -> goto push
		fi
	};
sleep:	gotoSleep();
	slept();
	atomic {
		if
		:: hopeless -> goto leave
		:: else -> look = true; goto push
		fi
	};

leave:	atomic {
		w = 0; pos = 0; n = 0; was = 0; last = 0; tested = false; look = false; disarm;
		if
		:: (dead | over) & bit(1 - me) -> goto close
		:: me == 1 -> goto close
		:: else -> goto done
		fi
	};
close:	atomic { drain(me); closed = true; came; n = N };
	wake(consumers, n);
	n = N;
	wake(producers, n);
done:	finish
	} unless { atomic { die(); w = 0; pos = 0; n = 0; i = 0; was = 0; last = 0; pushed = 0;
		tested = false; look = false; fixing = false; fixed = false } };
end:	false
}

/* get is the instant at which a message is popped or lent. */
inline get(v) {
	assert(published & bit(v));
	assert(!(gotten & bit(v)));
	assert(!(v & 1) || (gotten & bit(v - 1)));
	gotten = gotten | bit(v)
}

proctype consumer(byte me) {
	short w;
	byte pos, n, i, was, last, v, v2;
	bool tested, look, fixing, fixed;
#ifdef LEND
	bool reading;		/* by TryNext, else by TryPop */
	byte from;		/* what comes after a vain look for orphans: */
#define START	0		/* the walk, */
#define TRY	1		/* another try, */
#define NONE	2		/* or there is nothing to be had */
#endif
pop:	{
#ifdef LEND
	atomic {
		if
		:: reading = false
		:: reading = true;
			if
			:: lends == 0 -> drain(me); lends = LENT
			:: else
			fi
		fi
	};
	atomic {		/* orphaned */
		if
		:: lends == ORPHANS -> drain(me); lends = LENT; from = START; goto adopt
		:: else
		fi
	};
start:
#endif
	atomic { was = head; pos = (last > was -> last : was) };
walk:	atomic {		/* nextFull */
		w = load(pos);
		if
		:: ahead(w, pos) == 0 && phaseOf(w) == FULL -> goto copy
		:: ahead(w, pos) == 0 && phaseOf(w) == CLOSED -> goto told
		:: ahead(w, pos) == 0 && phaseOf(w) == FREE -> goto vacant
		:: ahead(w, pos) >= 0 && phaseOf(w) >= READING ->
			pos = pos + ahead(w, pos) * CAPACITY + runOf(w); w = 0; goto walk
		:: ahead(w, pos) > 0 && phaseOf(w) == FREE ->
			pos = pos + (ahead(w, pos) > 2 -> ahead(w, pos) - 2 : 0) * CAPACITY + 1; w = 0; goto walk
		:: ahead(w, pos) > 0 && phaseOf(w) != FREE && phaseOf(w) < READING ->
			pos = pos + (ahead(w, pos) - 1) * CAPACITY + 1; w = 0; goto walk
		:: else
		fi
	};
	surelyTaken(i);
	atomic {
		if
		:: i > pos -> pos = i; i = 0; w = 0; goto walk
		:: else
		fi;
		i = 0;
		assert(ahead(w, pos) == 0 || phaseOf(w) >= READING);	/* else ErrCorrupt */
		if
		:: fixing -> goto repair
		:: else -> goto none
		fi
	};
vacant:	atomic {
		if
		:: closed
		:: !closed && fixing -> goto repair
		:: !closed && !fixing -> goto none
		fi
	};
#ifndef NOCLOSEDWORD
	atomic {
		drain(me);
		if
		:: word[slot(pos)] == w -> word[slot(pos)] = plain(CLOSED, pos)
		:: else -> w = 0; goto walk
		fi
	};
#endif
told:	atomic {
		w = 0; pos = 0; was = 0;
		if
		:: fixing -> fixing = false; goto looked
		:: else
		fi
#if defined(LEND) && !defined(NOANYLENT)
	};
	atomic {		/* anyLent */
		if
		:: lends == 0 -> goto theEnd
		:: else
		fi
	};
	do
	:: atomic { i == CAPACITY -> i = 0; break }
	:: atomic { i < CAPACITY && phaseOf(load(i)) == READING && ownerOf(load(i)) != me + 1 ->
		i = 0; from = NONE; goto adopt }
	:: atomic { i < CAPACITY && !(phaseOf(load(i)) == READING && ownerOf(load(i)) != me + 1) -> i++ }
	od;
theEnd:	atomic {
#else
		;
#endif
		assert(taken == published);
		ended = true; came;
		goto leave
	};

copy:	atomic {
		if
		:: fixing -> fixing = false; w = 0; pos = 0; goto looked
		:: else
		fi;
		n = 1;
#ifndef TAKEFIRST
		v = payload[slot(pos)]
#endif
	};
#ifdef BATCH
	atomic {
		if
		:: moreOf(w) > 0 || stateOf(load(pos + 1)) == plain(FULL, pos + 1) -> n = 2
		:: else -> goto take
		fi
	};
	v2 = payload[slot(pos + 1)];
take:
#endif
	atomic {
		drain(me);
		if
		:: word[slot(pos)] != w -> n = 0; v = 0; v2 = 0; further(head); goto walk
#ifdef LEND
		:: word[slot(pos)] == w && reading ->
			get(v);
			word[slot(pos)] = claimed(READING, 1, pos); w = 0; n = 0; v = 0;
			goto lent
		:: word[slot(pos)] == w && n == 1 && !reading -> word[slot(pos)] = plain(FREE, next(pos))
#else
		:: word[slot(pos)] == w && n == 1 -> word[slot(pos)] = plain(FREE, next(pos))
		:: word[slot(pos)] == w && n == 2 -> word[slot(pos)] = claimed(FREEING, 2, pos)
#endif
		fi;
		w = 0;
		assert(n == 1 || stateOf(word[slot(pos + 1)]) == plain(FULL, pos + 1));
#ifdef TAKEFIRST
		v = payload[slot(pos)];		/* for the properties */
#endif
		get(v); taken = taken | bit(v);
#ifdef BATCH
		if
		:: n == 2 -> get(v2); taken = taken | bit(v2)
		:: else
		fi;
#endif
#ifdef TAKEFIRST
	};
	atomic {
		assert(v == payload[slot(pos)]);
#endif
		v = 0; v2 = 0;
		disarm; came; tested = false; look = false;
		if
		:: n == 1 -> goto free
		:: else -> i = n
		fi
	};
	do
	:: atomic { i > 0 -> store(pos + i - 1, plain(FREE, next(pos + i - 1)) + more(n - i)); i-- }
	:: atomic { i == 0 -> break }
	od;
free:	advance(head, was, pos + n);
freed:	wakeProducers(pos, n);
	atomic {
		pos = 0;
#ifdef ONCE
		if
		:: me == 2 -> goto leave
		:: else
		fi;
#endif
		goto pop
	};

#ifdef LEND
lent:	advance(head, was, pos + 1);
relent:	v = payload[slot(pos)];
	atomic {		/* Release */
		assert(load(pos) == claimed(READING, 1, pos) && payload[slot(pos)] == v);
		store(pos, plain(FREE, next(pos)));
		assert(!(taken & bit(v)));
		taken = taken | bit(v);
		v = 0; n = 1;
		disarm; came; tested = false; look = false;
		goto freed
	};

adopt:	atomic {
		if
		:: i == CAPACITY && from == START -> i = 0; goto start
		:: i == CAPACITY && from == TRY -> i = 0; from = START; goto pop
		:: i == CAPACITY && from == NONE -> i = 0; from = START; goto none
		:: else
		fi;
		w = load(i);
		if
		:: phaseOf(w) == READING && isDead(ownerOf(w) - 1) -> pos = lapOf(w) * CAPACITY + i
		:: else -> w = 0; i++; goto adopt
		fi
	};
	v = payload[i];
	atomic {
		drain(me);
		if
		:: word[i] != w -> w = 0; v = 0; pos = 0; i++; goto adopt
		:: else -> assert((gotten & bit(v)) && !(taken & bit(v)))
		fi;
		w = 0; was = 0; from = START;
		disarm; came; tested = false; look = false;
		if
		:: reading -> word[i] = claimed(READING, 1, pos); v = 0; i = 0; goto relent
		:: else -> word[i] = plain(FREE, next(pos)); taken = taken | bit(v); v = 0; i = 0; n = N; goto freed
		fi
	};
#endif

none:	atomic {
		w = 0; pos = 0; was = 0;
		if
		:: tested && look -> look = false; goto fix
		:: tested && !look -> tested = false; goto sleep
		:: !tested -> drain(me); arm; tested = true
		fi
	};
	barrier(i);
	goto pop;
fix:	atomic {		/* repairHead */
#ifdef NOREPAIR
		goto looked;
#endif
		fixing = true; pos = head; goto walk
	};
repair:	mend();
	atomic {
		fixing = false;
		if
		:: fixed -> fixed = false; goto fix
		:: else -> goto looked
		fi
	};
looked:
#ifdef LEND
	atomic { from = TRY; goto adopt };
#else
	goto pop;
#endif
sleep:	gotoSleep();
	slept();
	atomic {
		if
		:: hopeless -> goto leave
		:: else -> look = true; goto pop
		fi
	};
leave:	atomic {
#ifdef LEND
		reading = false;
#endif
		last = 0; tested = false; look = false
	};
	finish
	} unless { atomic { die(); w = 0; pos = 0; n = 0; i = 0; was = 0; last = 0; v = 0; v2 = 0;
#ifdef LEND
		reading = false; from = 0;
#endif
		tested = false; look = false; fixing = false; fixed = false } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
end:	do
	:: atomic { buffered(0) -> drain(0) }
	:: atomic { buffered(1) -> drain(1) }
	:: atomic { buffered(2) -> drain(2) }
	:: atomic { buffered(3) -> drain(3) }
	od
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run consumer(2);
#if CONSUMERS == 2
		run consumer(3)
#else
		over = bit(3)
#endif
	}
}
