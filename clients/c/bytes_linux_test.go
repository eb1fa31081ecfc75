//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"bytes"
	"encoding/hex"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// message is the i-th that the peer sends, and receives.
func message(i uint64) []byte { return bytes.Repeat([]byte{byte(i)}, int(i%97)) }

func testBytes(s *suite) {
	seg := segment(s.T)
	to := proctest.Must(ring.NewBytes(seg, "to", 256))(s)
	from := proctest.Must(ring.NewBytes(seg, "from", 200))(s)
	p := s.start()
	p.do("mismatch", "bytes", "to", 512)
	p.do("", "bytes", "to", 256)
	p.do("", "bytes", "from", 256)
	in := proctest.Must(to.Producer())(s)
	out := proctest.Must(from.Consumer())(s)
	p.do("taken", "bproduce", "to")
	p.do("", "bconsume", "to")
	p.do("", "bproduce", "from")
	p.do("empty", "bpop", "to", 0, 100)
	p.do("timed out", "bpop", "to", 1, 100)
	p.do("not held by this process", "brelease", "to")
	p.do("message is too large", "bpush", "from", hex.EncodeToString(make([]byte, from.MaxLen()+1)), 0)
	for n := range to.MaxLen() + 1 {
		m := bytes.Repeat([]byte{byte(n)}, n)
		wantNil(s.T, "push", in.TryPush(m))
		p.do(hex.EncodeToString(m), "bpop", "to", 0, 1000)
		arg := hex.EncodeToString(m)
		if n == 0 {
			arg = "-"
		}
		p.do("", "bpush", "from", arg, 0)
		if got, err := out.TryPop(nil); err != nil || !bytes.Equal(got, m) {
			s.Fatalf("Go pops %v, %v, want %v", got, err, m)
		}
	}
	for i := range 30 { // records of several messages
		bs := [][]byte{{1, byte(i)}, {2, byte(i)}, {3}, {4}, {5, 6, 7, 8, 9, 10, 11, 12, byte(i)}}
		proctest.Must(in.PushAll(ctx, bs))(s)
		for _, b := range bs {
			p.do(hex.EncodeToString(b), "bpop", "to", 0, 1000)
		}
		p.do("empty", "bpop", "to", 0, 100)
	}
	// In place, and of a successor.
	proctest.Must(in.PushAll(ctx, [][]byte{{1}, {2}, {3}}))(s)
	p.do("01", "bnext", "to", 0)
	p.do("01", "bnext", "to", 0)
	p.do("", "brelease", "to")
	p.do("message is too large", "bpop", "to", 0, 0)
	p.do("02", "bnext", "to", 0)
	p.do("", "bundo", "to", "consumer")
	got := proctest.Must(to.Consumer())(s)
	if b, err := got.TryPop(nil); err != nil || !bytes.Equal(b, []byte{2}) {
		s.Errorf("the successor pops %v, %v", b, err)
	}
	wantNil(s.T, "detach", in.Detach())
	p.do("", "bproduce", "to")
	p.do("", "bpush", "to", "04", 0)
	for want := byte(3); want <= 4; want++ {
		if b, err := got.TryPop(nil); err != nil || !bytes.Equal(b, []byte{want}) {
			s.Errorf("the successor pops %v, %v", b, err)
		}
	}
	// Full, and closed.
	n := 0
	for ; ; n++ {
		p.Send("bpush", "from", "0102030405060708090a", 0)
		if answer := p.Recv(); answer != "" {
			if answer != "full" {
				s.Error(answer)
			}
			break
		}
	}
	p.do("", "bend", "from")
	p.do("ring is closed", "bpush", "from", "01", 0)
	for range n {
		proctest.Must(out.TryPop(nil))(s)
	}
	_, err := out.TryPop(nil)
	wantError(s.T, "Go pops after the end", err, ring.ErrClosed)
	p.exit()
}

// testBytesStream has many messages pass, both ways, and both sides sleep.
func testBytesStream(s *suite) {
	n := uint64(proctest.Scaled(20000))
	seg := segment(s.T)
	to := proctest.Must(ring.NewBytes(seg, "to", 1024))(s)
	from := proctest.Must(ring.NewBytes(seg, "from", 256))(s)
	sender, receiver := s.start(), s.start()
	receiver.do("", "bytes", "to", 1024)
	receiver.do("", "bconsume", "to")
	sender.do("", "bytes", "from", 256)
	sender.do("", "bproduce", "from")
	in, out := proctest.Must(to.Producer())(s), proctest.Must(from.Consumer())(s)
	receiver.Send("breceive", "to", 0, n)
	asleep(s.T, "to", 0)
	sender.Send("bsend", "from", 0, n)
	asleep(s.T, "from", 128)
	sent := proctest.Go(func() error {
		for i := uint64(0); i < n; {
			var bs [][]byte
			for k := min(n-i, 1+i%7); k > 0; k-- {
				bs = append(bs, message(i))
				i++
			}
			if _, err := in.PushAll(ctx, bs); err != nil {
				return err
			}
		}
		return nil
	})
	var lens [5]int
	for i := uint64(0); i < n; {
		b, k, err := out.PopInto(ctx, nil, lens[:])
		if err != nil {
			s.Fatal(err)
		}
		for _, length := range lens[:k] {
			if !bytes.Equal(b[:length], message(i)) {
				s.Fatalf("message %d is %v", i, b[:length])
			}
			b = b[length:]
			i++
		}
	}
	wantNil(s.T, "push", proctest.Result(s, sent))
	receiver.Expect("")
	sender.Expect("")
	sender.exit()
	receiver.exit()
}

// testBytesKilled has a successor go on where a producer in C died.
func testBytesKilled(s *suite) {
	seg := mortal(s.T)
	q := proctest.Must(ring.NewBytes(seg, "q", 1024))(s)
	out := proctest.Must(q.Consumer())(s)
	next := uint64(0)
	for range 5 {
		p := s.start()
		p.do("", "bytes", "q", 1024)
		p.do("", "bproduce", "q")
		p.Send("bsend", "q", next, 1<<40)
		for range 300 {
			if b := proctest.Must(out.Pop(ctx, nil))(s); !bytes.Equal(b, message(next)) {
				s.Fatalf("message %d is %v", next, b)
			}
			next++
		}
		p.Kill()
		in := proctest.Must(q.Producer())(s)
		for b, err := out.TryPop(nil); err == nil; b, err = out.TryPop(nil) {
			if !bytes.Equal(b, message(next)) {
				s.Fatalf("message %d is %v", next, b)
			}
			next++
		}
		wantNil(s.T, "detach", in.Detach())
	}
}
