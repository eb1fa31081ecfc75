// Package shmnet has connections between processes of one machine: [net.Conn] and
// [net.Listener] over shared memory. A program that speaks HTTP, net/rpc or gRPC over a
// Unix socket changes one line.
//
//	l, err := shmnet.Listen("service", nil)
//	...
//	http.Serve(l, handler)
//
//	client := http.Client{Transport: &http.Transport{DialContext: new(shmnet.Dialer).DialContext}}
//	client.Get("http://service/")
//
//	grpc.NewClient("passthrough:///service", grpc.WithContextDialer(shmnet.Dial), ...)
//
// A connection is two streams of bytes. Those of Listen and Dial lie in a mapped file of their own, which
// has no name. A Unix socket hands it over, and stays open: by it, the kernel tells each side at once that
// the other one has died. No byte of a stream goes through the socket. A connection
// without traffic costs a descriptor, and no thread. Those of [Pipe] lie in a segment that two
// processes share already.
//
// # Ends
//
// After [Conn.Close] or [Conn.CloseWrite], the other side reads what was written before, and
// then gets io.EOF. If a process ends in any other way, and be it by returning from main,
// the other side reads what was written before, and then gets ECONNRESET; its writes fail
// with EPIPE. What the dead process has written is whole up to some byte: never more than it
// has passed to Write, and never bytes that it has not written.
//
// # Memory model
//
// A Write synchronizes before the Read that returns its last byte. CloseWrite and Close
// synchronize before a Read that returns io.EOF because of it.
//
// # Trust
//
// By default, both sides have to belong to the same user: the kernel tells who they are. A
// peer that does not follow the protocol, as in memory that it spoils, can send bytes
// or an end, as any peer may, or breaks this connection with [ErrCorrupt]. It may also change
// bytes while an io.WriterTo or io.ReaderFrom looks at them, and make this process have up to
// the size of the buffers in memory.
//
// # Platforms
//
// Listen and Dial need Linux. Elsewhere, they return errors.ErrUnsupported. Processes have to
// be in one network namespace, or to share the directory of a socket: see [Listen]. [Pipe] works
// wherever segments do.
package shmnet
