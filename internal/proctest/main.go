package proctest

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	envHelper = "ISTHMUS_PROCTEST_HELPER" // names the helper a child runs
	envRun    = "ISTHMUS_PROCTEST_RUN"    // pid of the test process, in all its descendants
	envDir    = "ISTHMUS_DIR"             // the segment directory
)

type helper struct {
	run  func(*Child)
	used bool
}

var (
	mu      sync.Mutex
	helpers = map[string]*helper{}
)

// Registered is the result of [Register]; it exists so that Register can be
// called from a package-level var declaration.
type Registered struct{}

// Register makes f the helper called name. Call it from a package-level var or
// an init function of the test file that starts the helper. A helper that no
// test of a full run starts fails the run.
func Register(name string, f func(c *Child)) Registered {
	mu.Lock()
	defer mu.Unlock()
	if helpers[name] != nil {
		panic("proctest: helper registered twice: " + name)
	}
	helpers[name] = &helper{run: f}
	return Registered{}
}

// MaySkip counts the helpers as used, for a test that may be skipped before it
// starts them.
func MaySkip(names ...string) {
	for _, name := range names {
		use(name)
	}
}

func use(name string) bool {
	mu.Lock()
	defer mu.Unlock()
	h := helpers[name]
	if h == nil {
		return false
	}
	h.used = true
	return true
}

// Main runs the helper that the environment names, or else the tests and then
// the checks of the package's documentation. It does not return.
//
// The tests find ISTHMUS_DIR set to an empty directory of their own, which must
// be empty again at the end.
func Main(m *testing.M) {
	if name, ok := os.LookupEnv(envHelper); ok {
		runHelper(name)
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	flag.Parse()
	if flagSet("test.fuzzworker") {
		return m.Run() // the coordinating process makes the checks
	}
	os.Setenv(envRun, strconv.Itoa(os.Getpid()))
	// Spares each process of the tests the second that the race detector sleeps at its end.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	if err := makeRunDir(); err != nil {
		fmt.Fprintln(os.Stderr, "proctest:", err)
		return 1
	}
	defer os.RemoveAll(runDir)
	os.Setenv(envDir, runDir)
	before := openFiles()
	sleepLong()

	code := m.Run()
	if code != 0 {
		return code
	}
	faults := lostWakes()
	if !flagSet("test.run") && !flagSet("test.skip") && !flagSet("test.list") && !testing.Short() {
		faults = append(faults, unused()...)
	}
	faults = append(faults, leftovers(runDir)...)
	faults = append(faults, leaks(before)...)
	for _, f := range faults {
		fmt.Fprintln(os.Stderr, "proctest:", f)
		code = 1
	}
	return code
}

func unused() []string {
	mu.Lock()
	defer mu.Unlock()
	var faults []string
	for name, h := range helpers {
		if !h.used {
			faults = append(faults, fmt.Sprintf("no test started the helper %q", name))
		}
	}
	sort.Strings(faults)
	return faults
}

// flagSet reports whether the flag has another value than its default.
func flagSet(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != f.DefValue
}
