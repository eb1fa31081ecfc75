package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// variable tells a process that it was made by Start. Its value is the numbers of the
// inherited files: launch, report, and those of segments.
const variable = "ISTHMUS_PROCESS"

// child is this process, if it was made by Start.
type child struct {
	in, report *os.File
	files      []*os.File
	launch     launch
}

// self is claimed before the init functions of those who import this package: none of
// the processes that they may start inherits the files or the variable.
var self = claim()

var mainCalled atomic.Bool

// claim takes what Start has left for Main.
func claim() *child {
	value, ok := os.LookupEnv(variable)
	if !ok {
		return nil
	}
	os.Unsetenv(variable)
	c := &child{}
	for i, s := range strings.Split(value, ",") {
		fd, err := strconv.ParseUint(s, 10, strconv.IntSize)
		if err != nil {
			break
		}
		f := inherit(uintptr(fd), i == 0)
		switch i {
		case 0:
			c.in = f
		case 1:
			c.report = f
		default:
			c.files = append(c.files, f)
		}
	}
	return c
}

// Main must be called first in main, and first in TestMain. In a process that [Start] has made,
// it runs the function, and ends the process: with status 0 if the function returns nil, and
// with status 1 if it returns an error. It does not return there, and what was deferred before
// is not run. In every other process it returns at once.
//
// The function runs on the goroutine that calls Main.
func Main() {
	mainCalled.Store(true)
	if self != nil {
		self.run()
	}
}

func (c *child) run() {
	if c.in == nil || c.report == nil {
		c.exit(fmt.Errorf("environment variable %s has a value that is not from Start", variable))
	}
	rename()
	survive()
	in := bufio.NewReader(c.in) // what it has read ahead is for obey
	call, err := c.prepare(in)
	if err != nil {
		c.exit(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go c.obey(in, cancel)
	c.report.Write([]byte{called}) // nobody is told if the parent is gone
	c.exit(c.call(ctx, call))
}

// prepare reads what there is to do.
func (c *child) prepare(in *bufio.Reader) (_ func(context.Context) error, err error) {
	if c.launch, err = readLaunch(in); err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	f := lookup(c.launch.Function)
	if f == nil {
		return nil, fmt.Errorf("function %q is not registered in the new process", c.launch.Function)
	}
	return f.bind(c.launch.Arg)
}

// obey waits for the parent to say something, or to end.
func (c *child) obey(in io.ByteReader, cancel context.CancelFunc) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			break
		}
		if b == terminate {
			cancel()
		}
	}
	if c.launch.Daemon {
		die(c.launch.Group)
	}
}

var errGoexit = errors.New("the function has called runtime.Goexit")

func (c *child) call(ctx context.Context, f func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			panic(v) // the frames of f are still there, and in the trace
		}
		c.exit(errGoexit) // the goroutine would end, and the process might not
	}()
	err = f(ctx)
	returned = true
	return err
}

// exit ends the process. The parent, if there is one, learns why.
func (c *child) exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	if c.report != nil {
		writeReport(c.report, err)
	}
	os.Exit(1)
}
