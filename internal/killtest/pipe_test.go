//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"syscall"

	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

const (
	pipeBuffer  = 4096
	pipeQuarter = pipeBuffer / 4
	secondAt    = 520 // of a Pipe: who has the second side
)

// pipes are the operations of a Pipe.
func pipes() []operation {
	on := func(do func(v *victim, p *shmnet.Conn) result) func(*victim) func() result {
		return func(v *victim) func() result {
			p := newPipe(v.seg)
			return func() result { return do(v, p) }
		}
	}
	write := func(v *victim, p *shmnet.Conn) result {
		n, err := p.Write(letter(v.round))
		return failed(err, uint64(n))
	}
	read := func(_ *victim, p *shmnet.Conn) result {
		b := make([]byte, 8)
		n, err := p.Read(b)
		return failed(err, uint64(n), binary.NativeEndian.Uint64(b))
	}
	reads := func(seg *shm.Segment) func() result {
		p := newPipe(seg)
		return func() result { return read(nil, p) }
	}
	return []operation{
		{name: "Pipe", fresh: true, changes: true, play: pipeSideScene, victim: func(v *victim) func() result {
			return func() result { _, err := shmnet.Pipe(v.seg, "p", pipeBuffer); return failed(err) }
		}},
		{name: "Pipe Write, another sleeps", fresh: true, changes: true, victim: on(write), other: reads,
			play: pipeScene{whole: true}.play},
		{name: "Pipe Read, another sleeps", fresh: true, changes: true, play: pipeScene{writes: true}.play,
			victim: on(func(_ *victim, p *shmnet.Conn) result {
				n, err := p.Read(make([]byte, pipeQuarter))
				return failed(err, uint64(n))
			}),
			other: func(seg *shm.Segment) func() result {
				p := newPipe(seg)
				return func() result {
					n, err := p.Write(make([]byte, pipeBuffer+8))
					return failed(err, uint64(n))
				}
			}},
		{name: "Pipe CloseWrite, another sleeps", fresh: true, changes: true, play: pipeScene{}.play, other: reads,
			victim: on(func(_ *victim, p *shmnet.Conn) result { return failed(p.CloseWrite()) })},
		{name: "Pipe Close, another sleeps", fresh: true, changes: true, play: pipeScene{closes: true}.play,
			victim: on(func(_ *victim, p *shmnet.Conn) result { return failed(p.Close()) }),
			other: func(seg *shm.Segment) func() result {
				p := newPipe(seg)
				return func() result {
					_, err := p.Read(make([]byte, 8))
					_, werr := p.Write(make([]byte, 2*pipeBuffer)) // until the second end
					return failed(err, truth(errors.Is(werr, syscall.EPIPE))...)
				}
			}},
		{name: "Pipe Read, sleeping", fresh: true, victim: on(read), play: pipeReadScene},
		{name: "Pipe Write, sleeping", fresh: true, long: true, play: pipeWriteScene, victim: func(v *victim) func() result {
			p := newPipe(v.seg)
			must(p.Write(make([]byte, pipeBuffer)))
			return func() result { return write(v, p) }
		}},
	}
}

func newPipe(seg *shm.Segment) *shmnet.Conn { return must(shmnet.Pipe(seg, "p", pipeBuffer)) }

// letter is what is written in a round.
func letter(round uint64) []byte { return binary.NativeEndian.AppendUint64(nil, ^round) }

// pipeSideScene is what goes on around the taking of the second side.
func pipeSideScene(s *stage) scene {
	p := newPipe(s.seg)
	return scene{
		paused: func() func() {
			s.must("Write", second(p.Write([]byte{1})))
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's Pipe", o.err)
			taken := s.wide("p", secondAt) != 0
			if o.ended && !taken {
				s.fatalf("the victim has no side")
			}
			if taken {
				s.bounded("Read of what nobody writes", func(context.Context) error {
					return wants(second(p.Read(make([]byte, 1))), syscall.ECONNRESET)
				})
				s.is("a third side", second(shmnet.Pipe(s.seg, "p", pipeBuffer)), shmnet.ErrTaken)
				return
			}
			s.must("Pipe", second(shmnet.Pipe(s.seg, "p", pipeBuffer)))
		},
	}
}

func second[T any](_ T, err error) error { return err }

// wants says what is wrong with an error that is another than the one it has to be.
func wants(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return errors.Join(errors.New("want "+want.Error()+", got"), err)
}

// pipeScene is what goes on around an operation that the other process sleeps for.
type pipeScene struct {
	writes bool // the other process writes, or else it reads
	whole  bool // the victim writes a letter, or else an end
	closes bool // both ends
}

func (c pipeScene) play(s *stage) scene {
	told := false
	return scene{
		wakes: true,
		set: func() {
			told = false
			s.begin()
		},
		alive: func(o outcome) {
			told = true
			c.judge(s, s.finish(), true)
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			if !told {
				c.judge(s, s.finish(), o.ended)
			}
		},
	}
}

// judge looks at what the other process has seen, which is the victim's operation, or its death
// before that.
func (c pipeScene) judge(s *stage, r result, ended bool) {
	s.Helper()
	death := errors.Is(r.err, syscall.ECONNRESET)
	if c.writes {
		death = errors.Is(r.err, syscall.EPIPE)
	}
	switch {
	case death && !ended:
	case c.writes:
		s.must("the other's Write", r.err)
	case c.whole:
		s.must("the other's Read", r.err)
		if got, want := r.values[1], ^s.round; r.values[0] != 8 || got != want {
			s.fatalf("%d bytes came: %#x, not %#x", r.values[0], got, want)
		}
	default:
		s.is("the other's Read", r.err, io.EOF)
		if c.closes && r.values[0] == 0 {
			s.fatalf("its Write does not find the end, or the death")
		}
	}
}

// pipeReadScene is what goes on around a Read that sleeps.
func pipeReadScene(s *stage) scene {
	p := newPipe(s.seg)
	write := func() { s.must("Write", second(p.Write(letter(s.round)))) }
	return scene{
		asleep: write,
		paused: func() func() { write(); return nil },
		check: func(o outcome) {
			s.must("the victim's Read", o.err)
			if o.ended && (o.values[0] != 8 || o.values[1] != ^s.round) {
				s.fatalf("it has read %x, want %x", o.values, ^s.round)
			}
			s.bounded("Write to the dead", func(context.Context) error {
				return wants(second(p.Write(make([]byte, 2*pipeBuffer))), syscall.EPIPE)
			})
			s.bounded("Read from the dead", func(context.Context) error {
				return wants(second(p.Read(make([]byte, 1))), syscall.ECONNRESET)
			})
		},
	}
}

// pipeWriteScene is what goes on around a Write that sleeps: of a letter, behind zeros.
func pipeWriteScene(s *stage) scene {
	p := newPipe(s.seg)
	var got []byte
	read := func() {
		if len(got) < pipeBuffer {
			b := make([]byte, pipeQuarter)
			s.must("Read", second(io.ReadFull(p, b)))
			got = append(got, b...)
		}
	}
	return scene{
		asleep: read,
		paused: func() func() { read(); return nil },
		check: func(o outcome) {
			s.must("the victim's Write", o.err)
			s.bounded("Read of the rest", func(context.Context) error {
				b, err := io.ReadAll(p)
				got = append(got, b...)
				return wants(err, syscall.ECONNRESET)
			})
			none := make([]byte, pipeBuffer)
			all := append(none, letter(s.round)...)
			if !bytes.Equal(got, all) && (o.ended || !bytes.Equal(got, none)) {
				s.fatalf("%d bytes came: …%x", len(got), got[max(0, len(got)-16):])
			}
		},
	}
}
