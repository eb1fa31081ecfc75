package shm

import (
	"math"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// What is read here is in docs/FORMAT.md, F26 to F38, and, of a Pipe, F47.

func (l *look) value() any {
	if l.e.ElemSize <= 8 {
		return &ValueState{Waiting: l.sleepers(8)}
	}
	return &ValueState{Version: l.word(128), Writer: l.who(l.word(0)), Waiting: l.sleepers(136)}
}

func (l *look) lock() any {
	w := l.word(0)
	return &LockState{Owner: l.who(w), Inconsistent: w>>63 != 0, Waiting: l.queued(8)}
}

func (l *look) rwLock() any {
	w := l.word(0)
	s := &RWLockState{
		Writer: l.who(w), Inside: l.who(w) != nil && w>>62&1 == 0,
		Inconsistent: w>>63 != 0, Waiting: l.queued(8) || l.sleepers(32) || l.sleepers(36),
	}
	l.ledger(256, func(owner, count, _ uint64) {
		l.add(&s.Readers, owner, int64(count>>42))
		l.add(&s.Queued, owner, int64(count&(1<<21-1)+count>>21&(1<<21-1)))
	})
	return s
}

func (l *look) cond() any {
	s := &CondState{}
	l.ledger(384, func(owner, tally, _ uint64) {
		if tally>>42 != owner&(1<<22-1) {
			return // of an earlier owner
		}
		l.add(&s.Waiting, owner, int64(tally&(1<<21-1)))
		l.add(&s.Signalled, owner, int64(tally>>21&(1<<21-1)))
	})
	return s
}

func (l *look) event() any {
	w := l.word(0)
	return &EventState{Set: w&1 != 0, Sets: w >> 1, Waiting: l.sleepers(8)}
}

func (l *look) once() any {
	w := l.word(0)
	s := &OnceState{Done: w>>63 != 0, Died: w>>62&1 != 0, Running: l.who(w), Waiting: l.sleepers(8)}
	if s.Done && s.Running != nil {
		l.fault("is done, and somebody does it")
	}
	return s
}

func (l *look) waitGroup() any {
	s := &WaitGroupState{Changing: l.who(l.word(0)), Waiting: l.sleepers(24)}
	total := l.word(32)
	if total > math.MaxInt32 {
		l.fault("has %d counts", total)
	}
	s.Total = int64(min(total, math.MaxInt64))
	l.ledger(128, func(owner, count, _ uint64) {
		l.add(&s.Holders, owner, int64(count>>32+count&math.MaxUint32))
	})
	return s
}

func (l *look) barrier() any {
	w := l.word(32)
	s := &BarrierState{Phase: w >> 1, Broken: w&1 != 0, Changing: l.who(l.word(0)), Waiting: l.sleepers(24)}
	l.ledger(128, func(owner, line, _ uint64) {
		l.add(&s.Arrived, owner, int64(line>>(s.Phase%2*10)&1023))
		l.add(&s.Parties, owner, int64(line>>20&1023))
	})
	return s
}

func (l *look) semaphore() any {
	const busyShift, firstSlot = 53, 2
	w := l.word(0)
	s := &SemaphoreState{
		Free: int64(w & (1<<busyShift - 1)), Signalling: l.e.Flags&1 != 0,
		Repairing: l.who(l.word(24)), Waiting: l.queued(8),
	}
	if s.Free > l.o.Capacity {
		l.fault("has %d free permits of %d", s.Free, l.o.Capacity)
	}
	if s.Signalling {
		return s
	}
	busy := w >> busyShift
	if busy != 0 && (busy < firstSlot || busy-firstSlot >= uint64(l.header.MaxProcs)) {
		l.fault("is being changed by process slot %d, which there is not", int64(busy)-firstSlot)
		busy = 0
	}
	l.ledger(128, func(owner, count, line uint64) {
		if count > uint64(l.o.Capacity) {
			l.fault("process slot %d has %d permits of %d", (line-128)/128, count, l.o.Capacity)
			return
		}
		l.add(&s.Holders, owner, int64(count))
	})
	if busy != 0 {
		s.Changing = l.who(l.word(128 + (busy-firstSlot)*128))
	}
	return s
}

// The words of an entry of a Table.
const (
	tableOwner     = 8
	tableEntrySize = 40
)

func (l *look) table() any {
	s := &TableState{}
	n := min(l.e.Capacity, uint64(len(l.mem))/tableEntrySize)
	if n < l.e.Capacity {
		l.fault("has no room for %d entries", l.e.Capacity)
	}
	for i := range n {
		s.Writes += l.word(i*tableEntrySize) >> 5
		owner := layout.ID(l.word(i*tableEntrySize+tableOwner) & (1<<layout.IDBits - 1))
		if owner != 0 && len(s.Writers) < most {
			h := l.holder(owner)
			h.Count = int64(i)
			s.Writers = append(s.Writers, h)
		}
	}
	return s
}

func (l *look) pipe() any {
	const ended, count = 1 << 63, 1<<63 - 1
	s := &PipeState{}
	for i := range s.Sides {
		tail, head := l.word(uint64(i)*256), l.word(uint64(i)*256+128)
		s.Sent[i], s.Unread[i] = int64(tail&count), int64(tail&count)-int64(head&count)
		s.Ended[i] = (tail|head)&ended != 0
		if s.Unread[i] < 0 || s.Unread[i] > l.o.Capacity {
			l.fault("side %d has %d bytes unread of %d", i, s.Unread[i], l.o.Capacity)
		}
		s.Sides[i] = l.who(l.word(512 + 8*uint64(i)))
	}
	return s
}
