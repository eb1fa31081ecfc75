package futex_test

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

func TestNoAllocation(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		word := new(uint32)
		past := time.Now().Add(-time.Second)
		for _, test := range []struct {
			name string
			call func()
		}{
			{"Wake", func() { futex.Wake(word, 1) }},
			{"Wait", func() { futex.Wait(background, word, 1) }},
			{"WaitUntil, past", func() { futex.WaitUntil(background, word, 0, past) }},
			{"WaitUntil, asleep", func() {
				futex.WaitUntil(background, word, 0, time.Now().Add(100*time.Microsecond))
			}},
		} {
			if n := testing.AllocsPerRun(100, test.call); n != 0 {
				t.Errorf("%s allocates %v times", test.name, n)
			}
		}
	})
}

func BenchmarkWake(b *testing.B) {
	word := new(uint32)
	for b.Loop() {
		futex.Wake(word, 1)
	}
}

func BenchmarkWaitUntilPast(b *testing.B) {
	past := time.Now().Add(-time.Second)
	for _, kind := range contextKinds {
		b.Run(kind, func(b *testing.B) {
			ctx, cancel := contextOf(kind)
			defer cancel()
			word := new(uint32)
			b.ReportAllocs()
			for b.Loop() {
				futex.WaitUntil(ctx, word, 0, past)
			}
		})
	}
}
