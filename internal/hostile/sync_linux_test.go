package hostile

import (
	"context"

	"github.com/isthmus-go/isthmus/shm"
)

// syncs are the objects that are named after those of package sync.
type syncs struct {
	event          *shm.Event
	once           *shm.Once
	group, reports *shm.WaitGroup
	recursive      *shm.RecursiveLock
	barrier, goOn  *shm.Barrier
	cond           *shm.Cond
}

func (h *syncs) open(s *shm.Segment, kind string) (err error) {
	switch kind {
	case "event":
		h.event, err = shm.NewEvent(s, kind)
	case "once":
		h.once, err = shm.NewOnce(s, kind)
	case "group":
		h.group, err = shm.NewWaitGroup(s, kind)
	case "reports":
		h.reports, err = shm.NewWaitGroup(s, kind, shm.ReportDead)
	case "barrier":
		h.barrier, err = shm.NewBarrier(s, kind, 2)
	case "goOn":
		h.goOn, err = shm.NewBarrier(s, kind, 2, shm.GoOn)
	case "cond":
		var l *shm.Lock
		if l, err = shm.NewLock(s, "lock"); err == nil {
			h.cond, err = shm.NewCond(s, kind, l)
		}
	case "recursive":
		h.recursive, err = shm.NewRecursiveLock(s, kind)
	}
	return err
}

func init() {
	operations["event"] = []operation{
		{name: "Set", do: func(h *handles, arg byte) error { h.event.Set(); return nil }},
		{name: "Clear", do: func(h *handles, arg byte) error { h.event.Clear(); return nil }},
		{name: "IsSet", do: func(h *handles, arg byte) error { h.event.IsSet(); return nil }},
		{name: "Wait", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return h.event.Wait(ctx) })
		}},
	}
	operations["once"] = []operation{
		{name: "Do", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return h.once.Do(ctx, func() error { return nil }) })
		}},
		{name: "Do, which fails", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return h.once.Do(ctx, func() error { return context.Canceled }) })
		}},
		{name: "Done", do: func(h *handles, arg byte) error { h.once.Done(); h.once.OwnerDied(); return nil }},
	}
	operations["barrier"] = barrierOperations(func(h *handles) *shm.Barrier { return h.barrier })
	operations["goOn"] = barrierOperations(func(h *handles) *shm.Barrier { return h.goOn })
	operations["cond"] = []operation{
		{name: "Signal", do: func(h *handles, arg byte) error { h.cond.Signal(); return nil }},
		{name: "Broadcast", do: func(h *handles, arg byte) error { h.cond.Broadcast(); return nil }},
		{name: "Wait", endless: true, do: func(h *handles, arg byte) error {
			if !h.cond.L.TryLock() {
				return nil
			}
			err := brief(arg, h.cond.WaitContext)
			h.cond.L.Unlock()
			return err
		}},
	}
	operations["recursive"] = []operation{
		{name: "TryLock", do: func(h *handles, arg byte) error { h.recursive.TryLock(uint32(arg % 2)); return nil }},
		{name: "Lock", endless: true, do: func(h *handles, arg byte) error { h.recursive.Lock(uint32(arg % 2)); return nil }},
		{name: "LockContext", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return h.recursive.LockContext(ctx, uint32(arg%2)) })
		}},
		{name: "Unlock", do: func(h *handles, arg byte) error { h.recursive.Unlock(uint32(arg % 2)); return nil }},
		{name: "MarkConsistent", do: func(h *handles, arg byte) error { h.recursive.MarkConsistent(uint32(arg % 2)); return nil }},
	}
	operations["group"] = groupOperations(func(h *handles) *shm.WaitGroup { return h.group })
	operations["reports"] = groupOperations(func(h *handles) *shm.WaitGroup { return h.reports })
}

// barrierOperations are those of a Barrier.
func barrierOperations(of func(h *handles) *shm.Barrier) []operation {
	return []operation{
		{name: "Wait", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { _, err := of(h).Wait(ctx); return err })
		}},
		{name: "Abort", do: func(h *handles, arg byte) error { of(h).Abort(); return nil }},
		{name: "Reset", endless: true, do: func(h *handles, arg byte) error { of(h).Reset(); return nil }},
		{name: "Broken", do: func(h *handles, arg byte) error { of(h).Broken(); of(h).Waiting(); return nil }},
	}
}

// groupOperations are those of a WaitGroup. Each change may have to wait for the owner of a
// lock.
func groupOperations(of func(h *handles) *shm.WaitGroup) []operation {
	return []operation{
		{name: "Add", endless: true, do: func(h *handles, arg byte) error { of(h).Add(int(arg%4) - 1); return nil }},
		{name: "Done", endless: true, do: func(h *handles, arg byte) error { of(h).Done(); return nil }},
		{name: "Take", endless: true, do: func(h *handles, arg byte) error { of(h).Take(int(arg % 3)); return nil }},
		{name: "Wait", endless: true, do: func(h *handles, arg byte) error { of(h).Wait(); return nil }},
		{name: "WaitContext", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return of(h).WaitContext(ctx) })
		}},
	}
}
