/*
 * Who is alive: the ids and slots of internal/liveness/liveness.go.
 *
 * N processes attach, use their ids and detach, with room for SLOTS of them, and
 * IDS ids. Anybody may die anywhere; FORKS of the dead leave a child behind that has
 * their lock, and READERS bytes are locked by somebody who only reads the file. An
 * observer asks again and again whether somebody is dead whose id it has seen. It may
 * be in another PID namespace than all the others. Pids do not come back here.
 *
 * Steps                                            Go
 *   draw     load, compare-and-swap of the count   (*Table).draw
 *   lock     fcntl(2)                              locks.try
 *   take     load, Dead, compare-and-swap          (*Table).takeSlot
 *   write    one store each                        (*Table).takeSlot
 *   close    unlock                                (*Table).Close
 *   dead     a probe; then one load each           (*Table).Dead, inherited
 *
 * A store that is late in its store buffer is no more than a slow process: none of
 * an attacher's loads depends on when its stores are seen.
 *
 * Properties (Invariants of liveness.go)
 *   1  no id is drawn twice: `owner`, in draw
 *   2  who is called dead is: `gone`, in dead; and stays so, for all who ask after
 *      that in the same PID namespace, and for the one who got the answer: `known`
 *   3  a slot has one living owner at most: `has`, in take
 *   -  no deadlock
 *
 * Mutations that must fail
 *   STOREDRAW   -DN=3  the count is raised by a store instead of compare-and-swap (1)
 *   WRAP        -DN=3  after the last id comes the first (1)
 *   USEDRAWN    an id is used before its byte is locked (2)
 *   USESLOTLESS an id is used before it has a slot (2)
 *   STORESLOT   -DN=3  a slot is taken by a store instead of compare-and-swap (3)
 *   NOPROBE     -DN=3  an attacher does not ask whether a slot's owner is dead (3)
 *   ANYPID      -DN=3  nobody asks whether a pid is of the slot's present owner (2)
 *   PIDFIRST    -DN=3  the pid is read before who wrote it: it may be of the slot's last
 *                      owner, and the new one has signed since (2)
 *   EARLYSIGN   -DN=3  a new owner signs for the pid before it writes it (2)
 *   LOOKONCE    -DN=3  a pid counts although the slot has been taken meanwhile (2)
 *
 * Check: -DN=2 -DDEATHS=2 -DOBSERVER
 * Check: -DN=3 -DDEATHS=2
 */

#ifndef N
#define N 3
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef IDS
#define IDS 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef FORKS
#define FORKS 1
#endif
#ifndef READERS
#define READERS 1
#endif

#include "crash.h"

byte count;			/* of the ids that were drawn */
byte locked;			/* ids whose bytes are locked, as a set */
byte slot[SLOTS];		/* the owner's id, */
byte process[SLOTS];		/* the id whose owner has written the pid, */
byte wrote[SLOTS];		/* and the pid: 1 + the process */

byte forks, readers, begun;

byte owner[IDS + 1];		/* 1 + the process that has drawn an id, for the properties */
byte has[N];			/* 1 + the slot that a process has */
byte used;			/* ids that others may have seen */
byte known;			/* ids of which somebody at home knows that they are dead, */
byte mine;			/* and the observer, elsewhere */

#define gone(p)		((dead | over) & bit(p))
#define die		death?_ -> dead = dead | bit(me)

/* isGone sets yes to whether the owner of id o is dead. What the caller knew of o
 * before is knew, and j is its own. */
inline isGone(o, home, knew, yes, j) {
	atomic { yes = !(locked & bit(o)); j = 0 };
	do
	:: atomic { yes -> break }
	:: atomic { !yes && j == SLOTS -> yes = true; break }
	:: atomic { !yes && j < SLOTS && slot[j] != o -> j++ }
	:: atomic { !yes && j < SLOTS && slot[j] == o -> skip };
#if defined(ANYPID) || defined(PIDFIRST)
		atomic { yes = home && wrote[j] > 0 && isDead(wrote[j] - 1) };
#ifdef PIDFIRST
		atomic { yes = yes && process[j] == o };
#endif
#else
		atomic { yes = (process[j] == o) };
		atomic { yes = yes && home && isDead(wrote[j] - 1) };	/* ended */
#endif
#ifndef LOOKONCE
		atomic { yes = yes || slot[j] != o };
#endif
		break
	od;
	atomic {
		j = 0;
		if
		:: yes -> assert(gone(owner[o] - 1))
		:: else -> assert(!knew)
		fi
	}
}

proctype attacher(byte me) {
	byte c, i, n, j;
	bool yes, knew;
end0:	begun >= me;		/* they are alike */
draw:	{
	atomic { n = count; begun = (begun > me -> begun : me + 1) };
	atomic {
		if
#ifndef WRAP
		:: n == IDS -> goto leave				/* ErrFull */
#endif
#ifndef STOREDRAW
		:: n < IDS && count != n -> goto draw
#endif
		:: else ->
			c = n % IDS + 1; count = c; n = 0;
			assert(!owner[c]);
			owner[c] = me + 1
		fi
	};
#ifdef USEDRAWN
	used = used | bit(c);
#endif
	atomic {		/* lock */
		if
		:: locked = locked | bit(c)
		:: readers < READERS -> readers++; c = 0; goto draw
		fi
	};
#ifdef USESLOTLESS
	used = used | bit(c);
#endif
take:	do
	:: i == SLOTS -> goto close				/* ErrFull */
	:: i < SLOTS ->
		atomic { n = slot[(me + i) % SLOTS]; knew = (known & bit(n)) != 0 };
		if
		:: n == 0
#ifndef NOPROBE
		:: n > 0 ->
			isGone(n, true, knew, yes, j);
			atomic {
				if
				:: yes -> yes = false; known = known | bit(n)
				:: else -> i++; goto take
				fi
			}
#else
		:: n > 0
#endif
		fi;
		atomic {
			if
#ifndef STORESLOT
			:: slot[(me + i) % SLOTS] != n -> i++; n = 0; goto take
#endif
			:: else
			fi;
			i = (me + i) % SLOTS;
			n = 0;
			do
			:: n < N -> assert(has[n] != i + 1 || gone(n)); n++
			:: else -> n = 0; break
			od;
			has[me] = i + 1;
			slot[i] = c;
			break
		}
	od;
#ifdef EARLYSIGN
	process[i] = c;
	wrote[i] = me + 1;
#else
	wrote[i] = me + 1;
	process[i] = c;
#endif
	used = used | bit(c);
close:	atomic { locked = locked & ~bit(c); over = over | bit(me) };
leave:	atomic { over = over | bit(me); c = 0; i = 0; n = 0; knew = false }
	} unless { atomic {
		die;
		if
		:: locked = locked & ~bit(c)
		:: c > 0 && (locked & bit(c)) && forks < FORKS -> forks++
		fi;
		c = 0; i = 0; n = 0; j = 0; yes = false; knew = false } };
end:	false
}

#ifdef OBSERVER
proctype observer() {
	byte o, j;
	bool yes, knew, home;
	if
	:: home = true
	:: home = false
	fi;
end:	do
	:: atomic {
		if
		:: used & bit(1) -> o = 1
		:: used & bit(2) -> o = 2
		:: used & bit(3) -> o = 3
		fi;
		knew = ((home -> known : mine) & bit(o)) != 0 };
		isGone(o, home, knew, yes, j);
		atomic {
			if
			:: yes && home -> known = known | bit(o)
			:: yes && !home -> mine = mine | bit(o)
			:: else
			fi;
			o = 0; yes = false; knew = false }
	od
}
#endif

init {
	byte p;
	atomic {
#ifdef OBSERVER
		run observer();
#endif
		do
		:: p < N -> run attacher(p); p++
		:: else -> p = 0; break
		od
	}
}
