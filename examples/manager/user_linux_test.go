package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

const other = 12345 // a user

var _ = proctest.Register("server", func(c *proctest.Child) {
	c.Check(serve(c.Arg(0), []byte("key"), func() { c.Send("ready") }, other))
})

// A stranger is another user's process. It knows the key, or does not.
var _ = proctest.Register("stranger", func(c *proctest.Child) {
	m, err := connect(context.Background(), c.Arg(0), []byte(c.Arg(1)), 0)
	if c.Arg(1) != "key" {
		if err == nil {
			c.Fatalf("connected without the key")
		}
		return
	}
	c.Check(err)
	n := proctest.Must(m.Map("counts").Add("strangers", 1))(c)
	if n != 1 {
		c.Fatalf("%v strangers", n)
	}
	c.Check(m.Close())
})

func TestUsers(t *testing.T) {
	proctest.MaySkip("server", "stranger")
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	name := fmt.Sprintf("users-%d", os.Getpid())
	server := proctest.Start(t, "server", name)
	server.Expect("ready")
	as := &proctest.Options{Attributes: func(a *syscall.SysProcAttr) {
		a.Credential = &syscall.Credential{Uid: other, Gid: other}
	}}
	for _, key := range []string{"guess", "key"} {
		proctest.StartWith(t, as, "stranger", name, key).Wait()
	}
	server.Kill()
}
