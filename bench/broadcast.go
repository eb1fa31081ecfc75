package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/isthmus-go/isthmus/ring"
)

// broadcastRows are ring.Broadcast, from one process to 1, 2 and 4. In mode lossless the
// sender waits for the slowest; otherwise it does not, and what a receiver misses counts
// as received.
func broadcastRows() []row {
	r := row{System: "ring.Broadcast", wire: wireSegment, attach: attachBroadcast}
	r.Workload = stream
	var rows []row
	for _, mode := range []string{"lossy", "lossless"} {
		for _, subscribers := range []int{1, 2, 4} {
			r.Procs, r.Mode = 1+subscribers, fmt.Sprintf("%s-%d", mode, subscribers)
			for _, r.Size = range []int{8, 64} {
				for _, r.Batch = range streamBatches {
					rows = append(rows, r)
				}
			}
		}
	}
	return rows
}

func attachBroadcast(r row, in inherited) (joiner, error) {
	if r.Size == 8 {
		return joinBroadcast[[1]uint64](r, in)
	}
	return joinBroadcast[[8]uint64](r, in)
}

func joinBroadcast[T message](r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	var opts []ring.Option
	if strings.HasPrefix(r.Mode, "lossless") {
		opts = append(opts, ring.Lossless)
	}
	q, err := ring.NewBroadcast[T](seg, "stream", r.ringCapacity(), opts...)
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		if side == 0 {
			p, err := q.Producer()
			switch {
			case err != nil:
				return nil, err
			case r.Batch > 1:
				return pushAllSPSC(p, r.Batch), nil
			default:
				return pushSPSC(p), nil
			}
		}
		s, err := q.Subscribe(ring.FromOldest)
		switch {
		case err != nil:
			return nil, err
		case r.Batch > 1:
			return popIntoBroadcast(s, r.Batch), nil
		default:
			return popBroadcast(s), nil
		}
	}, nil
}

// missed returns how many messages a receiver has missed, if err says that.
func missed(err error) (uint64, error) {
	var lapped *ring.LappedError
	if errors.As(err, &lapped) {
		return lapped.Missed, nil
	}
	return 0, err
}

func popBroadcast[T message](s *ring.Subscriber[T]) loop {
	ctx := context.Background()
	ahead := uint64(0) // what was missed beyond what was asked for
	return func(seq uint64, n int) error {
		end := seq + uint64(n)
		for seq += ahead; seq < end; {
			m, err := s.Pop(ctx)
			if err != nil {
				n, err := missed(err)
				if err != nil {
					return err
				}
				seq += n
				continue
			}
			if !stampedValue(&m, seq) {
				return wrongMessage(seq)
			}
			seq++
		}
		ahead = seq - end
		return nil
	}
}

func popIntoBroadcast[T message](s *ring.Subscriber[T], batch int) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	ahead := uint64(0)
	return func(seq uint64, n int) error {
		end := seq + uint64(n)
		for seq += ahead; seq < end; {
			k, err := s.PopInto(ctx, ms[:min(uint64(batch), end-seq)])
			if err != nil {
				n, err := missed(err)
				if err != nil {
					return err
				}
				seq += n
				continue
			}
			if !stampedValues(ms[:k], seq) {
				return wrongMessage(seq)
			}
			seq += uint64(k)
		}
		ahead = seq - end
		return nil
	}
}
