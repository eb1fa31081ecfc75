package main

import (
	"fmt"
	"strings"

	"github.com/isthmus-go/isthmus/shm"
)

// state writes what an object is doing.
func state(o shm.ObjectInfo) string {
	var s phrases
	switch v := o.State.(type) {
	case *shm.ValueState:
		s.number(v.Version, "version")
		s.who("writer", v.Writer)
		s.waiting(v.Waiting)
	case *shm.TableState:
		s.number(v.Writes, "writes")
		s.all("writer of entry %d", v.Writers)
	case *shm.LockState:
		s.add(v.Owner == nil, "free")
		s.who("owner", v.Owner)
		s.add(v.Inconsistent, "an owner died")
		s.waiting(v.Waiting)
	case *shm.RWLockState:
		s.add(v.Writer == nil && len(v.Readers) == 0, "free")
		s.who("writer", v.Writer)
		s.add(v.Writer != nil && !v.Inside, "the writer waits for readers")
		s.all("%d reading", v.Readers)
		s.all("%d queued", v.Queued)
		s.add(v.Inconsistent, "a writer died")
		s.waiting(v.Waiting)
	case *shm.CondState:
		s.all("%d waiting", v.Waiting)
		s.all("%d signalled", v.Signalled)
	case *shm.EventState:
		s.add(v.Set, "set")
		s.add(!v.Set, "not set")
		s.number(v.Sets, "times set")
		s.waiting(v.Waiting)
	case *shm.OnceState:
		s.add(v.Done, "done")
		s.add(!v.Done && v.Running == nil, "not done")
		s.who("run by", v.Running)
		s.add(v.Died, "one died")
		s.waiting(v.Waiting)
	case *shm.WaitGroupState:
		s.number(uint64(v.Total), "counts")
		s.all("%d of", v.Holders)
		s.who("changed by", v.Changing)
		s.waiting(v.Waiting)
	case *shm.BarrierState:
		s.number(v.Phase, "phases")
		s.add(v.Broken, "broken")
		s.all("%d arrived", v.Arrived)
		s.who("changed by", v.Changing)
		s.waiting(v.Waiting)
	case *shm.SemaphoreState:
		s.number(uint64(v.Free), "free")
		s.all("%d of", v.Holders)
		s.add(v.Signalling, "signalling")
		s.who("changed by", v.Changing)
		s.who("repaired by", v.Repairing)
		s.waiting(v.Waiting)
	case *shm.RingState:
		s.ring(o, v)
	case *shm.PipeState:
		for i, side := range v.Sides {
			s.who(fmt.Sprintf("side %d", i), side)
			s.add(side != nil, fmt.Sprintf("sent %d, %d unread", v.Sent[i], v.Unread[i]))
			s.add(v.Ended[i], "ended")
		}
	}
	return strings.Join(s, ", ")
}

// phrases are what is said of an object.
type phrases []string

func (s *phrases) add(so bool, what string) {
	if so {
		*s = append(*s, what)
	}
}

func (s *phrases) number(n uint64, what string) { s.add(n != 0, fmt.Sprintf("%d %s", n, what)) }

func (s *phrases) waiting(so bool) { s.add(so, "somebody waits") }

func (s *phrases) who(what string, h *shm.Holder) {
	if h != nil {
		s.add(true, what+" "+holder(*h))
	}
}

// all names those who have something; what is a format of how much.
func (s *phrases) all(what string, holders []shm.Holder) {
	const most = 8
	for i, h := range holders {
		if i == most {
			s.add(true, fmt.Sprintf("%d others", len(holders)-most))
			break
		}
		if strings.Contains(what, "%d") {
			s.add(true, fmt.Sprintf(what, h.Count)+" "+holder(h))
		} else {
			s.add(true, what+" "+holder(h))
		}
	}
}

func holder(h shm.Holder) string {
	who := fmt.Sprintf("pid %d", h.PID)
	if h.PID == 0 {
		who = fmt.Sprintf("id %d", h.ID)
	}
	if !h.Alive {
		who += " (dead)"
	}
	return who
}

func (s *phrases) ring(o shm.ObjectInfo, v *shm.RingState) {
	s.add(v.Closed, "closed")
	s.add(true, plural(uint64(v.Messages), "message"))
	s.add(v.Bytes != 0, plural(uint64(v.Bytes), "byte"))
	s.who("producer", v.Producer)
	s.who("consumer", v.Consumer)
	s.all("producer", o.Producers)
	if len(v.Subscribers) == 0 {
		s.all("consumer", o.Consumers)
	}
	for _, h := range v.Subscribers {
		lag := fmt.Sprintf(", %d behind", h.Lag)
		if h.Evicted {
			lag = ", evicted"
		}
		s.add(true, "subscriber "+holder(h.Holder)+lag)
	}
	s.all("%d being pushed by", v.Pushing)
	s.all("%d being popped by", v.Popping)
	s.all("%d lent to", v.Lent)
	s.add(v.PoppersWait, "consumers wait")
	s.add(v.PushersWait, "producers wait")
}
