package proctest_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var _ = proctest.Register("echo", func(c *proctest.Child) {
	for _, arg := range c.Args() {
		c.Send(arg)
	}
	for line := c.Recv(); line != "end"; line = c.Recv() {
		c.Send("echo", line)
	}
})

var _ = proctest.Register("fail", func(c *proctest.Child) {
	c.Expect("go")
	c.Fatalf("failed on %s", "purpose")
})

var _ = proctest.Register("hang", func(c *proctest.Child) {
	c.Send("hanging")
	c.Recv()
})

var _ = proctest.Register("settings", func(c *proctest.Child) {
	c.Send(os.Getenv("ISTHMUS_DIR"))
	c.Send(os.Getenv("SETTING"))
	c.Send(runtime.NumCPU())
	if c.Arg(0) == "file" {
		text, err := io.ReadAll(c.File(0))
		c.Check(err)
		c.Send(string(text))
	}
})

func TestLines(t *testing.T) {
	p := proctest.Start(t, "echo", "a b", "")
	p.Expect("a b")
	p.Expect("")
	p.Send("one", 2, true)
	p.Expect("echo one 2 true")
	p.Send("end")
	p.Wait()
}

func TestOptions(t *testing.T) {
	dir := proctest.Dir(t)
	opts := &proctest.Options{Env: []string{"SETTING=x=y"}, CPUs: []int{1001}}
	kind := "plain"
	if runtime.GOOS != "windows" {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("inherited"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		kind, opts.ExtraFiles = "file", []*os.File{f}
	}
	cpus := runtime.NumCPU()
	if runtime.GOOS == "linux" {
		cpus = 1
	}
	p := proctest.StartWith(t, opts, "settings", kind)
	p.Expect(dir)
	p.Expect("x=y")
	p.Expect(cpus)
	if kind == "file" {
		p.Expect("inherited")
	}
	p.Wait()
}

func TestKill(t *testing.T) {
	proctest.NoLeaks(t)
	p := proctest.Start(t, "hang")
	p.Expect("hanging")
	if !p.Kill() {
		t.Error("Kill of a running helper reported false")
	}
	p = proctest.Start(t, "echo")
	p.Send("end")
	p.Wait()
	if p.Kill() {
		t.Error("Kill of a helper that had ended reported true")
	}
}

func TestExit(t *testing.T) {
	p := proctest.Start(t, "fail")
	p.Send("go")
	status, stderr := p.Exit()
	if status != 1 || !strings.Contains(stderr, `helper "fail": failed on purpose`) {
		t.Errorf("Exit returned %d, %q", status, stderr)
	}
}

func TestStop(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Stop()
	p.Send("while stopped")
	p.Continue()
	p.Expect("echo while stopped")
	p.Stop()
	p.Kill()
}

// TestFailures has helpers misbehave, and tests misuse them.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t testing.TB)
		want string // "" for a test that passes
	}{
		{"none", func(t testing.TB) {
			p := proctest.Start(t, "echo")
			p.Send("end")
			p.Wait()
		}, ""},
		{"unknown helper", func(t testing.TB) {
			proctest.Start(t, "nobody")
		}, `no helper "nobody" is registered`},
		{"wrong line", func(t testing.TB) {
			p := proctest.Start(t, "echo", "right")
			p.Expect("wrong")
		}, `sent "right", expected "wrong"`},
		{"wrong line to the helper", func(t testing.TB) {
			p := proctest.Start(t, "fail")
			p.Send("stop")
			p.Wait()
		}, `received "stop", expected "go"`},
		{"two lines at once", func(t testing.TB) {
			proctest.Start(t, "echo").Send("a\nb")
		}, `more than one line`},
		{"failure seen by Wait", func(t testing.TB) {
			p := proctest.Start(t, "fail")
			p.Send("go")
			p.Wait()
		}, `failed on purpose`},
		{"failure seen by Recv", func(t testing.TB) {
			p := proctest.Start(t, "fail")
			p.Send("go")
			p.Recv()
		}, `failed on purpose`},
		{"failure seen by Send", func(t testing.TB) {
			p := proctest.Start(t, "fail")
			for {
				p.Send("go")
			}
		}, `failed on purpose`},
		{"failure before Kill", func(t testing.TB) {
			p := proctest.Start(t, "fail")
			p.Send("go")
			p.Exit()
			p.Kill()
		}, `failed on purpose`},
		{"missing argument", func(t testing.TB) {
			p := proctest.Start(t, "settings")
			p.Recv()
			p.Recv()
			p.Recv()
			p.Wait()
		}, `argument 0 is missing`},
		{"still running", func(t testing.TB) {
			proctest.Start(t, "hang").Expect("hanging")
		}, `still runs at the end`},
		{"left file", func(t testing.TB) {
			os.WriteFile(filepath.Join(proctest.Dir(t), "isthmus.x"), nil, 0o600)
		}, `file "isthmus.x" was left`},
	} {
		t.Run(test.name, func(t *testing.T) {
			proctest.NoLeaks(t)
			r := record(test.run)
			if r.failed != (test.want != "") || !strings.Contains(r.out.String(), test.want) {
				t.Errorf("failed: %v, output: %q; expected %q", r.failed, r.out.String(), test.want)
			}
		})
	}
}

func TestWatchdogShowsStacks(t *testing.T) {
	r := record(func(tb testing.TB) {
		p := proctest.Start(tb, "hang")
		p.Expect("hanging") // however long it takes to start
		t.Setenv("ISTHMUS_PROCTEST_SCALE", "0.01")
		if got := proctest.Timeout(); got != 1800*time.Millisecond {
			tb.Fatalf("Timeout is %v", got)
		}
		p.Recv()
	})
	want := "did not send a line within"
	if runtime.GOOS != "windows" && !strings.Contains(r.out.String(), "(*Child).Recv") {
		t.Errorf("no stacks in %q", r.out.String())
	}
	if !r.failed || !strings.Contains(r.out.String(), want) {
		t.Errorf("failed: %v, output %q; expected %q", r.failed, r.out.String(), want)
	}
}

func TestUnused(t *testing.T) {
	name := fmt.Sprintf("unused helper %p", t) // another name in each repetition
	proctest.Register(name, nil)
	if got := strings.Join(proctest.Unused(), "\n"); !strings.Contains(got, name) {
		t.Errorf("%q is not among the unused: %q", name, got)
	}
	proctest.MaySkip(name)
	if got := strings.Join(proctest.Unused(), "\n"); strings.Contains(got, name) {
		t.Errorf("%q is among the unused: %q", name, got)
	}
}
