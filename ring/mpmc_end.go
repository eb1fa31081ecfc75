package ring

import (
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// attendance is an end that any number of processes may be at: those that attend a side of
// the object (internal/segment/attendance.go). A process attends from its first push, or
// pop, until it is gone.
type attendance struct {
	core   *segment.Segment
	shared segment.Object
	side   layout.Side
}

func (a attendance) held() bool {
	alive, _ := a.core.Attended(a.shared, a.side)
	return alive
}

func (a attendance) abandoned() bool {
	alive, died := a.core.Attended(a.shared, a.side)
	return died && !alive
}

// producing is the producers' end of a ring that lends its messages.
type producing struct {
	attendance
	anyLent func() bool // to others
}

// abandoned does not give up what is lent to others: it may yet come back.
func (p producing) abandoned() bool { return p.attendance.abandoned() && !p.anyLent() }

// share makes the ring's ends such as any number of processes may be at.
func (o *object) share(anyLent func() bool) {
	o.producers = producing{attendance{o.core, o.shared, layout.Producer}, anyLent}
	o.consumers = attendance{o.core, o.shared, layout.Consumer}
}
