/*
 * Nobody uses what was removed: the directory, attendance and RemoveObject of
 * internal/segment/directory.go, object.go, attendance.go and remove.go.
 *
 * Three attachments do OPS things each: they find or create an object of one of two
 * names, or remove it. What an attachment has found it uses until it closes, which it
 * does at its end. Attachment 2 comes when attachment 0 has closed or died, in its slot.
 * There is one directory entry, and room for one object. Anybody may die anywhere.
 *
 * Steps                                            Go
 *   settle   load of the tenant, clear the bit,    settle
 *            store of the tenant
 *   lock     fcntl(2); makes the count even        withDirectory
 *   find, read   loads of the count, the state     find, read
 *            and the name
 *   use      set the bit, loads of the state and   use
 *            the name, store of the state, load
 *            of the bit; clear the bit
 *   create   store of the name, clear the bits,    create
 *            set its own; change
 *   change   raise the count, store of the state,  change
 *            raise the count
 *   remove   look, store of the state, look        remove
 *   look     load of the bits, of a tenant at a    attendees, look, Tenant
 *            time and a probe, of both again
 *
 * Stores reach memory at once here: LOOKFIRST is a store of Removing that is late. Not
 * modelled are the sides of producers and consumers, marks of the dead and who inherits
 * them, tenants that have left, and what the second of two threads of an attachment does.
 *
 * Properties (Invariants of directory.go)
 *   4  what an attachment has found stays: `using`, in use and in remove; ErrCorrupt does
 *      not come of anything that a process does: the asserts in use
 *   5  what was read is so if the count is: the asserts in use again
 *   -  who is said to use an object has found it, or is just looking: `maker`, in look
 *   -  a remover, or creator, that has died holds up nobody: no invalid end state
 *
 * Mutations that must fail
 *   LATEATTEND  use looks before it sets its bit
 *   NOLAST      use does not look for its bit last
 *   TAKEREMOVING   it takes what is being removed for found
 *   STUCK       it does not undo what a dead remover has begun
 *   ONELOOK     remove does not look again after it has stored Removing
 *   LOOKFIRST   it looks before that
 *   NOCOUNT     changes are not counted
 *   EARLYCOUNT  the count is even again before the state is stored
 *   NOSETTLE    a newcomer leaves the bits of its slot
 *   MOVEFIRST   it moves in before it clears them
 *
 * Check: -DOPS=2 -DDEATHS=1
 * Check: -DOPS=1 -DDEATHS=2
 */

#ifndef OPS
#define OPS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define N	3
#define S	2

#include "crash.h"

#define FREE		0
#define PUBLISHED	1
#define REMOVING	2
#define VACANT		3

byte state;			/* of the entry, */
byte name;			/* and its name, 1 or 2 */
byte bits;			/* of the users' side, for each slot */
byte changes;
byte locked;			/* by an id; the kernel drops the lock of the dead */
byte owner[S];			/* of a slot: an id, */
byte tenant[S];			/* and its tenant */

byte using;			/* attachments that have found the object, for the properties */
byte maker[S];			/* the id that has set the bit */

#define id		(me + 1)
#define slot		(me % S)
#define gone(i)		((dead | over) & bit((i) - 1))
#define alive(s)	(tenant[s] && owner[s] == tenant[s] && !gone(tenant[s]))

/* What an attachment knows: the count at which it read, or UNREAD; the entry's name,
 * or 0; whether there is an entry, whether that is vacant, and whether it attends. */
#define UNREAD	1

inline die() {
	death?_ ->
	dead = dead | bit(me);
	using = using & ~bit(me)
}

inline attend() { atomic { bits = bits | bit(slot); maker[slot] = id } }

inline change(to) {
#ifndef NOCOUNT
	changes++;
#ifdef EARLYCOUNT
	changes++;
#endif
#endif
	atomic {
		assert(!(using & ~(dead | over)));
		state = to;
#ifndef NOCOUNT
#ifndef EARLYCOUNT
	};
	atomic {
		changes++;
#endif
		known = changes
#endif
	}
}

/* look sets n to the set of slots whose tenants are alive and attend. */
inline look() {
	do
	:: atomic { l = bits; n = 0; i = 0 };
	   do
	   :: i < S -> atomic {
		if
		:: l & bit(i) -> t[i] = tenant[i];
			if
			:: alive(i) -> n = n | bit(i)
			:: else
			fi
		:: else
		fi;
		i++ }
	   :: else -> break
	   od;
	   atomic {
		if
		:: bits == l && (!t[0] || t[0] == tenant[0]) && (!t[1] || t[1] == tenant[1]) -> i = 1
		:: else -> i = 0
		fi;
		t[0] = 0; t[1] = 0; l = 0;
		if
		:: i == 1 -> i = 0;
			assert(!(n & 1) || maker[0] == tenant[0]);
			assert(!(n & 2) || maker[1] == tenant[1]);
			break
		:: else
		fi
	   }
	od
}

proctype attachment(byte me) {
	byte ops, want, known, names, n, l, i, s, e;
	byte t[S];
	bool removes, cached, holds, placed, vacant, attends;
end0:	me != 2 || gone(1);
	{
	atomic { known = UNREAD; owner[slot] = id };
#ifdef MOVEFIRST
	tenant[slot] = id;
#endif
#ifndef NOSETTLE
	bits = bits & ~bit(slot);
#endif
	tenant[slot] = id;
begin:	atomic {
		if
		:: ops == OPS -> goto leave
		:: else -> ops++
		fi;
		if
		:: want = 1
		:: want = 2
		fi;
		if
		:: removes = true; goto lock
		:: names == want -> cached = true; goto use
		:: names != want -> goto read
		fi
	};

lock:	atomic { locked == 0 || gone(locked) -> locked = id; holds = true };
	atomic {
		if
		:: changes % 2 -> changes++
		:: else
		fi
	};
read:	atomic {
		n = changes;
		if
		:: n != known || n % 2 -> placed = false; names = 0; vacant = false
		:: else
		fi;
		known = UNREAD;
		if
		:: placed -> goto found
		:: else
		fi
	};
	s = state;
	atomic {
		if
		:: s == FREE
		:: s == VACANT -> placed = true; vacant = true
		:: s != FREE && s != VACANT -> placed = true; names = name
		fi;
		s = 0
	};
found:	atomic {
		known = n; n = 0;
		if
		:: removes && names == want -> goto remove
		:: removes && names != want -> goto done
		:: !removes && names == want -> goto use
		:: !removes && names != want && !holds -> goto lock
		:: !removes && names != want && holds && placed && !vacant -> goto done	/* ErrFull */
		:: else
		fi
	};

	name = want;			/* create */
	bits = 0;
	attend();
	if
	:: vacant -> change(PUBLISHED)
	:: else -> atomic { assert(!using); state = PUBLISHED }
	fi;
	atomic {
		using = using | bit(me);
		attends = true; placed = true; vacant = false; names = want;
		goto done
	};

use:
#ifndef LATEATTEND
	if
	:: attends
	:: else -> attend()
	fi;
#endif
	s = state;
	e = name;
#ifdef LATEATTEND
	attend();
#endif
#ifndef STUCK
	if
	:: s == REMOVING && holds -> atomic { state = PUBLISHED; s = PUBLISHED }
	:: else
	fi;
#endif
	atomic {
		if
#ifdef TAKEREMOVING
		:: e == want && (s == PUBLISHED || s == REMOVING)
#else
		:: e == want && (s == PUBLISHED || (s == REMOVING && attends))
#endif
		:: else -> assert(!attends && !holds); goto unsettled	/* else ErrCorrupt */
		fi
	};
	atomic {
#ifndef NOLAST
		if
		:: !attends && !(bits & bit(slot)) -> goto unsettled
		:: else
		fi;
#endif
		assert((state == PUBLISHED || state == REMOVING) && name == want);
		using = using | bit(me);
		attends = true; s = 0; e = 0;
		goto done
	};
unsettled:
	atomic {			/* leave */
		bits = bits & ~bit(slot);
		s = 0; e = 0;
		if
		:: cached -> cached = false; goto read
		:: else -> assert(!holds); goto lock
		fi
	};

remove:	look();
	if
	:: n -> goto looked
	:: else
	fi;
#ifdef LOOKFIRST
	look();
#endif
	state = REMOVING;
#if !defined(ONELOOK) && !defined(LOOKFIRST)
	look();
#endif
looked:	if
	:: n -> n = 0; state = PUBLISHED
	:: else -> change(VACANT);
		atomic { names = 0; vacant = true }
	fi;
done:	atomic {
		if
		:: locked == id -> locked = 0
		:: else
		fi;
		holds = false; removes = false; cached = false; want = 0;
		goto begin
	};
leave:	atomic {
		ops = 0; known = 0; names = 0; placed = false; vacant = false; attends = false;
		using = using & ~bit(me);
		over = over | bit(me)
	}
	} unless { atomic { die(); ops = 0; want = 0; known = 0; names = 0; n = 0; l = 0; i = 0; s = 0; e = 0;
		t[0] = 0; t[1] = 0;
		removes = false; cached = false; holds = false; placed = false; vacant = false; attends = false } };
end:	false
}

init {
	byte p;
	atomic {
		do
		:: p < N -> run attachment(p); p++
		:: p == N -> p = 0; break
		od
	}
}
