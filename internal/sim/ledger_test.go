package sim_test

import "fmt"

// A ledger says what was pushed, and what was popped.
type ledger struct {
	pushed []tally
	counts [][]int // how often each message was popped
	late   int     // how many messages may yet come out of order
}

// A tally is that of a producer's messages, the first ones of which it has pushed, and
// begun to push.
type tally struct{ done, begun int }

func newLedger(producers, each int) ledger {
	l := ledger{pushed: make([]tally, producers)}
	for range producers {
		l.counts = append(l.counts, make([]int, each))
	}
	return l
}

// number is what message k of producer p is.
func number(p, k int) uint64 { return uint64(p)<<32 | uint64(k) }

func split(n uint64) (p, k int) { return int(n >> 32), int(uint32(n)) }

// popped counts a message.
func (l *ledger) popped(p, k int) error {
	if p >= len(l.pushed) || k >= l.pushed[p].begun {
		return fmt.Errorf("message %d of producer %d was not pushed yet", k, p)
	}
	l.counts[p][k]++
	if l.counts[p][k] > 1 {
		return fmt.Errorf("message %d of producer %d came twice", k, p)
	}
	return nil
}

// outOfOrder returns the error, unless it is about a message that a dead consumer has read.
func (l *ledger) outOfOrder(err error) error {
	if l.late == 0 {
		return err
	}
	l.late--
	return nil
}

// diedReading: what c was reading in place comes again, after others of its producer.
func (l *ledger) diedReading(c *consumer) {
	if c.lending {
		l.late++
	}
}

// judge compares what was popped with what was pushed. What the operation of a dead consumer
// may have taken may be missing.
func (r *run) judge() error {
	missing := 0
	for p, counts := range r.counts {
		for k, n := range counts[:r.pushed[p].done] {
			if n == 0 {
				missing++
			}
			if missing > r.lost() {
				return fmt.Errorf("message %d of producer %d was lost", k, p)
			}
		}
	}
	if n := r.rings[closer].Len(); n != 0 && r.world.Deaths == 0 {
		return fmt.Errorf("Len of the drained ring is %d", n)
	}
	return nil
}

// lost is how many messages the dead may have taken with them.
func (r *run) lost() (n int) {
	for _, c := range r.consumers {
		if c.dead {
			n += c.most
		}
	}
	return n
}
