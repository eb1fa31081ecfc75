/*
 * Messages of several chunks: the BytesMPMC of ring/bytes_mpmc.go and its sisters
 * bytes_mpmc_batch, bytes_mpmc_unsafe, bytes_mpmc_push, bytes_mpmc_pop, bytes_mpmc_lend and
 * bytes_mpmc_walk, and the repair of mpmc_repair.go.
 *
 * PRODUCERS want to push PUSHES messages each, CONSUMERS pop until they are told that
 * the ring is closed. The last producer to finish closes it, or the second earlier. A
 * ring of CAPACITY chunks, which has gone round as far as position START. Its hints may
 * lag, at HINTS: who went on from there died before raising them. So walks begin in the lap
 * before. The messages of the set LONG take two chunks, the others one; message k of
 * producer p is number p+2k. So a long one whose turn comes at the last chunk lies at the
 * beginning, and its span is three. Anybody may die anywhere.
 *
 * With BATCH a producer pushes at once as many of its messages as find room in a row, and a
 * consumer pops two, where it can. A batch has less chunks than the ring: up to three
 * messages. With LEND messages are read in place, or popped; with CANCEL the last producer
 * may give up what it has reserved. LAG is how far a hint falls behind before it is raised.
 *
 * Steps                                            Go (methods of BytesMPMC)
 *   push, walk, passed   loads of closed, tail,    claim, nextFree
 *                and a word at a time
 *   scan, blocked   a load of a word of each other obstacle, findRoom
 *                run of the span; the first again
 *   row          loads, as in scan, for the        freeRow, fitting
 *                messages behind
 *   claim        compare-and-swap                  claim
 *   advance      compare-and-swap of a hint        advance
 *   fill, publish   for each message behind the    fill, writeMany, write, publish
 *                first, in order, and then the
 *                first: a store for each chunk;
 *                release store of the word into
 *                the store buffer
 *   give         a release store for each word,    free, of Cancel and take
 *                the first last
 *   pop, walk    loads of head, tail and a word    TryPop, TryNext, nextFull,
 *                at a time                         surelyTaken
 *   vacant, told load of closed, compare-and-swap  nextFull
 *   length, same, copy   loads of the length, of   message, popSome, copyRow
 *                the word, of the other chunk
 *   row          loads of the word of the message  copyRow, readMany
 *                behind, and the same of it
 *   take         compare-and-swap                  take, lend
 *   none         load of head, compare-and-swap    notTaken
 *   repair       load, probe, loads of the hints,  repair, repairTail, repairHead
 *                compare-and-swaps, Notify
 *   orphans, adopt   loads, probe, compare-and-    orphaned, anyLent, adopt, redeliver,
 *                swap                              relend
 *   close        store of closed                   (*object).close
 *
 * A word's lap is whole here: Invariant 8 is not modelled. Nor is it that a length may be
 * less than the run, what runs are rounded to, or the count of deliveries. A chunk's
 * content is in memory before the word is in the store buffer, which has room for one
 * store. It is lost as soon as the chunk is free.
 *
 * Whoever would wait is blocked until the word that was in its way is another, or its
 * owner is dead; that no wake-up is lost is left to event.pml and mpmc.pml. So a push must
 * never make room for another (Invariant 9). Before that it repairs when it likes, and
 * once the owner is dead it must.
 *
 * Properties
 *   -  a message is got once at most, after it was published, in its producer's order,
 *      and whole (Invariant 5): `get`
 *   -  nobody else writes to the chunks of who claims (Invariant 3): fill; each word goes
 *      from lap to lap: `put`
 *   -  a length is called corrupt only if it is of the message (ErrCorrupt): same, passed
 *   -  all that was published has been got when a consumer is told that the ring is
 *      closed, and nothing is published after that: `taken`, `ended`
 *   -  nobody waits on the dead, or for what never comes: no deadlock
 *
 * Mutations that must fail
 *   NOREPAIR     nobody looks for the dead
 *   NOPROBE      repair does not ask whether an owner is dead
 *   LOOKONCE     it does not look at the word after that (6)
 *   STOREREPAIR  it stores instead of a compare-and-swap (6)
 *   STORECLAIM   a claim is a store instead of a compare-and-swap (2)
 *   NOSCAN       a producer looks at the first chunk only (3)
 *   STEP         whoever walks comes to the chunks inside of a span (1)
 *   MISCOUNT     -DBATCH -DSTART=1 -DLONG=15  a freed chunk speaks for one more than
 *                there is (10)
 *   FIRSTFIRST   a span is freed from its first chunk on (4)
 *   EARLY        a message is published before it is written
 *   UNSEEN       -DBATCH -DLONG=14 -DPUSHES1=2  a producer does not look at the chunks
 *                of the messages behind (3)
 *   FORWARD      -DBATCH -DLONG=1  of a batch, the first message is published first, not
 *                last (4)
 *   JUMP         -DBATCH -DSTART=4 -DHINTS=1 -DPUSHES0=3 -DLONG=0  a producer goes from a
 *                message of a later lap to what is behind it in that lap (4)
 *   KEEPFULL     -DBATCH -DLONG=1  repair leaves what is published behind the first (6)
 *   NOSAME       -DSTART=3 -DPRODUCERS=1 -DCONSUMERS=2  a length is looked at though the
 *                message may have been taken
 *   STORETAKE    -DSTART=3 -DPRODUCERS=1 -DCONSUMERS=2  a take is a store instead of a
 *                compare-and-swap (5)
 *   NOCLOSEDWORD a consumer is told that the ring is closed without closing the chunk
 *   NOANYLENT    -DSTART=3 -DPRODUCERS=1 -DCONSUMERS=2 -DPUSHES0=1 -DLEND  a consumer at
 *                the end does not ask whether a message is lent
 *
 * Check: -DSTART=3 -DPUSHES0=1
 * Check: -DSTART=3
 * Check: -DSTART=3 -DPUSHES0=1 -DCANCEL
 * Check: -DSTART=3 -DPRODUCERS=1 -DCONSUMERS=2
 * Check: -DSTART=3 -DPRODUCERS=1 -DCONSUMERS=2 -DPUSHES0=1 -DLEND
 * Check: -DBATCH
 * Check: -DBATCH -DSTART=1 -DLONG=1
 * Check: -DBATCH -DPRODUCERS=1 -DCONSUMERS=2
 * Check: -DBATCH -DSTART=4 -DHINTS=1 -DPUSHES0=3 -DLONG=0
 */

#ifndef CAPACITY
#define CAPACITY 4
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LAG
#define LAG 1
#endif
#ifndef START
#define START 0
#endif
#ifndef HINTS
#define HINTS START
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#ifndef PUSHES0
#define PUSHES0 2
#endif
#ifndef PUSHES1
#define PUSHES1 1
#endif
#ifndef LONG
#define LONG 3
#endif
#define N (PRODUCERS + CONSUMERS)

#define producers	(bit(PRODUCERS) - 1)	/* as sets: the first processes, */
#define consumers	(all - producers)	/* and the others */

/* A word: 4 bits of lap, 2 of run, 3 of owner, 3 of phase. The id of p is p+1. */
#define FREE		0
#define FULL		1
#define CLOSED		2
#define WRITING		4
#define READING		5
#define FREEING		6
#define phaseOf(w)	((w) & 7)
#define ownerOf(w)	(((w) >> 3) & 7)
#define runOf(w)	(((w) >> 6) & 3)
#define lapOf(w)	(((w) >> 8) & 15)
#define plain(phase, pos)	((lap(pos) << 8) + (phase))
#define filled(pos, run)	((lap(pos) << 8) + ((run) << 6) + FULL)
#define claimed(phase, run, pos) ((lap(pos) << 8) + ((run) << 6) + ((me + 1) << 3) + (phase))
#define next(pos)	((pos) + CAPACITY)	/* the same chunk a lap later */
#define lap(pos)	((pos) / CAPACITY)
#define chunk(pos)	((pos) % CAPACITY)
#define wraps(pos, run)	(chunk(pos) + (run) > CAPACITY)
#define span(pos, run)	(wraps(pos, run) -> CAPACITY - chunk(pos) + (run) : (run))
#ifdef STEP
#define step(pos, run)	1
#else
#define step(pos, run)	span(pos, run)
#endif
#define place(pos, run)	(wraps(pos, run) -> 0 : chunk(pos))

short word[CAPACITY];
byte content[CAPACITY];		/* 1 + the message */
byte head = HINTS, tail = HINTS;
bool closed;
byte lends;			/* see mpmc_repair.go */
#define LENT		1
#define ORPHANS		2

short buffer[N];		/* a chunk and a word that is not in memory yet */

byte published;			/* messages, as sets of up to 8, for the properties */
byte gotten;
byte taken;			/* for good: not only lent */
bool ended;			/* a consumer has been told that the ring is closed */

/* put changes a word in memory. */
#define put(c, w)	assert(lapOf(w) == lapOf(word[c]) + (phaseOf(w) == FREE)); \
			word[c] = w; \
			content[c] = (phaseOf(word[c]) == FREE -> 0 : content[c])

#define buffered(p)	(buffer[p] != 0)
#define drain(p)	if \
			:: buffered(p) -> put(buffer[p] >> 12, buffer[p] & 4095); buffer[p] = 0 \
			:: else \
			fi
#define gone(q)		(((dead | over) & (q)) == (q))
#define hopeless	((me < PRODUCERS && gone(consumers)) || \
			 (me >= PRODUCERS && gone(producers) && !closed && taken == published))

#include "crash.h"

inline die() {
	death?_ ->
	dead = dead | bit(me);
	drain(me)
}

#define finish		atomic { over = over | bit(me) }

/* A process sees its own buffer. */
#define load(pos)	((buffered(me) && (buffer[me] >> 12) == chunk(pos)) -> buffer[me] & 4095 : word[chunk(pos)])
#define store(pos, w)	drain(me); buffer[me] = (chunk(pos) << 12) + (w)
#define ahead(w, pos)	(lapOf(w) - lap(pos))

/* stuck waits until what is in the way is not, or is of the dead. */
#ifdef NOPROBE
#define lost(w)		true
#else
#ifdef NOREPAIR
#define lost(w)		false
#else
#define lost(w)		isDead(ownerOf(w) - 1)
#endif
#endif
#define known(w)		(phaseOf(w) == READING && lends == ORPHANS)
#define ofDead(w)	(((w) & 4) && lost(w) && !known(w))
#define stuck(or)	(load(pos) != w || ofDead(w) || (or) || hopeless)

/* Somebody else reads; the reader is dead. */
#define reads(i)	(phaseOf(word[i]) == READING && ownerOf(word[i]) != me + 1)
#define othersRead	(reads(0) || reads(1) || reads(2) || reads(3))
#define deadRead(i)	(phaseOf(word[i]) == READING && ofDead(word[i]))
#define deadReads	(deadRead(0) || deadRead(1) || deadRead(2) || deadRead(3))

/* advance raises a hint, seen as was; or, if another has raised it meanwhile, from there. */
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

/* further lets a walk that has lost a race go on from a hint, if that is further. */
#define further(hint)	pos = (hint > pos -> hint : pos); was = hint

#ifdef FIRSTFIRST
#define nth		(n - i)
#else
#define nth		(i - 1)		/* the first chunk last: Invariant 4 */
#endif

/* more is how many chunks behind its own, up to the ring's end, the word of the k-th of n
 * freed chunks speaks for. */
#ifdef MISCOUNT
#define more(k)		(n - (k))
#else
#define more(k)		(n - 1 - (k))
#endif
#define left(pos)	(CAPACITY - 1 - chunk(pos))
#define freed(pos, k)	(plain(FREE, next((pos) + (k))) + \
			 ((more(k) < left((pos) + (k)) -> more(k) : left((pos) + (k))) << 6))
#define isFree(w, pos)	(phaseOf(w) == FREE && lapOf(w) == lap(pos))

/* give frees the n chunks from pos on, and goes there. */
inline give() {
	i = n;
	do
	:: atomic { i > 0 -> store(pos + nth, freed(pos, nth)); i-- }
	:: atomic { i == 0 -> break }
	od;
	atomic { pos = pos + n; n = 0 }
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

#ifdef KEEPFULL
#define unclaimed(w)	(phaseOf(w) == FREE)
#else
#define unclaimed(w)	(phaseOf(w) == FREE || phaseOf(w) == FULL)
#endif

/* mend is repair, for the span at pos, whose word was w. fixed tells whether it did. */
inline mend() {
	fixed = false;
	if
	:: atomic {
#ifndef LOOKONCE
		load(pos) == w &&
#endif
		ofDead(w) -> skip };
		surelyTaken(n);
		atomic {
			if
			:: n > pos || ahead(w, pos) > 0 || ahead(w, pos) < -1 -> n = 0; goto repaired
			:: n <= pos && ahead(w, pos) == 0
			:: n <= pos && ahead(w, pos) == -1 -> pos = pos - CAPACITY
			fi;
			n = 0;
			if
			:: phaseOf(w) == READING -> goto orphan
			:: else -> i = span(pos, runOf(w)) - 1
			fi
		};
#ifndef HALFREPAIR
		do
		:: atomic { i > 0 ->
			drain(me);
			if
			:: unclaimed(word[chunk(pos + i)]) && ahead(word[chunk(pos + i)], pos + i) == 0 ->
				put(chunk(pos + i), plain(FREE, next(pos + i)))
			:: else
			fi;
			i-- }
		:: atomic { i == 0 -> break }
		od;
#endif
		atomic {
			i = 0;
			drain(me);
			if
#ifndef STOREREPAIR
			:: word[chunk(pos)] != w -> goto repaired
#endif
			:: else -> put(chunk(pos), plain(FREE, next(pos))); fixed = true
			fi
		};
		goto repaired;
orphan:		atomic { drain(me); lends = ORPHANS }
	:: else
	fi;
repaired:
	atomic { w = 0; pos = 0; n = 0; i = 0 }
}

/* most chunks that a batch at pos has */
#define most(pos)	(chunk(pos) == 0 -> CAPACITY - 1 : CAPACITY - chunk(pos))

#define fillOne(c, v)	assert(content[c] == 0); content[c] = v

#define message(k)	(me + 2 * (k))
#define runFor(v)	((LONG & bit(v)) -> 2 : 1)
#define pushes		(me == 0 -> PUSHES0 : PUSHES1)

#define runBehind(k)	runFor(message(pushed + 1 + (k)))

/* fit is how many chunks and messages fit into room chunks behind the message of run n. */
inline fit(room) {
	b = 0; k = 0;
	do
	:: pushed + 1 + k < pushes && n + b + runBehind(k) <= room -> b = b + runBehind(k); k++
	:: else -> break
	od
}

/* current is published next, message q of its batch, at pos + r: those behind the first in
 * order, and then the first, which is 0. */
#define current		message(pushed + q)
#ifdef FORWARD
#define foremost	0
#define final		k
#else
#define foremost	(k > 0 -> 1 : 0)
#define final		0
#endif

proctype producer(byte me) {
	short w, o;
	byte pos, n, i, was, last, pushed;
	byte b, k;		/* how many chunks, and messages, a batch has behind its first */
	byte q, r;		/* see current */
	bool fixing, fixed, tried, dying;
push:	{
	atomic {
		if
		:: pushed == pushes || closed -> goto leave
		:: else
		fi
	};
	atomic { was = tail; pos = (last > was -> last : was) };
walk:	atomic {		/* nextFree */
		w = load(pos);
		if
		:: ahead(w, pos) == 0 && phaseOf(w) == FREE -> goto vacant
		:: ahead(w, pos) >= 0 && phaseOf(w) == CLOSED -> goto told
		:: ahead(w, pos) == 0 && phaseOf(w) != FREE && phaseOf(w) != CLOSED ->
			pos = pos + step(pos, runOf(w)); w = 0; goto walk
#ifdef JUMP
		:: ahead(w, pos) > 0 && phaseOf(w) == FULL ->
			pos = pos + ahead(w, pos) * CAPACITY + step(pos, runOf(w)); w = 0; goto walk
#endif
		:: ahead(w, pos) > 0 && phaseOf(w) != CLOSED ->
			pos = pos + (ahead(w, pos) - 1) * CAPACITY + 1; w = 0; goto walk
		:: ahead(w, pos) < 0
		fi
	};
passed:	atomic {
		if
		:: tail > pos -> pos = tail; w = 0; goto walk
		:: tail <= pos && fixing -> goto repair
		:: tail <= pos && !fixing -> was = 0; goto noRoom
		fi
	};
told:	atomic {
		w = 0; pos = 0; was = 0;
		if
		:: fixing -> fixing = false; goto push
		:: else -> goto leave
		fi
	};

vacant:	atomic {
		n = runFor(message(pushed));
		i = 1 + runOf(w)
	};
#ifndef NOSCAN
scan:	atomic {		/* obstacle; the claim looks at the first */
		if
		:: i >= span(pos, n) -> goto room
		:: else
		fi;
		o = load(pos + i);
		if
		:: isFree(o, pos + i) -> i = i + 1 + runOf(o); o = 0; goto scan
		:: else
		fi
	};
blocked:
	atomic {
		if
		:: load(pos) != w -> o = 0; n = 0; i = 0; goto walk
		:: else
		fi;
		w = o; pos = pos + i; o = 0; i = 0; n = 0;
		if
		:: fixing -> goto repair
		:: else -> was = 0; goto noRoom
		fi
	};
room:
#endif
	atomic {
		i = 0;
		if
		:: fixing -> fixing = false; w = 0; pos = 0; n = 0; goto push
		:: else
		fi
#ifdef BATCH
		;
		fit(most(pos));
		if
		:: k > 0 -> i = 1 + runOf(w)
		:: else -> goto seen
		fi
	};
#ifndef UNSEEN
row:	atomic {		/* freeRow */
		if
		:: i >= n + b -> goto seen
		:: else
		fi;
		o = load(pos + i);
		if
		:: isFree(o, pos + i) -> i = i + 1 + runOf(o); o = 0; goto row
		:: else -> o = 0; fit(i)
		fi
	};
#endif
seen:	atomic {
		i = 0
#endif
	};
claim:	atomic {
		drain(me);
		if
#ifndef STORECLAIM
		:: word[chunk(pos)] != w -> n = 0; b = 0; k = 0; further(tail); goto walk
#endif
		:: else -> put(chunk(pos), claimed(WRITING, n + b, pos)); w = 0
		fi
	};
	advance(tail, was, pos + span(pos, n + b));
#ifdef CANCEL
	if
	:: skip
	:: me == PRODUCERS - 1 -> n = span(pos, n); give();
		atomic { pushed++; pos = 0; goto push }
	fi;
#endif
	atomic { q = foremost; r = (q > 0 -> n : 0); i = runFor(current) };
#ifdef EARLY
	atomic { store(pos, filled(pos, n)); published = published | bit(message(pushed)) };
#endif
fill:	atomic {
		fillOne(place(pos + r, runFor(current)) + i - 1, 1 + current);
		i--;
		if
		:: i > 0 -> goto fill
		:: else
		fi
	};
	atomic {		/* publish */
#ifndef EARLY
		store(pos + r, filled(pos + r, runFor(current)));
		assert(!ended);
#endif
#ifdef FORWARD
		published = published | bit(current);
#endif
		if
		:: q != final ->
			r = (q < k -> r + runFor(current) : 0);
			q = (q < k -> q + 1 : 0);
			i = runFor(current);
			goto fill
		:: else -> q = 0
		fi;
		do		/* from now on all of them can be got */
		:: q <= k -> published = published | bit(current); q++
		:: else -> break
		od;
		pushed = pushed + q;
		pos = 0; n = 0; b = 0; k = 0; q = 0; r = 0;
		goto push
	};

noRoom:	atomic {
		if
		:: !tried -> tried = true; w = 0; pos = 0; goto fix
		:: stuck(closed) -> tried = false
		fi;
		if
		:: hopeless -> goto leave
		:: else -> dying = ofDead(w); w = 0; pos = 0
		fi;
		if
		:: dying -> dying = false
		:: else -> goto push
		fi
	};
fix:	atomic {		/* repairTail */
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

leave:	atomic {
		w = 0; pos = 0; n = 0; was = 0; last = 0; tried = false;
		if
		:: gone(producers - bit(me)) -> goto close
		:: me == 1 -> goto close
		:: else -> goto done
		fi
	};
close:	atomic { drain(me); closed = true };
done:	finish
	} unless { atomic { die(); w = 0; o = 0; pos = 0; n = 0; i = 0; was = 0; last = 0; pushed = 0;
		b = 0; k = 0; q = 0; r = 0;
		fixing = false; fixed = false; tried = false; dying = false } };
end:	false
}

/* lentTo: w is of a message that is lent to somebody else. */
#define lentTo(w)	(phaseOf(w) == READING && ownerOf(w) != me + 1)

/* forget is what a pop that comes too late does. */
#ifdef BATCH
#define forget()	n = 0; v = 0; v2 = 0; w = 0; b = 0; u = 0; u2 = 0
#else
#define forget()	n = 0; v = 0; v2 = 0; w = 0
#endif

/* get is the instant at which a message is popped or lent. */
inline get(v) {
	assert(published & bit(v));
	assert(!(gotten & bit(v)));
	assert(v < 2 || (gotten & bit(v - 2)));
	gotten = gotten | bit(v)
}

proctype consumer(byte me) {
	short w;
	byte pos, n, i, was, last, v, v2;
#ifdef BATCH
	byte b, u, u2;		/* the message behind it */
#endif
	bool fixing, fixed, tried, dying;
#ifdef LEND
	bool reading;		/* by TryNext, else by TryPop */
	byte from;		/* what comes after a vain look for orphans: */
#define WALK	0		/* the walk, */
#define TRY	1		/* another try, */
#define END	2		/* or there is nothing to be had */
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
		:: lends == ORPHANS -> drain(me); lends = LENT; from = WALK; goto adopt
		:: else
		fi
	};
start:
#endif
	atomic { was = head; pos = (last > was -> last : was) };
walk:	atomic {		/* nextFull */
		w = load(pos);
		if
		:: ahead(w, pos) == 0 && phaseOf(w) == FULL -> goto length
		:: ahead(w, pos) == 0 && phaseOf(w) == CLOSED -> goto told
		:: ahead(w, pos) == 0 && phaseOf(w) == FREE -> goto vacant
		:: ahead(w, pos) >= 0 && phaseOf(w) >= READING ->
			pos = pos + ahead(w, pos) * CAPACITY + step(pos, runOf(w)); w = 0; goto walk
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
		:: word[chunk(pos)] == w -> put(chunk(pos), plain(CLOSED, pos))
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
	:: atomic { i < CAPACITY && lentTo(load(i)) -> i = 0; from = END; goto adopt }
	:: atomic { i < CAPACITY && !lentTo(load(i)) -> i++ }
	od;
theEnd:	atomic {
#else
		;
#endif
		assert(taken == published);
		ended = true;
		goto leave
	};

length:	atomic {
		if
		:: fixing -> fixing = false; w = 0; pos = 0; goto looked
		:: else
		fi;
		v = content[place(pos, runOf(w))]
	};
#ifndef NOSAME
same:	atomic {
		if
		:: load(pos) != w -> v = 0; w = 0; goto walk
		:: else
		fi
	};
#endif
	atomic {
		assert(v > 0 && runOf(w) == runFor(v - 1));	/* else ErrCorrupt */
		n = span(pos, runOf(w));
		if
		:: n > 1 -> v2 = content[place(pos, runOf(w)) + 1]
		:: else
		fi
	};
#ifdef BATCH
row:	atomic {		/* copyRow */
		b = runOf(load(pos + n));
		if
		:: phaseOf(load(pos + n)) == FULL && ahead(load(pos + n), pos + n) == 0 && n + b <= most(pos)
		:: else -> b = 0; goto take
		fi
	};
	u = content[chunk(pos + n)];
	u2 = content[chunk(pos + n) + b - 1];
	atomic {
		if
		:: load(pos) != w -> forget(); goto walk
		:: else -> assert(u > 0 && b == runFor(u - 1))	/* else ErrCorrupt */
		fi
	};
#endif
take:	atomic {
		drain(me);
		if
#ifndef STORETAKE
		:: word[chunk(pos)] != w -> forget(); further(head); goto walk
#endif
		:: else
		fi;
		assert(n == 1 || v2 == v);
		v--;
		get(v);
#ifdef BATCH
		if
		:: b > 0 ->
			assert(u == u2);
			u--;
			get(u);
			taken = taken | bit(v) | bit(u);
			n = n + b;
			put(chunk(pos), claimed(FREEING, n, pos));
			w = 0; v = 0; v2 = 0; b = 0; u = 0; u2 = 0;
			goto many
		:: else
		fi;
#endif
#ifdef LEND
		if
		:: reading -> put(chunk(pos), claimed(READING, runOf(w), pos)); goto lent
		:: else
		fi;
#endif
		taken = taken | bit(v);
		if
		:: n == 1 -> put(chunk(pos), plain(FREE, next(pos)))
		:: else -> put(chunk(pos), claimed(FREEING, runOf(w), pos))
		fi;
		w = 0; v = 0; v2 = 0;
		if
		:: n == 1 -> pos++; n = 0; goto free
		:: else
		fi
	};
many:	give();
free:	advance(head, was, pos);
	atomic { pos = 0; goto pop };

#ifdef LEND
lent:	advance(head, was, pos + n);
relent:	assert(load(pos) == claimed(READING, runOf(w), pos) && content[place(pos, runOf(w))] == v + 1);
	atomic {		/* Release: take again */
		assert(content[place(pos, runOf(w)) + runOf(w) - 1] == v + 1 && !(taken & bit(v)));
		taken = taken | bit(v);
		drain(me);
		if
		:: n == 1 -> put(chunk(pos), plain(FREE, next(pos)))
		:: else -> put(chunk(pos), claimed(FREEING, runOf(w), pos))
		fi;
		w = 0; v = 0; v2 = 0;
		if
		:: n == 1 -> pos++; n = 0; goto returned
		:: else
		fi
	};
	give();
returned:
	atomic { pos = 0; goto pop };

adopt:	atomic {
		if
		:: i == CAPACITY && from == WALK -> i = 0; goto start
		:: i == CAPACITY && from == TRY -> i = 0; from = WALK; goto pop
		:: i == CAPACITY && from == END -> i = 0; from = WALK; goto ending
		:: else
		fi;
		w = load(i);
		if
		:: phaseOf(w) == READING && isDead(ownerOf(w) - 1) -> pos = lapOf(w) * CAPACITY + i
		:: else -> w = 0; i++; goto adopt
		fi
	};
	v = content[place(pos, runOf(w))];
	atomic {
		if
		:: load(pos) != w -> w = 0; v = 0; pos = 0; i++; goto adopt
		:: else -> assert(v > 0 && runOf(w) == runFor(v - 1)); n = span(pos, runOf(w))
		fi
	};
	atomic {
		drain(me);
		if
		:: word[chunk(pos)] != w -> w = 0; v = 0; n = 0; pos = 0; i++; goto adopt
		:: else -> v--; assert((gotten & bit(v)) && !(taken & bit(v)))
		fi;
		i = 0; was = 0; from = WALK;
		if
		:: reading -> put(chunk(pos), claimed(READING, runOf(w), pos)); goto relent
		:: else
		fi;
		taken = taken | bit(v);
		if
		:: n == 1 -> put(chunk(pos), plain(FREE, next(pos)))
		:: else -> put(chunk(pos), claimed(FREEING, runOf(w), pos))
		fi;
		w = 0; v = 0;
		if
		:: n == 1 -> pos++; n = 0; goto returned
		:: else
		fi
	};
	give();
	goto returned;

ending:	atomic {
		lends == ORPHANS || !othersRead || deadReads || hopeless ->
		if
		:: hopeless -> goto leave
		:: else -> goto pop
		fi
	};
#endif

none:	atomic {
		was = head;
		if
		:: pos - was >= LAG
		:: else -> was = 0; goto nothing
		fi
	};
	advance(head, was, pos);
nothing:
	atomic {
		if
		:: !tried -> tried = true; w = 0; pos = 0; goto fix
		:: stuck(closed && phaseOf(w) == FREE) -> tried = false
		fi;
		if
		:: hopeless -> goto leave
		:: else -> dying = ofDead(w); w = 0; pos = 0
		fi;
		if
		:: dying -> dying = false
		:: else -> goto pop
		fi
	};
fix:	atomic {		/* repairHead */
		fixing = true; pos = head; goto walk
	};
repair:	mend();
	atomic {
		fixing = false;
		if
		:: fixed -> fixed = false; goto fix
		:: else
		fi
	};
looked:
#ifdef LEND
	atomic { from = TRY; goto adopt };
#else
	goto pop;
#endif
leave:	atomic {
#ifdef LEND
		reading = false; from = 0;
#endif
		w = 0; pos = 0; was = 0; last = 0; tried = false
	};
	finish
	} unless { atomic { die(); w = 0; pos = 0; n = 0; i = 0; was = 0; last = 0; v = 0; v2 = 0;
#ifdef BATCH
		b = 0; u = 0; u2 = 0;
#endif
#ifdef LEND
		reading = false; from = 0;
#endif
		fixing = false; fixed = false; tried = false; dying = false } };
end:	false
}

/* The processors, which write their buffers back when they like. */
active proctype memory() {
end:	do
	:: atomic { buffered(0) -> drain(0) }
	:: atomic { buffered(1) -> drain(1) }
	:: atomic { buffered(2) -> drain(2) }
#if PRODUCERS + CONSUMERS > 3
	:: atomic { buffered(3) -> drain(3) }
#endif
	od
}

init {
	byte p;
	atomic {
		do
		:: p < START -> word[p] = plain(FREE, next(p)); p++
		:: p == START -> p = 0; break
		od;
		do
		:: p < PRODUCERS -> run producer(p); p++
		:: p >= PRODUCERS && p < N -> run consumer(p); p++
		:: p == N -> p = 0; break
		od
	}
}
