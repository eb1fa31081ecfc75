//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// The callers of net/rpc and gRPC share a connection, as their clients do. Those of HTTP/1 have one each.

// Echo is what net/rpc serves.
type Echo struct{}

// Back returns its argument.
func (Echo) Back(arg []byte, reply *[]byte) error { *reply = arg; return nil }

func serveRPC(l net.Listener) {
	s := rpc.NewServer()
	if err := s.Register(Echo{}); err == nil {
		s.Accept(l)
	}
}

func newRPC(r row, dial dial) (loop, error) {
	conn, err := dial(context.Background())
	if err != nil {
		return nil, err
	}
	c := rpc.NewClient(conn)
	return r.each(func(_, n int) error {
		arg, reply := make([]byte, r.Size), []byte(nil)
		for range n {
			if err := c.Call("Echo.Back", arg, &reply); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

func serveHTTP(l net.Listener) {
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
}

func newHTTP(r row, dial dial) (loop, error) {
	c := &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		MaxIdleConnsPerHost: r.Batch,
	}}
	return r.each(func(_, n int) error {
		msg := make([]byte, r.Size)
		for range n {
			resp, err := c.Post("http://bench/", "", bytes.NewReader(msg))
			if err != nil {
				return err
			}
			k, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || k != int64(r.Size) {
				return fmt.Errorf("%d bytes came back: %w", k, err)
			}
		}
		return nil
	}), nil
}

// serveGRPC serves the health check, a unary call of few bytes that comes with grpc-go.
func serveGRPC(l net.Listener) {
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	s.Serve(l)
}

func newGRPC(r row, dial dial) (loop, error) {
	cc, err := grpc.NewClient("passthrough:///bench",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	c := healthpb.NewHealthClient(cc)
	return r.each(func(_, n int) error {
		for range n {
			if _, err := c.Check(context.Background(), &healthpb.HealthCheckRequest{}); err != nil {
				return err
			}
		}
		return nil
	}), nil
}
