package ring_test

import (
	"fmt"
	"testing"
)

// TestCrowd has several processes push and several pop, in every way, and nobody dies.
// Each message comes once, each producer's in order, and no wake-up is late.
func TestCrowd(t *testing.T) {
	for kind, row := range manyRows {
		for _, capacity := range row.crowd {
			for _, mode := range []string{"takes", "borrows", "mixed"} {
				t.Run(fmt.Sprint(kind, "/capacity ", capacity, "/", mode), func(t *testing.T) {
					batch := chaosBatch
					if mode == "mixed" {
						batch = 2 * capacity / row.room
					}
					m := newMany(t, kind, capacity, mode, max(batch, 2), row.length())
					consumers := m.start("many consumer", 3)
					producers := m.start("many producer", 4)
					m.end(producers, consumers)
					for id := range producers {
						if n := int(m.acked.Load(id)); n != m.length {
							t.Errorf("producer %d has pushed %d", id, n)
						}
					}
					m.judge(chaosPlan{mode: "mixed"}, 0)
					if n := m.q.Len(); n != 0 {
						t.Errorf("Len of the drained ring is %d", n)
					}
				})
			}
		}
	}
}

// manyRows are the capacities to test, and the room of a message in them.
var manyRows = map[string]struct {
	chaos, crowd []int
	room         int
	length       func() int
}{
	"MPMC":      {[]int{2, 16}, []int{1, 2, 16, 1024}, 1, func() int { return manyLength }},
	"BytesMPMC": {[]int{128, 1024, 8192}, []int{128, 1024, 8192}, 64, func() int { return scaled(manyLength) }},
}
