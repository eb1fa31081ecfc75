package ring

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// A role is one end of a single-producer single-consumer ring: a hold, see
// internal/segment/hold.go. A paused owner keeps its role; a successor sees all that
// the dead one has published.

// claimRole takes a role.
func (o *object) claimRole(role *segment.Hold, what string) error {
	if o.core.Claim(role) {
		return o.open()
	}
	return o.verdict(o.fault(fmt.Errorf("claim the %s role: %w", what, ErrRoleTaken)))
}

// dropRole gives a role up.
func (o *object) dropRole(role *segment.Hold) { o.core.Drop(role) }
