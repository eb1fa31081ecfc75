//go:build linux

package interop_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var _ = proctest.Register("server", func(c *proctest.Child) {
	l := proctest.Must(shmnet.Listen(c.Arg(0), nil))(c)
	s := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	c.Send("listening")
	c.Expect("end")
	s.GracefulStop()
	c.Check(<-done)
})

// TestInterop runs all but what wants credentials, or several servers. A failure ends the process,
// and says why.
func TestInterop(t *testing.T) {
	proctest.NoLeaks(t)
	name := fmt.Sprintf("interop-%d", os.Getpid())
	p := proctest.Start(t, "server", name)
	p.Expect("listening")
	cc, err := grpc.NewClient("passthrough:///"+name,
		grpc.WithContextDialer(shmnet.Dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	tc := testgrpc.NewTestServiceClient(cc)
	for _, test := range []struct {
		name string
		do   func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)
	}{
		{"empty unary", interop.DoEmptyUnaryCall},
		{"large unary", interop.DoLargeUnaryCall},
		{"client streaming", interop.DoClientStreaming},
		{"server streaming", interop.DoServerStreaming},
		{"ping pong", interop.DoPingPong},
		{"empty stream", interop.DoEmptyStream},
		{"timeout on sleeping server", interop.DoTimeoutOnSleepingServer},
		{"cancel after begin", interop.DoCancelAfterBegin},
		{"cancel after first response", interop.DoCancelAfterFirstResponse},
		{"custom metadata", interop.DoCustomMetadata},
		{"status code and message", interop.DoStatusCodeAndMessage},
		{"special status message", interop.DoSpecialStatusMessage},
	} {
		t.Run(test.name, func(t *testing.T) { test.do(ctx, tc) })
	}
	t.Run("unimplemented method", func(t *testing.T) { interop.DoUnimplementedMethod(ctx, cc) })
	t.Run("unimplemented service", func(t *testing.T) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(cc))
	})
	if err := cc.Close(); err != nil {
		t.Error(err)
	}
	p.Send("end")
	p.Wait()
}
