package ringtest

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// BytesMPMC is the kind of a BytesMPMC that has so many bytes' room for each message of
// its capacity.
func BytesMPMC(room int, t Text) Kind {
	return func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (Ring, error) {
		r, err := ring.NewBytesMPMC(s, name, room*capacity, opts...)
		if err != nil {
			return nil, err
		}
		code := t.code(r.MaxLen())
		return byteMPMC{r, pushing[[]byte]{r, code}, popping[[]byte]{appending{r}, code}, r}, nil
	}
}

// A byteMPMC is both of its ends.
type byteMPMC struct {
	handle
	pushing[[]byte]
	popping[[]byte]
	ring *ring.BytesMPMC
}

func (r byteMPMC) Mask() uint64                { return r.pushing.mask }
func (r byteMPMC) Roles() bool                 { return false }
func (r byteMPMC) Slotted() bool               { return false }
func (r byteMPMC) Handle() any                 { return r.ring }
func (r byteMPMC) Producer() (Producer, error) { return r, nil }
func (r byteMPMC) Consumer() (Consumer, error) { return r, nil }
func (r byteMPMC) Detach() error               { return nil }

func (r byteMPMC) TryReserve(n uint64) (Reserved, error) {
	m := r.pushing.make(n)
	v, err := r.ring.TryReserve(roomOf(m, n%3*50, r.ring.MaxLen()))
	return r.write(m, v, err)
}

func (r byteMPMC) Reserve(ctx context.Context, n uint64) (Reserved, error) {
	m := r.pushing.make(n)
	v, err := r.ring.Reserve(ctx, roomOf(m, n%3*50, r.ring.MaxLen()))
	return r.write(m, v, err)
}

func (r byteMPMC) write(m []byte, v ring.ReservedBytes, err error) (Reserved, error) {
	copy(v.Bytes(), m)
	return Reserved{func() error { return v.Commit(len(m)) }, v.Cancel}, err
}

func (r byteMPMC) TryNext() (Lent, error) {
	l, err := r.ring.TryNext()
	return r.look(l, err)
}

func (r byteMPMC) Next(ctx context.Context) (Lent, error) {
	l, err := r.ring.Next(ctx)
	return r.look(l, err)
}

func (r byteMPMC) look(l ring.LentBytes, err error) (Lent, error) {
	return r.lent(l.Bytes, l.Release, l.Deliveries(), err)
}
