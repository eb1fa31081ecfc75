/*
 * Sleeping in a hub: nap and hub of internal/wait/sleep.go and hub.go. Two goroutines of
 * this process have beds: a selector, that waits for an item of any of two kinds, and a
 * single, that waits for kind 0. An outsider of another process sleeps on kind 0 by itself.
 * Wakers publish items, each with a wake of one. The bits of the word and the fences are in
 * event.pml: here, a waker always wakes, and a word is only what its wakes have made of it.
 *
 * Steps                                    Go
 *   publish, notify     change, wake        (*Event).Notify, futex.Wake
 *   arm                 load of the words   (*nap).arm
 *   try                 takes an item       try
 *   enter               came, ring          enter
 *   look                a try, and fits     case <-bed.look
 *   cancel              ctx ends            case <-ctx.Done()
 *   leave               gone, ring, out     (*bed).leave
 *   pass                notify of what has changed and was not used   (*nap).end
 *   turn                takes off whose word has changed, adds   (*hub).turn
 *   look for itself     compares            (*hub).run
 *   enter the kernel    compares, queues    futex_waitv
 *   return              names one word, unqueues all
 *
 * Properties
 *   lost       once all is still, nobody sleeps who could have an item
 *   stays      after the last bed, the hub has come to its end
 *
 * Mutations that must fail
 *   NORING -DITEMS0=0 -DITEMS1=1 -DNOOUTSIDER  who comes does not raise the bell
 *   NOCOMPARE   the kernel sleeps although a word differs
 *   NOWAIT -DITEMS0=2 -DITEMS1=0 -DNOSELECTOR  who leaves does not wait until it is out
 *   NOPASS      the selector keeps the wakes that it has not used
 *   NOREARM -DITEMS0=1 -DITEMS1=1 -DNOSINGLE  the selector forgets, when it arms again, what it was woken for
 *
 * Check: -DITEMS0=2 -DITEMS1=1 -DNOSINGLE
 * Check: -DITEMS0=2 -DITEMS1=0 -DNOSELECTOR
 * Check: -DITEMS0=1 -DITEMS1=0 -DNOOUTSIDER
 * Memory: 1000 MB
 */

#ifndef ITEMS0
#define ITEMS0 2
#endif
#ifndef ITEMS1
#define ITEMS1 1
#endif

#ifndef LOOKS
#define LOOKS 2
#endif

#define SELECTOR 0
#define SINGLE   1
#define bit(p)	(1 << (p))
#define differs(p)	(word[0] != old0[p] || p == SELECTOR && word[1] != old1)

byte word[2];		/* how many wakes there were */
byte item[2];
byte looks = LOOKS;	/* that may still come, of all */
byte cancels = 1;
bool done;		/* all is published, and whoever sleeps is to end */

/* The kernel's queues: the hub on each word of its list and on its bell, the outsider. */
byte queued;		/* bit 0, 1: the hub on that word for the selector; 2: for the single; 3: the bell */
bool outside;		/* the outsider is asleep */
byte named;		/* which of those the kernel names, plus 1; the last that was woken */
bool inKernel;

/* Of the hub, guarded by dorm: each step that uses them is atomic. */
bit bell;
bool rung;
byte came, gone, listed, out;	/* sets of beds */
byte old0[2], old1;		/* as they were armed, of each bed */
bool running;			/* there is a hub */

/* A wake of one on word k: anybody who is queued there. */
inline wake(k) {
	if
	:: queued & bit(k) -> queued = queued & ~bit(k); named = k + 1; inKernel = false
	:: k == 0 && (queued & bit(2)) -> queued = queued & ~bit(2); named = 3; inKernel = false
	:: k == 0 && outside -> outside = false
	:: else
	fi
}

inline notify(k) {
	atomic { word[k]++ };
	atomic { wake(k) }
}

inline ring() {
	if
	:: !rung ->
		rung = true; bell = 1 - bell;	/* it is raised once between two looks */
		if
		:: queued & bit(3) -> queued = queued & ~bit(3); named = 4; inKernel = false
		:: else
		fi
	:: else
	fi
}

proctype waker(byte k; byte n) {
	do
	:: n > 0 -> atomic { item[k]++; n-- }; notify(k)
	:: else -> break
	od
}

inline enqueue(wanted, k, other) {
	atomic {
		if
		:: !(wanted)
#ifdef NOCOMPARE
		:: (wanted) -> queued = queued | bit(k)
#else
		:: (wanted) && !(other) -> queued = queued | bit(k)
		:: (wanted) && (other) ->
			if
			:: named == 0 -> named = k + 1
			:: else
			fi;
			goto back
#endif
		fi
	}
}

proctype hub() {
	bit belled;
turn:	atomic {				/* (*hub).turn */
		rung = false; belled = bell; named = 0;
		if
		:: (listed & bit(SELECTOR)) && differs(SELECTOR) -> gone = gone | bit(SELECTOR)
		:: else
		fi;
		if
		:: (listed & bit(SINGLE)) && differs(SINGLE) -> gone = gone | bit(SINGLE)
		:: else
		fi;
		listed = listed | came; came = 0;
		out = out | (listed & gone); listed = listed & ~gone; gone = 0;
		if
		:: listed == 0 -> running = false; goto over
		:: else
		fi
	};
	/* It looks for itself first. */
	atomic {
		if
		:: (listed & bit(SELECTOR)) && differs(SELECTOR) || (listed & bit(SINGLE)) && differs(SINGLE) || bell != belled -> goto turn
		:: else
		fi
	};
	/* futex_waitv compares and queues one word after another, as long as they are as they
	 * were armed, and then sleeps if none of those has been woken. */
	enqueue(listed & bit(SELECTOR), 0, word[0] != old0[SELECTOR]);
	enqueue(listed & bit(SELECTOR), 1, word[1] != old1);
	enqueue(listed & bit(SINGLE), 2, word[0] != old0[SINGLE]);
	enqueue(true, 3, bell != belled);
	atomic {
		if
		:: named != 0 -> goto back
		:: else -> inKernel = true
		fi
	};
	atomic { !inKernel -> skip };
back:	atomic { queued = 0; inKernel = false };
	goto turn;
over:	skip
}

inline enter(me) {
	atomic {
		came = came | bit(me);
#ifndef NORING
		ring();
#endif
		if
		:: !running -> running = true; run hub()
		:: else
		fi
	}
}

inline leave(me) {
	atomic {
		if
		:: out & bit(me)
		:: else -> gone = gone | bit(me); ring()
		fi
	};
#ifndef NOWAIT
	atomic { out & bit(me) -> out = out & ~bit(me) }
#endif
}

proctype single(byte me) {
	bool bed, ctx;
arm:	old0[me] = word[0];
	atomic {
		if
		:: item[0] > 0 -> item[0]--; goto over
		:: else
		fi
	};
	enter(me); bed = true;
sleep:	if
	:: atomic { out & bit(me) -> out = out & ~bit(me); bed = false }
	:: atomic { looks > 0 -> looks-- }
	:: atomic { cancels > 0 -> cancels--; ctx = true }
	:: done -> ctx = true
	fi;
	atomic {
		if
		:: item[0] > 0 -> item[0]--; goto over
		:: else
		fi
	};
	if
	:: ctx -> goto over
	:: !ctx && !bed -> goto arm
	:: !ctx && bed && word[0] == old0[me] -> goto sleep
	:: !ctx && bed && word[0] != old0[me] -> leave(me); bed = false
	fi;
	atomic {
		if
		:: item[0] > 0 -> item[0]--; goto over
		:: else -> goto arm
		fi
	};
over:	if
	:: bed ->
		leave(me);
		if
		:: word[0] != old0[me] -> notify(0)
		:: else
		fi
	:: else
	fi
}

inline take() {
	atomic {
		if
		:: item[0] > 0 -> item[0]--; used = 0; goto over
		:: item[1] > 0 -> item[1]--; used = 1; goto over
		:: else
		fi
	}
}

proctype selector(byte me) {
	bool bed, ctx;
	byte used = 2;
arm:	old0[me] = word[0];
	old1 = word[1];
	take();
	enter(me); bed = true;
sleep:	if
	:: atomic { out & bit(me) -> out = out & ~bit(me); bed = false }
	:: atomic { looks > 0 -> looks-- }
	:: atomic { cancels > 0 -> cancels--; ctx = true }
	:: done -> ctx = true
	fi;
	take();
	if
	:: ctx -> goto over
	:: !ctx && !bed -> goto arm
	:: !ctx && bed && word[0] == old0[me] && word[1] == old1 -> goto sleep
	:: !ctx && bed && (word[0] != old0[me] || word[1] != old1) -> leave(me); bed = false
	fi;
#ifndef NOREARM
	take();
#endif
	goto arm;
over:	if
	:: bed -> leave(me); used = 2; bed = false
	:: else
	fi;
#ifndef NOPASS
	if
	:: used != 0 && word[0] != old0[me] -> notify(0)
	:: else
	fi;
	if
	:: used != 1 && word[1] != old1 -> notify(1)
	:: else
	fi
#endif
}

/* Of another process: it sleeps by itself, for ever. */
proctype outsider() {
	byte w;
arm:	w = word[0];
	atomic {
		if
		:: item[0] > 0 -> item[0]--; goto over
		:: done -> goto over
		:: else
		fi
	};
	atomic {
		if
		:: word[0] == w -> outside = true
		:: else -> goto arm
		fi
	};
	atomic { !outside || done };
	if
	:: outside -> outside = false
	:: else -> goto arm
	fi;
over:	skip
}

init {
	atomic {
		if
		:: cancels = 0
		:: skip
		fi;
		if
		:: looks = 0
		:: skip
		fi;
		run waker(0, ITEMS0);
#if ITEMS1 > 0
		run waker(1, ITEMS1);
#endif
#ifndef NOSELECTOR
		run selector(SELECTOR);
#endif
#ifndef NOSINGLE
		run single(SINGLE);
#endif
#ifndef NOOUTSIDER
		run outsider();
#endif
		skip
	};
	timeout ->
	assert(!(outside && item[0] > 0));					/* lost */
	assert(!((listed | came) & bit(SINGLE)) || item[0] == 0);		/* lost */
	assert(!((listed | came) & bit(SELECTOR)) || item[0] + item[1] == 0);	/* lost */
	done = true;
	timeout ->
	assert(!running && listed == 0)						/* stays */
}
