package shm

import "github.com/isthmus-go/isthmus/internal/layout"

// What is read here is in docs/FORMAT.md, F39 to F42: the offsets in a ring.
const (
	ringCanPop   = 0
	ringClosed   = 4
	ringCanPush  = 128
	ringHead     = 256
	ringTail     = 384
	ringProducer = 512
	ringConsumer = 520
	ringBody     = 640

	ringAttempts = 16 // to see the words of a ring of one moment
)

// ring reads what all rings have.
func (l *look) ring() *RingState {
	return &RingState{
		Closed:      l.half(ringClosed) != 0,
		PoppersWait: l.sleepers(ringCanPop), PushersWait: l.sleepers(ringCanPush),
	}
}

// roles reads who has the roles.
func (l *look) roles(s *RingState) {
	s.Producer, s.Consumer = l.who(l.word(ringProducer)), l.who(l.word(ringConsumer))
}

// slots are an array of them in a ring.
type slots struct {
	*look
	off, stride, n uint64
}

// slots returns those that begin at off, of so many bytes besides the payload.
func (l *look) slots(off, words uint64) slots {
	s := slots{look: l, off: off, n: l.e.Capacity}
	payload := min(l.e.ElemSize, layout.MaxFile)
	s.stride = (words + payload + 7) &^ 7
	room := uint64(len(l.mem)) - min(off, uint64(len(l.mem)))
	if n := room / s.stride; n < s.n || s.n == 0 || s.n&(s.n-1) != 0 {
		l.fault("has %d slots of %d bytes in %d", s.n, s.stride, room)
		s.n = 0
	}
	return s
}

// at loads a word of the slot of a position.
func (s slots) at(pos, off uint64) uint64 { return s.word(s.off + (pos&(s.n-1))*s.stride + off) }

// tail returns the first position from lo on, and before hi, whose slot is not full.
func (s slots) tail(lo, hi uint64, full func(word, pos uint64) bool) uint64 {
	for lo != hi {
		if mid := lo + (hi-lo)/2; full(s.at(mid, 0), mid) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (l *look) spsc() any {
	s := l.ring()
	l.roles(s)
	slots := l.slots(ringBody, 8)
	for range ringAttempts {
		s.Head = l.word(ringHead)
		if slots.n > 0 {
			s.Tail = slots.tail(s.Head, s.Head+slots.n, func(w, pos uint64) bool { return w == pos+1 })
		}
		if l.word(ringHead) == s.Head {
			break
		}
	}
	s.Messages = int64(s.Tail - s.Head)
	return s
}

func (l *look) broadcast() any {
	const lossless, lines, line, evicted = 2, 64, 128, 1 << 63
	s := l.ring()
	l.roles(s)
	off := uint64(ringBody)
	if l.e.Flags&lossless != 0 {
		off += lines * line
	}
	slots := l.slots(off, 8)
	if slots.n == 0 {
		return s
	}
	limit := l.word(ringTail)
	s.Tail = slots.tail(limit-min(limit, max(slots.n/8, 1)), limit, func(w, pos uint64) bool { return int64(w-pos) > 0 })
	s.Head = limit - min(limit, slots.n) // the oldest
	s.Messages = max(int64(s.Tail-s.Head), 0)
	if l.e.Flags&lossless == 0 {
		return s
	}
	used := l.word(ringHead)
	for i := range uint64(lines) {
		w := l.word(ringBody + i*line)
		h := l.who(w)
		if used>>i&1 == 0 || h == nil {
			continue
		}
		sub := SubscriberInfo{Holder: *h, Lag: int64(s.Tail - l.word(ringBody+i*line+8)), Evicted: w&evicted != 0}
		if !sub.Evicted && (sub.Lag > int64(slots.n) || sub.Lag < -int64(slots.n)) {
			l.fault("subscriber %d lags by %d messages of %d", i, sub.Lag, slots.n)
		}
		sub.Lag = max(sub.Lag, 0) // it has gone on since tail was read
		s.Subscribers = append(s.Subscribers, sub)
	}
	return s
}

func (l *look) bytes() any {
	const committed, padding, lengthMask, moreShift, moreMask = 1 << 63, 1 << 62, 1<<32 - 1, 32, 511
	s := l.ring()
	l.roles(s)
	n := l.e.Capacity
	if n < 64 || n&(n-1) != 0 || ringBody+n > uint64(len(l.mem)) {
		l.fault("has a capacity of %d in %d bytes", n, len(l.mem))
		return s
	}
	for try := range ringAttempts {
		place := l.word(ringHead)
		s.Head, s.Messages = place&^moreMask>>6, 0
		pos, first, wrong := s.Head, place&moreMask, ""
		for wrong == "" {
			h := l.word(ringBody + pos&(n-1)&^7)
			if h == 0 {
				break
			}
			length, more, left := h&lengthMask, h>>moreShift&moreMask, n-pos&(n-1)&^7
			size := 8 + (more+1)*((length+7)&^7)
			switch {
			case h&committed == 0, first > more, h&padding == 0 && size > left, h&padding != 0 && length != left:
				wrong = "header"
			case h&padding != 0:
				size = left
			default:
				s.Messages += int64(more + 1 - first)
			}
			first = 0
			if pos += size; wrong == "" && pos-s.Head > n {
				wrong = "length"
			}
		}
		s.Tail = pos
		s.Bytes = int64(pos - s.Head)
		if l.word(ringHead) == place {
			if wrong != "" {
				s.Bytes = min(s.Bytes, int64(n))
				l.fault("messages have a wrong %s", wrong)
			}
			break
		}
		if try == ringAttempts-1 {
			s.Messages, s.Bytes = 0, 0 // it does not keep still
		}
	}
	return s
}
