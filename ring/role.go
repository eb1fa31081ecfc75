package ring

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// A role is one end of a single-producer single-consumer ring: a hold, see
// internal/segment/hold.go. A paused owner keeps its role; a successor sees all that
// the dead one has published.

// role is an end that is a role.
type role struct {
	core *segment.Segment
	hold *segment.Hold
}

func (r role) held() bool      { return r.core.Held(r.hold) }
func (r role) abandoned() bool { return r.core.Abandoned(r.hold) }

// claimRole takes a role.
func (o *object) claimRole(end *segment.Hold, what string) error {
	if o.core.Claim(end) {
		return o.open()
	}
	return o.verdict(o.fault(fmt.Errorf("claim the %s role: %w", what, ErrRoleTaken)))
}

// dropRole gives a role up.
func (o *object) dropRole(end *segment.Hold) { o.core.Drop(end) }
