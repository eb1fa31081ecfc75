/*
 * What all models share: processes that may die at any step. The including model
 * defines
 *
 *	N          how many processes there are, 0 to N-1, at most 5
 *	DEATHS     how many of them die at most
 *
 * Sets of processes are bit masks. A process's steps stand in a block that ends
 * with `unless { atomic { die(); ... } }`: before each step Spin lets it take
 * death from the killer instead, if there is one left, and then it never moves
 * again. What comes after die() resets its local variables, so that states that
 * differ in a dead process's only are one.
 */

#define bit(p)		(1 << (p))
#define all		(bit(N) - 1)

byte dead;		/* killed; their stores have reached memory */
byte over;		/* at their end */

#define isDead(p)	(dead & bit(p))

/* The answer to a probe of the owner's lock, liveness.Table.Dead, is isDead: the
 * kernel drops the lock after the last store, and a yes stays true. */

chan death = [0] of { bit };

active proctype killer() {
#if DEATHS > 0
end1:	death!0;
#endif
#if DEATHS > 1
end2:	death!0;
#endif
#if DEATHS > 2
end3:	death!0;
#endif
#if DEATHS > 3
end4:	death!0;
#endif
end:	false
}
