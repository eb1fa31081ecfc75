// Pipe passes messages between two processes, one way and both ways.
//
// In Python:
//
//	def sender(conn, msgs):
//	    for msg in msgs:
//	        conn.send(msg)
//	        print("Sent the message:", msg)
//
//	def receiver(conn):
//	    while True:
//	        msg = conn.recv()
//	        if msg == "END":
//	            break
//	        print("Received the message:", msg)
//
//	a, b = Pipe()
//	p1 = Process(target=sender, args=(a, ["hello", "hey", "hru?", "END"]))
//	p2 = Process(target=receiver, args=(b,))
//
//	def calc_square_p(input_arr, p):
//	    for num in input_arr:
//	        p.send(num ** 2)
//	    p.send("end")
//
//	def worker(conn):          # duplex
//	    conn.send("question from the child")
//	    print("child:", conn.recv())
//
// What is better here: the pipe is a net.Conn. What is sent with encoding/gob has a type, and can do no
// harm, as what is unpickled can. The end of the stream is io.EOF, and the death of the other
// side is an error: no message that says "end", and nobody waits for a dead process.
package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

const buffer = 4096 // bytes on their way, in each direction

// withPipe calls f with a side of the pipe of that name. It runs in a child.
func withPipe(name string, f func(*shmnet.Conn) error) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	conn, err := shmnet.Pipe(seg, name, buffer)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close())
}

var sender = process.Register("sender", func(_ context.Context, messages []string) error {
	return withPipe("messages", func(conn *shmnet.Conn) error {
		to := gob.NewEncoder(conn)
		for _, m := range messages {
			fmt.Println("Sent the message:", m)
			if err := to.Encode(m); err != nil {
				return err
			}
		}
		return nil
	})
})

var receiver = process.Register("receiver", func(context.Context, struct{}) error {
	return withPipe("messages", func(conn *shmnet.Conn) error {
		from := gob.NewDecoder(conn)
		for {
			var m string
			if err := from.Decode(&m); err == io.EOF {
				return nil // the sender has closed its side
			} else if err != nil {
				return err
			}
			fmt.Println("Received the message:", m)
		}
	})
})

var squares = process.Register("squares", func(_ context.Context, numbers []int) error {
	return withPipe("squares", func(conn *shmnet.Conn) error {
		to := gob.NewEncoder(conn)
		for _, n := range numbers {
			if err := to.Encode(n * n); err != nil {
				return err
			}
		}
		return nil
	})
})

var asker = process.Register("asker", func(_ context.Context, question string) error {
	return withPipe("duplex", func(conn *shmnet.Conn) error {
		if err := gob.NewEncoder(conn).Encode(question); err != nil {
			return err
		}
		var answer string
		err := gob.NewDecoder(conn).Decode(&answer)
		fmt.Println("child received:", answer)
		return err
	})
})

func main() {
	process.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	name := fmt.Sprintf("pipe-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	return errors.Join(oneWay(ctx, seg), fromChild(ctx, seg), duplex(ctx, seg))
}

// oneWay connects two children.
func oneWay(ctx context.Context, seg *shm.Segment) error {
	opts := &process.Options{Daemon: true, Segments: []*shm.Segment{seg}}
	s, err := process.Start(ctx, sender, []string{"hello", "hey", "hru?"}, opts)
	if err != nil {
		return err
	}
	r, err := process.Start(ctx, receiver, struct{}{}, opts)
	if err != nil {
		return err
	}
	return errors.Join(s.Wait(), r.Wait())
}

// fromChild prints what a child sends.
func fromChild(ctx context.Context, seg *shm.Segment) error {
	conn, err := shmnet.Pipe(seg, "squares", buffer)
	if err != nil {
		return err
	}
	defer conn.Close()
	opts := &process.Options{Daemon: true, Segments: []*shm.Segment{seg}}
	p, err := process.Start(ctx, squares, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, opts)
	if err != nil {
		return err
	}
	from := gob.NewDecoder(conn)
	for {
		var square int
		if err := from.Decode(&square); err == io.EOF {
			break
		} else if err != nil {
			return errors.Join(err, p.Wait())
		}
		fmt.Print(square, " ")
	}
	fmt.Println()
	return p.Wait()
}

// duplex answers a child.
func duplex(ctx context.Context, seg *shm.Segment) error {
	conn, err := shmnet.Pipe(seg, "duplex", buffer)
	if err != nil {
		return err
	}
	defer conn.Close()
	opts := &process.Options{Daemon: true, Segments: []*shm.Segment{seg}}
	p, err := process.Start(ctx, asker, "what is six times seven?", opts)
	if err != nil {
		return err
	}
	var question string
	if err := gob.NewDecoder(conn).Decode(&question); err != nil {
		return errors.Join(err, p.Wait())
	}
	fmt.Println("parent received:", question)
	err = gob.NewEncoder(conn).Encode("42")
	return errors.Join(err, p.Wait())
}
