/*
 * The Cond: shm/condstate.go, condsignal.go and condrepair.go. Processes 0 and 1 wait once each,
 * on a line of their own, and 1 waits again, with AGAIN; 2 and 3 signal once each, or the last one
 * broadcasts, with BROADCAST. Any of them may die at any step. With HEIR, somebody enters the
 * line of process 0 once it is dead.
 *
 * Steps are named by the functions that they are of. All changes of a tally are
 * compare-and-swaps or additions, so no store is buffered, and `joins` is read and raised in
 * the order of the steps. The lock L is a step between a grant and its end, in which a process may
 * die. Who sleeps wakes once it has a grant: that is models/event.pml. It may look for the
 * dead as long as it waits, if they owe anything. The tag is that of the owner or of its heir.
 *
 * (With two waiters, nobody is left if one dies who passes on what another has left: that is
 * tested with real processes.)
 *
 * Check: -DDEATHS=1
 * Check: -DDEATHS=2
 * Check: -DDEATHS=1 -DHEIR
 * Check: -DDEATHS=0 -DBROADCAST
 * Check: -DDEATHS=0 -DBROADCAST -DAGAIN
 * Check: -DDEATHS=1 -DBROADCAST
 *
 * (That a Signal which has found a Broadcast looks again matters with two Signals beside it only.
 * That is too much for a complete search: internal/sim plays a scene of it.)
 *
 * Memory: 900 MB
 *
 * Properties (Invariants of shm/condstate.go)
 *   2  nobody alive waits at the end if a signal was given and not used: `judge`; nobody is woken
 *      by more than was given, but for one after two deaths, or by an heir: `used`
 *   5  after a Broadcast that has begun, nobody who waited before it does at its end: `judge`
 *   6  a Signal that finds nobody ran while nobody waited: `idle`
 *
 * Mutations that must fail
 *   NOLOOK     -DDEATHS=1  who waits does not look for the dead (2)
 *   EARLY      -DDEATHS=1  a grant is used up before the lock is there (2)
 *   NOTAG      -DDEATHS=1 -DHEIR  who looks does not notice an heir (2)
 *   HEIRDROPS  -DDEATHS=1 -DHEIR  an heir forgets what was left (2)
 *   NOJOINS    -DDEATHS=0  a Signal looks once (6)
 *   NOCAST     -DDEATHS=1 -DBROADCAST  who dies in a Broadcast leaves no note (5)
 *   STORE      -DDEATHS=0  a grant is a store (2)
 *   ABSORB     -DDEATHS=0 -DBROADCAST -DAGAIN  a Signal does not look whether a Broadcast goes on (5)
 *   LATECAST   -DDEATHS=0 -DBROADCAST -DAGAIN  a Broadcast says so once it has looked at a line (5)
 */

#ifndef DEATHS
#define DEATHS 1
#endif
#if DEATHS == 0
#define NOLOOK
#endif
#define bit(p)    (1 << (p))
#define isDead(p) ((dead >> (p)) & 1)

byte dead;
chan death = [0] of { bit };
active proctype killer() {
	byte n;
	do
	:: n < DEATHS -> n++; if :: death!0 :: skip fi
	:: else -> break
	od
}
#define mortal(p) unless { atomic { death?_; dead = dead | bit(p) } }

byte w[2], g[2];	/* the tallies */
byte begun;
bit heir;		/* of line 0 has another tag */
byte joins, cast;	/* cast: of process 3 */
byte repair;		/* its holder, as an id */
byte in;		/* who has joined and has no grant, as others may know */
byte early;		/* who had joined when the Broadcast began */
byte before;		/* and when the Signal of process 2 did, likewise */
byte idle;		/* which Signals, by process, ran while nobody waited */
byte gave, used, dropped, twice;
bit again;		/* process 1 waits again */
bit counted;		/* its first Wait was there when the Broadcast began */
bit taken;		/* and it ended by the Signal of process 2 */

#define rest      if :: in == 0 -> idle = 31 :: else fi
#define mine(d)   (isDead(d) && !(d == 0 && heir))
#define owed      (mine(0) && g[0] > 0 || mine(1) && g[1] > 0 || isDead(3) && cast > 0)

/* grant gives up to `most` to line i, and counts down. */
inline grant(i, most) {
#ifdef STORE
	n = w[i];
	if :: n > most -> n = most :: else fi;
	m = w[i]; k = g[i];
	atomic { w[i] = m - n; g[i] = k + n; most = most - n; in = in & ~bit(i); rest; }
#else
	atomic {
		n = w[i];
		if :: n > most -> n = most :: else fi;
		w[i] = w[i] - n; g[i] = g[i] + n; most = most - n;
		if
		:: n > 0 ->
			in = in & ~bit(i);
			if :: i == 1 && self == 2 && !again -> taken = 1 :: else fi
		:: else
		fi;
		rest
	}
#endif
}

inline grantAll() {
	most = 2; grant(0, most); got = 2 - most; most = 2; grant(1, most); got = got + 2 - most; most = 0
}

inline inTurn() {
	grant(from, left);
	if :: left > 0 -> grant(1 - from, left) :: else fi
}

/* give gives `left` signals, as process me. */
inline give(me) {
	do
	:: atomic { j = joins; if :: from = 0 :: from = 1 fi; idle = idle & ~bit(me); rest }
#if defined(BROADCAST) && !defined(ABSORB)
	   if
	   :: cast > 0 ->
		grantAll();
		atomic { if :: got > left -> left = 0 :: else -> left = left - got fi; got = 0 }
	   :: else -> inTurn()
	   fi;
#else
	   inTurn();
#endif
	   atomic {
#ifdef NOJOINS
	   true -> break
#else
	   if :: left == 0 || joins == j -> break :: else fi
#endif
	   }
	od
}

inline retire(d) {
	atomic { if :: mine(d) -> w[d] = 0; in = in & ~bit(d); rest :: else fi }
}

/* passOn is of a dead owner of line d. who: the one who passes on. */
inline passOn(who, d, own) {
	retire(d);
	left = 0;
	atomic { if :: own || mine(d) -> left = g[d] :: else fi; seen = left }
	if
	:: seen > 0 ->
	   give(who);
	   atomic {
#ifdef NOTAG
		if :: g[d] == seen -> g[d] = 0 :: else fi;
#else
		if :: g[d] == seen && (own || mine(d)) -> g[d] = 0 :: else fi;
#endif
		if :: left > 0 -> assert(idle & bit(who)); dropped = dropped + left; left = 0 :: else fi;
		seen = 0
	   }
	:: else
	fi
}

inline recast(me) {
	if
	:: cast > 0 && isDead(3) -> grantAll(); atomic { cast = 0; got = 0 }
	:: else
	fi
}

inline look(me) {
	if
	:: atomic { repair == 0 || isDead(repair - 1) -> repair = me + 1 }
	   retire(0);
	   retire(1);
	   recast(me);
	   passOn(me, 0, false);
	   passOn(me, 1, false);
	   atomic { if :: repair == me + 1 -> repair = 0 :: else fi }
	:: else
	fi
}

proctype waiter(byte me) {
	byte self = me;
	byte n, m, k, j, from, left, seen, most, got;
	{
		atomic { w[me]++ }
		atomic { joins++; if :: w[me] > 0 -> in = in | bit(me) :: else fi }
end:		do	/* asleep */
		:: g[me] > 0 -> break
#ifndef NOLOOK
		:: owed -> look(me)
#endif
		od;
#ifdef EARLY
		g[me]--;
		used++	/* L */
#else
		skip;	/* L */
		atomic { g[me]--; used++ }
#endif
#ifdef AGAIN
		if
		:: me == 1 ->
			atomic { w[me]++; again = 1 }
			atomic { joins++; if :: w[me] > 0 -> in = in | bit(me) :: else fi }
end2:			g[me] > 0;
			atomic { g[me]--; used++ }
		:: else
		fi
#endif
	} mortal(me)
}

proctype signaller(byte me) {
	byte self = me;
	byte n, m, k, j, from, left = 1, seen, most, got;
	{
		atomic { if :: me == 2 -> before = in :: else fi }
		give(me);
		atomic { if :: left > 0 -> assert(idle & bit(me)) :: else -> gave++ fi; left = 9 }
	} unless { atomic { death?_; if :: left == 0 -> gave++ :: else fi; dead = dead | bit(me) } }
}

/* A Broadcast that dies before it has begun has not happened. */
proctype broadcaster() {
	byte self = 3;
	byte n, m, k, most;
	{
		atomic { early = in; counted = (in & 2) && !again }
#ifndef NOCAST
#ifndef LATECAST
		atomic { cast = 1; begun = 1 }
#endif
#endif
		most = 2; grant(0, most); atomic { begun = 1; most = 2 }
#ifdef LATECAST
		cast = 1;
#endif
		grant(1, most); most = 0;
		atomic { cast = 0; begun = 1 }
	} mortal(3)
}

#ifdef HEIR
proctype enter() {
	byte self = 4;
	byte n, m, k, j, from, left, seen, most, got;
end:	isDead(0);
	retire(0);
#ifndef HEIRDROPS
	passOn(4, 0, true);
#endif
	atomic { heir = 1; twice = 1; w[0] = 0; g[0] = 0 }
	/* and it waits, gets a signal, and uses it up */
	atomic { g[0] = 1; gave++ }
	atomic { assert(g[0] == 1); g[0] = 0; used++ }
}
#endif

#define waits(p)  (!isDead(p) && w[p] > 0)

init {
	atomic {
		run waiter(0);
		run waiter(1);
		run signaller(2);
#ifdef BROADCAST
		run broadcaster();
#else
		run signaller(3);
#endif
#ifdef HEIR
		run enter();
#endif
	}
judge:	timeout;
#ifndef BROADCAST
	assert(!(waits(0) || waits(1)) || used + dropped >= gave);
	assert(used <= gave + (DEATHS > 1) + twice);
#else
	assert(!begun || !(waits(0) && (early & 1)) && !(waits(1) && !again && (early & 2)));
#ifdef AGAIN
	/* The Signal is not lost on one whom the Broadcast would have woken. */
	assert(!(waits(0) && (before & 1) && counted && taken));
#elif DEATHS == 0
	assert(!(waits(0) && (before & 1) && (early & 2)) && !(waits(1) && (before & 2) && (early & 1)));
#endif
#endif
}
