package ring

import (
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// A role is one end of a single-producer single-consumer ring: a word with the
// id of the process that has it, or 0.
//
// Transitions: 0 to id by a claimant; a dead id to id by a successor; id to 0
// when its owner gives it up. Each is one compare-and-swap, so there is at most
// one owner that is alive, and a death leaves nothing half done. A paused owner
// keeps its role.
//
// Memory orderings. The successor's compare-and-swap comes after the probe that
// found its predecessor dead; the kernel drops a dead process's file lock after
// its last store. It therefore sees all that the predecessor has published.

// claimRole takes a role.
func (o *object) claimRole(role *uint64, what string) error {
	me := uint64(o.core.ID())
	for {
		owner := atomic.LoadUint64(role)
		if owner != 0 && !o.core.Dead(liveness.ID(owner)) {
			if err := o.open(); err != nil {
				return err
			}
			return o.fault(fmt.Errorf("claim the %s role: %w", what, ErrRoleTaken))
		}
		if atomic.CompareAndSwapUint64(role, owner, me) {
			return o.open()
		}
	}
}

// dropRole gives a role up.
func (o *object) dropRole(role *uint64) {
	atomic.CompareAndSwapUint64(role, uint64(o.core.ID()), 0)
}
