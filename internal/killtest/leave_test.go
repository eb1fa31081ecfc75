//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/isthmus-go/isthmus/ring"
)

// leavings are Closes of the Segment of a ring's producer: those who wait for it with
// FailOnDeath are told of a death, and not of a Close.
func leavings() (ops []operation) {
	for _, kind := range []string{"SPSC", "MPMC"} {
		ops = append(ops, operation{
			name: kind + " Close of the producer's Segment", ring: kind, fresh: true, play: leaveScene{kind}.play,
			changes: true, after: leave,
			victim: func(v *victim) func() result {
				must(newEnd(kind, v.seg, producer))
				return func() result { return failed(v.seg.Close()) }
			},
		})
	}
	return ops
}

// leave is how a Close says that it is one. It is a death until then.
const leave = "github.com/isthmus-go/isthmus/internal/segment.(*resources).leave"

// leaveScene is what goes on around the Close of the Segment of the only producer.
type leaveScene struct{ kind string }

func (c leaveScene) play(s *stage) scene {
	q := newQueue(s, c.kind)
	var slot []byte
	return scene{
		set: func() { slot = s.victimSlot() },
		paused: func() func() {
			c.waits(s)
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's Close", o.err)
			left := c.left(s, slot)
			if o.ended && !left {
				s.fatalf("Close has ended, and it is as if the victim had died")
			}
			if left {
				c.waits(s)
			} else {
				s.bounded("Pop", func(ctx context.Context) error {
					if err := c.pop(s, ctx); !errors.Is(err, ring.ErrPeerDied) {
						return fmt.Errorf("want ErrPeerDied, got %w", err)
					}
					return nil
				})
			}
			q.drain(q.push())
			q.check(0, 0)
			c.waits(s) // for a successor
		},
	}
}

// The word of the producer's role, and its mark of one that has left; and where a slot of
// the process table has the last that has left.
const (
	roleAt   = 512
	roleLeft = 1 << 63
	leftAt   = 40
)

// left reports whether the victim, which had that slot, has said that it closes in order.
// The role of an SPSC says so before the process table does.
func (c leaveScene) left(s *stage, slot []byte) bool {
	s.Helper()
	id := binary.NativeEndian.Uint64(slot)
	left := binary.NativeEndian.Uint64(slot[leftAt:]) == id
	if c.kind == "MPMC" {
		return left
	}
	role := s.wide("q", roleAt)
	if role&^uint64(roleLeft) != id || left && role&roleLeft == 0 {
		s.fatalf("the victim is %#x, and has left: %v; the word of its role is %#x", id, left, role)
	}
	return role&roleLeft != 0
}

// pop pops from the ring, which is empty.
func (c leaveScene) pop(s *stage, ctx context.Context) error {
	e := must(newEnd(c.kind, s.seg, consumer, ring.FailOnDeath))
	_, err := e.Pop(ctx)
	return errors.Join(err, e.Detach())
}

// waits checks that a pop waits, past several looks for the dead.
func (c leaveScene) waits(s *stage) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*slice)
	defer cancel()
	s.is("Pop", c.pop(s, ctx), context.DeadlineExceeded)
}
