package examples

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// A program prints the output, but for what is masked: its lines in any order, if they are
// sorted.
type program struct {
	name, args, output string
	sorted             bool
	check              func(output string) error
}

var programs = []program{
	{name: "squares", output: "0\n1\n4\n9\n16\n25\n36\n49\n64\n81\n"},
	{name: "supervisor", output: strings.Replace(squares(0, 20), "13 169", "13 kills its workers", 1)},
	{name: "request", output: squares(0, 4) + squares(10, 14) + squares(20, 24), sorted: true},
	{name: "web", output: "0\n1\n4\n9\n16\n25\n36\n49\n64\n81\n"},
	{name: "manager", output: squares(0, 10) + "numbers: 10\n"},
	{name: "pool", sorted: true, output: fmt.Sprintln(runtime.NumCPU(), "cores available") +
		each(0, 6, "PID * is processing input %d\n") + "[0 1 4 9 16 25]\n"},
	{name: "factorial", args: "-n 1000", output: "5 processes: * seconds\none by one: * seconds\nthe same 1000 factorials\n"},
	{name: "watchdog", args: "-n 1000 -every 5ms", output: "1000 factorials\n", check: heartbeats},
	{name: "work", args: "-second 10ms", sorted: true, output: "ID of main process: *\n" +
		each(1, 5, "ID of process %d: *\n") + each(1, 5, "Process %d is alive: false\n") +
		strings.Repeat("Process 1 waiting 5 seconds\nProcess 2 waiting 2 seconds\nProcess 3 waiting 1 seconds\nProcess 4 waiting 3 seconds\n"+
			each(1, 5, "Process %d finished.\n")+"\n", 3) +
		"for loop: * seconds\nprocesses: * seconds\npool of two: * seconds\n"},
	{name: "cubes", args: "-n 1000", sorted: true, check: whoCubes,
		output: strings.Repeat("pid of parent process: *\ntime taken: *\n", 2) +
			each(0, runtime.NumCPU(), "creating goroutine %d\n") + each(0, runtime.NumCPU(), "creating process %d\n") +
			strings.Repeat("function is executed on pid: *\n", 2*runtime.NumCPU())},
	{name: "queue", output: "pushing items to queue:\nitem no: 1 Audi\nitem no: 2 BMW\nitem no: 3 Ferrari\nitem no: 4 Volvo\n" +
		"popping items from queue:\nitem no: 0 Audi\nitem no: 1 BMW\nitem no: 2 Ferrari\nitem no: 3 Volvo\n"},
	{name: "consumers", args: "-second 10ms", sorted: true, check: oneConsumer,
		output: strings.Repeat(each(0, 10, "produced %d\n")+each(0, 10, "* consumed %d\n"), 2)},
	{name: "pipe", sorted: true, output: "Sent the message: hello\nSent the message: hey\nSent the message: hru?\n" +
		"Received the message: hello\nReceived the message: hey\nReceived the message: hru?\n" +
		"0 1 4 9 16 25 36 49 64 81 \n" + "parent received: what is six times seven?\nchild received: 42\n"},
	{name: "lock", args: "-payments 100 -pause 100us", check: lost, output: "counter without a lock: *\ncounter with a lock: 400000\ncounter by Add: 400000\n" +
		"starting balance: 0\nend balance without a lock: *\nstarting balance: 0\nend balance with a lock: 0\n"},
	{name: "semaphore", args: "-second 10ms", sorted: true, check: twoAtATime,
		output: each(0, 5, "Worker %d is working\n") + each(0, 5, "Worker %d is done\n")},
	{name: "parzen", output: "h = 0.1, p(x) = 0.1500\nh = 0.2, p(x) = 0.1575\nh = 0.3, p(x) = 0.1544\nh = 0.4, p(x) = 0.1562\n" +
		"h = 0.5, p(x) = 0.1564\nh = 0.6, p(x) = 0.1522\nh = 0.7, p(x) = 0.1555\nh = 0.8, p(x) = 0.1559\n" +
		"h = 0.9, p(x) = 0.1537\nh = 1.0, p(x) = 0.1471\nh = 1.1, p(x) = 0.1431\nh = 1.2, p(x) = 0.1414\n" +
		"the same one after another: true\n"},
	{name: "metrics", output: "the squares, twice: 570\n/debug/vars: 10 pushed, 10 popped\n/metrics:\n" +
		metric("pushed", "Messages pushed.", "numbers") + metric("popped", "Messages popped.", "numbers") +
		metric("waits", "Operations that slept.", "numbers", "lock") +
		metric("wake_ups", "Calls of the kernel to wake others.", "numbers", "lock") +
		metric("repairs", "Repairs of what dead processes have left.", "numbers", "lock")},
	{name: "sharedstate", output: "Value: 3.14\nArray: [0 1 4 9 16 25 36 49 64 81]\n"},
}

// each prints a line for each number.
func each(first, end int, format string) string {
	var b strings.Builder
	for n := first; n < end; n++ {
		fmt.Fprintf(&b, format, n)
	}
	return b.String()
}

// metric prints a counter as Prometheus reads it. Those of a "numbers" that is pushed to and
// popped from are 10, those of repairs 0.
func metric(name, help string, objects ...string) string {
	s := fmt.Sprintf("# HELP isthmus_%s_total %s\n# TYPE isthmus_%[1]s_total counter\n", name, help)
	for _, object := range objects {
		n, ok := map[string]string{"pushed": "10", "popped": "10", "repairs": "0"}[name]
		if !ok {
			n = "*"
		}
		s += fmt.Sprintf("isthmus_%s_total{object=%q} %s\n", name, object, n)
	}
	return s
}

func squares(first, end int) string {
	var b strings.Builder
	for n := first; n < end; n++ {
		fmt.Fprintln(&b, n, n*n)
	}
	return b.String()
}

// differs finds what is another thing in each run: after these words, numbers and times; consumers.
var differs = regexp.MustCompile(`(?m)((?:PID|pid:|[Pp]rocess(?: \d)?:|taken:|without a lock:|loop:|processes:|two:|one:|(?:waits|ups)_total\{.*\}) )-?[\d.hmµns]+|^[AB]( consumed)`)

// lines returns the lines that a program has printed, comparable with others.
func (p program) lines(output string) string {
	output = strings.ReplaceAll(output, "heartbeat\n", "")
	lines := strings.SplitAfter(differs.ReplaceAllString(output, "$1*$2"), "\n")
	if p.sorted {
		slices.Sort(lines)
	}
	return strings.Join(lines, "")
}

func (p program) run(t *testing.T, args string) (output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Timeout())
	defer cancel()
	// It returns when no process has the output open any more.
	out, err := exec.CommandContext(ctx, path(p.name), strings.Fields(args)...).CombinedOutput()
	output = string(out)
	if err == nil && p.check != nil {
		err = p.check(output)
	}
	if got, want := p.lines(output), p.lines(p.output); err != nil || got != want {
		t.Errorf("%s %s: %v\n%s\nwithout what differs:\n%s\nwant:\n%s", p.name, args, err, output, got, want)
	}
	return output
}

var built string // the directory of the programs

func path(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(built, name)
}

// build builds all programs at once, without what debuggers need: that is a third of the time.
func build(t *testing.T) {
	built = t.TempDir()
	if out, err := exec.Command("go", "build", "-ldflags=-w", "-o", built, "./...").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// TestPrograms runs each program twice: nothing of the first run is in the way of the
// second, and nothing is left.
func TestPrograms(t *testing.T) {
	build(t)
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			if (p.name == "web" || p.name == "manager") && runtime.GOOS != "linux" {
				t.Skip("connections need Linux")
			}
			proctest.Dir(t)
			for range 2 {
				p.run(t, p.args)
			}
		})
	}
	t.Run("a worker is killed", func(t *testing.T) {
		proctest.Dir(t)
		i := slices.IndexFunc(programs, func(p program) bool { return p.name == "factorial" })
		p := programs[i]
		p.output = "killing a worker\n" + strings.Replace(p.output, "1000", "2000", 1)
		p.run(t, "-n 2000 -kill")
	})
	t.Run("the parent is killed", watchdogOfTheDead)
	t.Run("interrupted", interrupted)
}

// watchdogOfTheDead kills a program whose watchdog is a Daemon.
func watchdogOfTheDead(t *testing.T) {
	proctest.Dir(t)
	cmd := exec.Command(path("watchdog"), "-n", "1000000000", "-every", "1ms")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(proctest.Timeout(), func() { out.Close() }) // which fails the test
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ { // to the end: until the watchdog has ended too
		if n == 10 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		if lines.Text() != "heartbeat" {
			t.Errorf("printed %q", lines.Text())
		}
	}
	if err := cmd.Wait(); err == nil || lines.Err() != nil {
		t.Errorf("not killed: %v, %v", err, lines.Err())
	}
}

// interrupted interrupts a program that has a segment with a name.
func interrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody can send an interrupt")
	}
	proctest.Dir(t) // wants no segment to be left
	cmd := exec.Command(path("consumers"), "-n", "1000000", "-second", "10ms")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(proctest.Timeout(), func() { out.Close() }) // which fails the test
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ { // until the last process has ended
		if n == 10 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || lines.Err() != nil {
		t.Errorf("not interrupted: %v, %v", err, lines.Err())
	}
}

func heartbeats(output string) error {
	if !strings.Contains(output, "heartbeat\n") {
		return fmt.Errorf("no heartbeat")
	}
	return nil
}

// whoCubes wants goroutines in the parent, and processes elsewhere.
func whoCubes(output string) error {
	var parent string
	inParent := map[bool]int{}
	for line := range strings.Lines(output) {
		if pid, ok := strings.CutPrefix(line, "pid of parent process: "); ok {
			parent = pid
		}
		if pid, ok := strings.CutPrefix(line, "function is executed on pid: "); ok {
			inParent[pid == parent]++
		}
	}
	if n := runtime.NumCPU(); inParent[true] != n || inParent[false] != n {
		return fmt.Errorf("goroutines: %d, processes: %d", inParent[true], inParent[false])
	}
	return nil
}

// oneConsumer wants that the consumer that is alone gets the numbers in order.
func oneConsumer(output string) error {
	next := 0
	for line := range strings.Lines(output) {
		var n int
		if _, err := fmt.Sscanf(line, "A consumed %d", &n); err == nil && next < 10 {
			if n != next {
				return fmt.Errorf("consumed %d in place of %d", n, next)
			}
			next++
		}
	}
	return nil
}

// lost wants no more than what updates that are lost explain.
func lost(output string) error {
	var counter, balance int
	for line := range strings.Lines(output) {
		fmt.Sscanf(line, "counter without a lock: %d", &counter)
		fmt.Sscanf(line, "end balance without a lock: %d", &balance)
	}
	if counter < 1 || counter > 400_000 || balance < -100 || balance > 100 {
		return fmt.Errorf("without a lock: %d, %d", counter, balance)
	}
	return nil
}

func twoAtATime(output string) error {
	working := map[string]bool{}
	for line := range strings.Lines(output) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " is ")
		if working[name] == (what == "working") {
			return fmt.Errorf("twice: %s", line)
		}
		working[name] = what == "working"
		n := 0
		for _, w := range working {
			if w {
				n++
			}
		}
		if n > 2 {
			return fmt.Errorf("more than two are working")
		}
	}
	return nil
}
