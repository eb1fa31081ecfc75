// Service is a gRPC service and its client in two processes, whose connection is shared memory.
// The parent serves the health check that comes with grpc-go; the child asks, and watches. The only lines
// that differ from those of a program that uses TCP are those of Listen, NewClient and
// WithContextDialer.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/isthmus-go/isthmus/shmnet"
)

const job = "squares"

func main() {
	run := server
	if len(os.Args) > 1 {
		run = client
	}
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// server serves until the child has ended.
func server(ctx context.Context) error {
	name := fmt.Sprintf("service-%d", os.Getpid())
	l, err := shmnet.Listen(name, nil)
	if err != nil {
		return err
	}
	s, h := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	h.SetServingStatus(job, healthpb.HealthCheckResponse_NOT_SERVING)
	go s.Serve(l)
	defer s.Stop()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, self, name)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	for line := ""; ; { // what the child has seen
		if _, err := fmt.Fscanln(out, &line); err != nil {
			break
		}
		fmt.Println(line)
		h.SetServingStatus(job, healthpb.HealthCheckResponse_SERVING)
	}
	return child.Wait()
}

// client watches the server of that name until it serves.
func client(ctx context.Context) error {
	cc, err := grpc.NewClient("passthrough:///"+os.Args[1],
		grpc.WithContextDialer(shmnet.Dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer cc.Close()
	stream, err := healthpb.NewHealthClient(cc).Watch(ctx, &healthpb.HealthCheckRequest{Service: job})
	if err != nil {
		return err
	}
	for {
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		fmt.Println(r.Status)
		if r.Status == healthpb.HealthCheckResponse_SERVING {
			return nil
		}
	}
}
