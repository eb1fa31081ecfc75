package proctest

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// unread is more lines than any test sends before its helper receives them: who reads
// them must not wait, or it would not see the end of the test process.
const unread = 1 << 10

// A Child is the helper's side of a process started by [Start].
type Child struct {
	name  string
	args  []string
	out   *os.File
	lines chan string
}

// runHelper runs a helper in this process, and exits.
func runHelper(name string) {
	os.Unsetenv(envHelper)
	c := &Child{name: name, args: os.Args[1:], out: os.Stdout, lines: make(chan string, unread)}
	os.Stdout = os.Stderr // what the helper prints must not look like its messages
	mu.Lock()
	h := helpers[name]
	mu.Unlock()
	if h == nil {
		c.Fatalf("no such helper in this test binary")
	}
	go c.read()
	sleepLong()
	h.run(c)
	for _, fault := range lostWakes() {
		c.Fatalf("%s", fault)
	}
	os.Exit(0)
}

// read passes lines on to Recv. Standard input ends when the test process has
// died, and this process then has no more reason to live.
func (c *Child) read() {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			c.Fatalf("the test process is gone: %v", err)
		}
		c.lines <- strings.TrimSuffix(line, "\n")
	}
}

// Args returns the arguments given to [Start].
func (c *Child) Args() []string { return c.args }

// Arg returns the i-th argument given to [Start]; that it is missing is fatal.
func (c *Child) Arg(i int) string {
	if i >= len(c.args) {
		c.Fatalf("argument %d is missing", i)
	}
	return c.args[i]
}

// File returns the i-th of the files in [Options].ExtraFiles. Each call returns
// a new *os.File for the same descriptor, so call it once.
func (c *Child) File(i int) *os.File {
	return os.NewFile(uintptr(3+i), fmt.Sprintf("ExtraFiles[%d]", i))
}

// Send sends one line, made from its operands as by fmt.Sprintln, to the test.
func (c *Child) Send(operands ...any) {
	line, err := makeLine(operands)
	if err == nil {
		_, err = c.out.WriteString(line)
	}
	if err != nil {
		c.Fatalf("send: %v", err)
	}
}

// Recv returns the next line from the test.
func (c *Child) Recv() string { return <-c.lines }

// Expect receives a line; that it differs from the operands, joined as by
// fmt.Sprintln, is fatal.
func (c *Child) Expect(operands ...any) {
	want := joined(operands)
	if got := c.Recv(); got != want {
		c.Fatalf("received %q, expected %q", got, want)
	}
}

// Fatalf prints a message and exits with status 1, which fails the test. It may
// be called from any goroutine.
func (c *Child) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "helper %q: %s\n", c.name, fmt.Sprintf(format, args...))
	os.Exit(1)
}

// Check calls Fatalf if err is not nil.
func (c *Child) Check(err error) { Check(c, err) }

// Helper makes Child a [Fataler].
func (c *Child) Helper() {}

func joined(operands []any) string {
	return strings.TrimSuffix(fmt.Sprintln(operands...), "\n")
}

func makeLine(operands []any) (string, error) {
	line := joined(operands)
	if strings.Contains(line, "\n") {
		return "", fmt.Errorf("%q is more than one line", line)
	}
	return line + "\n", nil
}
