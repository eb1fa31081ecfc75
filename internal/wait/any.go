package wait

import (
	"context"
	"math/rand/v2"
	"slices"
)

// A Case is an operation that waits, as one of several. It may be used again and again, but
// not by two goroutines at a time. The zero Case never takes place, as that of a nil channel.
type Case struct {
	event   *Event
	fence   Fence
	begin   func()
	try     func() bool
	stalled func()
	result  func() error
}

// NewCase returns a Case. try does the operation, and reports whether it is over; result
// returns its error then. Whoever can complete it wakes the Event. stalled looks for the
// dead.
func NewCase(event *Event, try func() bool, stalled func(), result func() error) Case {
	return Case{event, event.fence, func() {}, try, stalled, result}
}

// Beginning returns the Case with something that is done before its first try.
func (c Case) Beginning(begin func()) Case {
	c.begin = begin
	return c
}

// NewLook returns a Case that nobody wakes for: try looks for something that comes with
// a death, or the end, in the segment of the Fence.
func NewLook(fence Fence, try func() bool, result func() error) Case {
	return Case{nil, fence, func() {}, try, func() {}, result}
}

// Result returns the error of the operation that is over.
func (c *Case) Result() error { return c.result() }

// Any does exactly one of the operations and returns its index: the first that can be done,
// of those tried in random order. If ctx ends first, it returns the error of ctx, and has
// done none.
//
// It takes no turns. So it may be woken for one that has the turn, and the other way round:
// it passes on the wakes that it has not used.
func Any(ctx context.Context, cases []Case) (index int, err error) {
	var few [8]int
	order := few[:0]
	for i, c := range cases {
		if c.try != nil {
			order = append(order, i)
			c.begin()
		}
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, i := range order {
		if cases[i].try() {
			return i, nil
		}
	}
	return await(ctx, cases, order)
}

// await is Any where none can be done at once.
func await(ctx context.Context, cases []Case, order []int) (index int, err error) {
	var n nap
	done := false
	do := func(i int) bool {
		if done = cases[i].try(); done {
			index, n.used = i, cases[i].event
		}
		return done
	}
	try := func() bool { return done || slices.ContainsFunc(order, do) }
	var events []*Event
	for _, i := range order {
		n.fences = append(n.fences, cases[i].fence)
		e := cases[i].event
		if e != nil && !slices.ContainsFunc(events, func(other *Event) bool { return other.word == e.word }) {
			events = append(events, e) // once: a wake of two must not count it twice
		}
	}
	if len(events) > 0 && events[0].luck.spin(try) {
		return index, nil
	}
	err = n.sleep(ctx, func() []*Event { return events }, try, func() {
		for _, i := range order {
			if cases[i].stalled(); do(i) { // what it has found is taken
				return
			}
		}
	})
	return index, err
}
