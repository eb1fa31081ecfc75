package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// workRows are ring.WorkQueue: each message is delivered in place, and acknowledged.
func workRows() []row {
	r := row{System: "ring.WorkQueue", wire: wireSegment}
	r.attach = attachWorkTrips
	rows := defaultTripRows(r)
	r.attach = attachWorkStream
	r.Workload, r.Procs, r.Batch = stream, 2, 1
	for _, r.Size = range []int{8, 64} {
		rows = append(rows, r)
	}
	return rows
}

func attachWorkTrips(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	there, err := ring.NewWorkQueue[[1]uint64](seg, "there", tripCapacity)
	if err != nil {
		return nil, err
	}
	back, err := ring.NewWorkQueue[[1]uint64](seg, "back", tripCapacity)
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		ask, answer := putWork(there), getWork(back)
		if side == 1 {
			ask, answer = getWork(there), putWork(back)
		}
		return func(seq uint64, n int) error {
			for end := seq + uint64(n); seq != end; seq++ {
				if err := ask(seq, 1); err != nil {
					return err
				}
				if err := answer(seq, 1); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}, nil
}

func attachWorkStream(r row, in inherited) (joiner, error) {
	if r.Size == 8 {
		return joinWork[[1]uint64](r, in)
	}
	return joinWork[[8]uint64](r, in)
}

func joinWork[T message](r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewWorkQueue[T](seg, "stream", r.ringCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		if side == 0 {
			return putWork(q), nil
		}
		return getWork(q), nil
	}, nil
}

func putWork[T message](q *ring.WorkQueue[T]) loop {
	ctx := context.Background()
	var m T
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stampValue(&m, seq)
			if err := q.Put(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func getWork[T message](q *ring.WorkQueue[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			t, err := q.Get(ctx)
			if err != nil {
				return err
			}
			if !stampedValue(t.Value(), seq) {
				return wrongMessage(seq)
			}
			if err := t.Ack(); err != nil {
				return err
			}
		}
		return nil
	}
}
