package shm_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/shm"
)

// BenchmarkTable loads and stores entries, and large values of the same types.
func BenchmarkTable(b *testing.B) {
	benchmarkTable[[1]uint64](b, "8")
	benchmarkTable[[8]uint64](b, "64")
	benchmarkTable[row](b, "200")
}

func benchmarkTable[T any](b *testing.B, size string) {
	seg, err := shm.Anonymous(1<<23, nil)
	if err != nil {
		b.Skip(err)
	}
	defer seg.Close()
	const n = 10_000
	table := newTable[T](b, seg, "table", n)
	v, err := shm.NewValue[T](seg, "value")
	if err != nil {
		b.Fatal(err)
	}
	var x T
	for _, bench := range []struct {
		name string
		op   func(i int)
	}{
		{"Load/table", func(i int) { x = table.Load(i % 100) }},
		{"Load/value", func(i int) { x = v.Load() }},
		{"Store/table", func(i int) { table.Store(i%100, x) }},
		{"Store/value", func(i int) { v.Store(x) }},
		{"Update/table", func(i int) { table.Update(i%100, func(x T) T { return x }) }},
		{"Update/value", func(i int) { v.Update(func(x T) T { return x }) }},
	} {
		b.Run(bench.name+"/"+size, func(b *testing.B) {
			for i := range b.N {
				bench.op(i)
			}
		})
	}
}
