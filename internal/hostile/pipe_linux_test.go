package hostile

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

const (
	pipeBuffer = 4096
	pipeSecond = 520 // who has the second side
	pipeWords  = 640 // behind these, any byte is as good as another
)

// openPipe takes a side. The maker has the first, and has written.
func openPipe(s *shm.Segment) (*shmnet.Conn, error) { return shmnet.Pipe(s, "pipe", pipeBuffer) }

// vacate makes the second side free, for whoever is next.
func (w *world) vacate() {
	for _, p := range w.parts {
		if p.name == "pipe" {
			binary.NativeEndian.PutUint64(w.mem[p.off+pipeSecond:], 0)
		}
	}
}

func init() {
	by := func(do func(p *shmnet.Conn, arg byte) error) func(h *handles, arg byte) error {
		return func(h *handles, arg byte) error {
			if h.pipe == nil {
				return nil
			}
			if err := h.pipe.SetDeadline(time.Now().Add(time.Duration(arg) * time.Microsecond)); err != nil {
				return err
			}
			return do(h.pipe, arg)
		}
	}
	operations["pipe"] = []operation{
		{name: "Read", do: by(func(p *shmnet.Conn, arg byte) error {
			_, err := p.Read(make([]byte, 16*int(arg)))
			return err
		})},
		{name: "Write", do: by(func(p *shmnet.Conn, arg byte) error {
			_, err := p.Write(make([]byte, 20*int(arg)))
			return err
		})},
		{name: "WriteTo", do: by(func(p *shmnet.Conn, arg byte) error {
			_, err := p.WriteTo(io.Discard)
			return err
		})},
		{name: "ReadFrom", do: by(func(p *shmnet.Conn, arg byte) error {
			_, err := p.ReadFrom(bytes.NewReader(make([]byte, 20*int(arg))))
			return err
		})},
		{name: "CloseWrite", do: by(func(p *shmnet.Conn, arg byte) error { return p.CloseWrite() })},
		{name: "Peer", do: by(func(p *shmnet.Conn, arg byte) error { p.Peer(); return nil })},
		{name: "Close", do: by(func(p *shmnet.Conn, arg byte) error { return p.Close() })},
	}
}
