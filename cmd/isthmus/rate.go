package main

import (
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// counts are what an object has counted since it was made.
type counts struct {
	in, out       uint64
	hasIn, hasOut bool
	unit          string
	fill          *float64
}

func countsOf(o shm.ObjectInfo) (c counts) {
	switch s := o.State.(type) {
	case *shm.RingState:
		c = counts{in: s.Tail, out: s.Head, hasIn: true, hasOut: o.Kind != "broadcast ring", unit: "messages"}
		held := s.Messages
		switch o.Kind {
		case "byte ring":
			c.unit, held = "bytes", s.Bytes
		case "MPMC byte ring": // whose positions are chunks
			c.unit, held = "bytes", s.Bytes
			c.in, c.out = c.in*64, c.out*64
		}
		if o.Capacity > 0 {
			fill := min(float64(held)/float64(o.Capacity), 1)
			c.fill = &fill
		}
	case *shm.TableState:
		c = counts{in: s.Writes, hasIn: true, unit: "writes"}
	case *shm.ValueState:
		c = counts{in: s.Version, hasIn: o.Type.Size > 8, unit: "writes"}
	case *shm.EventState:
		c = counts{in: s.Sets, hasIn: true, unit: "sets"}
	case *shm.BarrierState:
		c = counts{in: s.Phase, hasIn: true, unit: "phases"}
	case *shm.PipeState:
		c = counts{hasIn: true, hasOut: true, unit: "bytes"}
		for i := range s.Sent {
			c.in += uint64(s.Sent[i])
			c.out += uint64(s.Sent[i] - s.Unread[i])
		}
	}
	return c
}

// rates compares two samples. What was not there before, or another, has no rates.
func rates(before, now sample) []Rate {
	type key struct {
		segment string
		created time.Time
		object  string
		offset  int64
		kind    string
	}
	keyOf := func(i *shm.Info, o shm.ObjectInfo) key { return key{i.Name, i.Created, o.Name, o.Offset, o.Kind} }
	old := map[key]counts{}
	for _, i := range before.infos {
		for _, o := range i.Objects {
			old[keyOf(i, o)] = countsOf(o)
		}
	}
	seconds := now.time.Sub(before.time).Seconds()
	all := []Rate{}
	for _, i := range now.infos {
		for _, o := range i.Objects {
			c := countsOf(o)
			r := Rate{Segment: i.Name, Object: o.Name, Kind: o.Kind, Unit: c.unit, Fill: c.fill, State: state(o)}
			if was, ok := old[keyOf(i, o)]; ok && seconds > 0 {
				r.In = perSecondOf(was.in, c.in, c.hasIn, seconds)
				r.Out = perSecondOf(was.out, c.out, c.hasOut, seconds)
			}
			all = append(all, r)
		}
	}
	return all
}

// perSecondOf is nil for a count that is none, or that has fallen: then the object is a new one.
func perSecondOf(was, is uint64, has bool, seconds float64) *float64 {
	if d := int64(is - was); has && d >= 0 {
		rate := float64(d) / seconds
		return &rate
	}
	return nil
}
