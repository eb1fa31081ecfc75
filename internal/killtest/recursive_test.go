//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"

	"github.com/isthmus-go/isthmus/shm"
)

// holder is a RecursiveLock with a token.
type holder struct{ *shm.RecursiveLock }

const token = 7

func (h holder) Lock()           { h.RecursiveLock.Lock(token) }
func (h holder) TryLock() bool   { return h.RecursiveLock.TryLock(token) }
func (h holder) Unlock()         { h.RecursiveLock.Unlock(token) }
func (h holder) MarkConsistent() { h.RecursiveLock.MarkConsistent(token) }
func (h holder) LockContext(ctx context.Context) error {
	return h.RecursiveLock.LockContext(ctx, token)
}

// recursiveLocks are the operations of a RecursiveLock, which do what those of a Lock do.
func recursiveLocks() []operation {
	// The victim has locked it so often before.
	row := func(name string, held int, c lockScene, do func(h holder) result) operation {
		c.recursive = true
		op := operation{name: "RecursiveLock " + name, play: c.play, victim: func(v *victim) func() result {
			h := holder{must(shm.NewRecursiveLock(v.seg, "l"))}
			for range held {
				h.Lock()
			}
			return func() result { return do(h) }
		}}
		if c.other {
			op.other = func(seg *shm.Segment) func() result { return lockUnlockOf(c.on(seg)) }
		}
		return op
	}
	lock := func(h holder) result { h.Lock(); return did() }
	try := func(h holder) result { return did(truth(h.TryLock())...) }
	choose := func(h holder) result { return selectOnly(h.LockCase(token))() }
	unlock := func(h holder) result { h.Unlock(); return did() }
	return []operation{
		row("Lock", 0, lockScene{}, lock),
		row("Lock, sleeping", 0, lockScene{held: true}, lock),
		row("Lock, owner dead", 0, lockScene{dead: true}, lock),
		row("Lock again", 1, lockScene{unlock: true, mark: true}, lock),
		row("LockContext, sleeping", 0, lockScene{held: true}, func(h holder) result {
			ctx, cancel := context.WithCancel(context.Background())
			_ = cancel // nobody gives up
			return failed(h.LockContext(ctx))
		}),
		row("LockCase again", 1, lockScene{unlock: true, mark: true}, choose),
		row("TryLock", 0, lockScene{}, try),
		row("TryLock, owner dead", 0, lockScene{dead: true}, try),
		letting(row("Unlock", 1, lockScene{unlock: true}, unlock)),
		letting(row("Unlock, another sleeps", 1, lockScene{unlock: true, other: true}, unlock)),
		letting(row("Unlock, locked twice", 2, lockScene{unlock: true, mark: true}, unlock)),
		row("MarkConsistent", 1, lockScene{unlock: true, dead: true, mark: true}, func(h holder) result {
			h.MarkConsistent()
			return did()
		}),
	}
}
