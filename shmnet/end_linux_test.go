package shmnet_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/isthmus-go/isthmus/shmnet"
)

// want checks an error, and that it is wrapped as those of package net are.
func want(t testing.TB, what string, err, target error) {
	t.Helper()
	var op *net.OpError
	if !errors.Is(err, target) || target != io.EOF && !errors.As(err, &op) || target == io.EOF && err != io.EOF {
		t.Errorf("%s: %v, want %v", what, err, target)
	}
}

func random(n int) []byte {
	p := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

func TestClose(t *testing.T) {
	a, b := pair(t)
	if _, err := a.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	check(t, a.Close())
	got := make([]byte, 4)
	if _, err := io.ReadFull(b, got); err != nil || string(got) != "last" {
		t.Fatalf("%q, %v", got, err)
	}
	if rest, err := io.ReadAll(b); err != nil || string(rest) != " words" {
		t.Fatalf("%q, %v", rest, err)
	}
	for range 2 {
		_, err := b.Read(got)
		want(t, "read at the end", err, io.EOF)
		_, err = b.Write(got)
		want(t, "write to the closed", err, syscall.EPIPE)
	}
	_, err := a.Read(got)
	want(t, "read", err, net.ErrClosed)
	_, err = a.Write(got)
	want(t, "write", err, net.ErrClosed)
	want(t, "close", a.Close(), net.ErrClosed)
	want(t, "close write", a.CloseWrite(), net.ErrClosed)
	want(t, "deadline", a.SetDeadline(time.Now()), net.ErrClosed)
	_, err = a.ReadFrom(bytes.NewReader(got))
	want(t, "read from", err, net.ErrClosed)
	_, err = a.WriteTo(io.Discard)
	want(t, "write to", err, net.ErrClosed)
}

// TestOnePage has a byte go there and back: each side has touched one page.
func TestOnePage(t *testing.T) {
	a, b := pair(t)
	for _, c := range [][2]*shmnet.Conn{{a, b}, {b, a}} {
		if _, err := c[0].Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := c[1].Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := resident(t), 2*os.Getpagesize(); got != want {
		t.Errorf("%d bytes are mapped, want %d", got, want)
	}
}

func TestCloseWrite(t *testing.T) {
	a, b := pair(t)
	question, answer := random(300_000), random(200_000)
	together(
		func() {
			if _, err := a.Write(question); err != nil {
				t.Error(err)
			}
			if err := errors.Join(a.CloseWrite(), a.CloseWrite()); err != nil {
				t.Error(err)
			}
			_, err := a.Write(question)
			want(t, "write", err, syscall.EPIPE)
			if got, err := io.ReadAll(a); err != nil || !bytes.Equal(got, answer) {
				t.Errorf("%d bytes of the answer, %v", len(got), err)
			}
		},
		func() {
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, question) {
				t.Errorf("%d bytes of the question, %v", len(got), err)
			}
			if _, err := b.Write(answer); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
}

// pending runs operations that wait, of side a, and returns their errors once others has been called.
func pending(t *testing.T, a *shmnet.Conn, others func()) (read, write error) {
	t.Helper()
	together(
		func() { _, read = a.Read(make([]byte, 1)) },
		func() {
			for write == nil {
				_, write = a.Write(make([]byte, 1000))
			}
		},
		others)
	return read, write
}

func TestPendingClose(t *testing.T) {
	for range 20 {
		a, b := pair(t)
		r, w := pending(t, a, func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
		want(t, "read", r, net.ErrClosed)
		want(t, "write", w, net.ErrClosed)
		b.Close()
	}
}

func TestPendingPeerCloses(t *testing.T) {
	for range 20 {
		a, b := pair(t)
		r, w := pending(t, a, func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		want(t, "read", r, io.EOF)
		want(t, "write", w, syscall.EPIPE)
		a.Close()
	}
}

func TestPendingCloseWrite(t *testing.T) {
	a, b := pair(t)
	r, w := pending(t, a, func() {
		if err := errors.Join(a.CloseWrite(), b.CloseWrite()); err != nil {
			t.Error(err)
		}
	})
	want(t, "read", r, io.EOF)
	want(t, "write", w, syscall.EPIPE)
	if _, err := io.Copy(io.Discard, b); err != nil {
		t.Error(err)
	}
}

// TestConcurrentWrites has several goroutines write at the same time: what one has written stays in
// one piece.
func TestConcurrentWrites(t *testing.T) {
	const writers, each, size = 8, 20, 10_000
	a, b := pairBuffer(t, 4096)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for range each {
				if _, err := a.Write(bytes.Repeat([]byte{byte(w)}, size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var seen [writers]int
	for range writers * each {
		p := make([]byte, size)
		if _, err := io.ReadFull(b, p); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, bytes.Repeat(p[:1], size)) {
			t.Fatal("two writes are mixed")
		}
		seen[p[0]]++
	}
	all.Wait()
	for w, n := range seen {
		if n != each {
			t.Errorf("%d writes of writer %d", n, w)
		}
	}
}

// TestPieces writes and reads pieces of all sizes, by all ways.
func TestPieces(t *testing.T) {
	sent := random(3_000_000)
	for name, write := range map[string]func(a *shmnet.Conn, rnd *rand.Rand) error{
		"Write": func(a *shmnet.Conn, rnd *rand.Rand) error {
			for p := sent; len(p) > 0; {
				n, err := a.Write(p[:min(len(p), 1+rnd.IntN(1<<rnd.IntN(18)))])
				if err != nil {
					return err
				}
				p = p[n:]
			}
			return nil
		},
		"ReadFrom": func(a *shmnet.Conn, rnd *rand.Rand) error {
			n, err := a.ReadFrom(iotest.HalfReader(bytes.NewReader(sent)))
			if n != int64(len(sent)) {
				t.Errorf("ReadFrom has written %d bytes of %d", n, len(sent))
			}
			return err
		},
	} {
		for rname, read := range map[string]func(b *shmnet.Conn, got *bytes.Buffer, rnd *rand.Rand) error{
			"Read": func(b *shmnet.Conn, got *bytes.Buffer, rnd *rand.Rand) error {
				for {
					p := make([]byte, 1+rnd.IntN(1<<rnd.IntN(18)))
					n, err := b.Read(p)
					got.Write(p[:n])
					if err != nil {
						return err
					}
					if n == 0 {
						t.Error("read nothing")
					}
				}
			},
			"WriteTo": func(b *shmnet.Conn, got *bytes.Buffer, _ *rand.Rand) error {
				n, err := b.WriteTo(got)
				if n != int64(len(sent)) {
					t.Errorf("WriteTo has read %d bytes of %d", n, len(sent))
				}
				if err == nil {
					err = io.EOF
				}
				return err
			},
		} {
			for i, buffer := range []int{1, 1, 0, 0, 1 << 20, 1 << 20} {
				a, b := pairBuffer(t, buffer)
				if i%2 == 1 { // the other stream
					a, b = b, a
				}
				var got bytes.Buffer
				together(
					func() {
						if err := errors.Join(write(a, rand.New(rand.NewPCG(3, 4))), a.Close()); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					},
					func() {
						if err := read(b, &got, rand.New(rand.NewPCG(5, 6))); err != io.EOF {
							t.Errorf("%s: %v", rname, err)
						}
						b.Close()
					})
				if !bytes.Equal(got.Bytes(), sent) {
					t.Errorf("%s to %s, buffer %d: got %d bytes, or others", name, rname, buffer, got.Len())
				}
			}
		}
	}
}

// TestCopyFaults has the other side of a copy fail.
func TestCopyFaults(t *testing.T) {
	a, b := pair(t)
	broken := errors.New("broken")
	if n, err := a.ReadFrom(io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(broken))); n != 3 || err != broken {
		t.Error(n, err)
	}
	r, w := io.Pipe()
	r.CloseWithError(broken)
	if n, err := b.WriteTo(w); n != 0 || err != broken {
		t.Error(n, err)
	}
	if n, err := b.WriteTo(short{}); n != 1 || err != io.ErrShortWrite {
		t.Error(n, err)
	}
	got := make([]byte, 3)
	if n, err := b.Read(got); n != 2 || err != nil || string(got[:2]) != "bc" {
		t.Error(n, err, got)
	}
	if _, err := a.ReadFrom(empty{}); err != io.ErrNoProgress {
		t.Error(err)
	}
}

// TestCopyClosed closes a connection while WriteTo passes bytes on: those count.
func TestCopyClosed(t *testing.T) {
	a, b := pair(t)
	if _, err := b.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	n, err := a.WriteTo(writeFunc(func(p []byte) (int, error) { return len(p), a.Close() }))
	want(t, "write to", err, net.ErrClosed)
	if n != 3 {
		t.Errorf("%d bytes", n)
	}
}

type short struct{}

func (short) Write([]byte) (int, error) { return 1, nil }

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }
