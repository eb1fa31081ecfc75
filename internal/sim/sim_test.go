package sim_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
)

var (
	timeFlag   = flag.Duration("sim.time", 0, "how long runs are made; 0 for some thousand runs")
	seedFlag   = flag.Uint64("sim.seed", 0, "seed of the only run, 0 for many with new ones")
	traceFlag  = flag.Bool("sim.trace", false, "print each step")
	insideFlag = flag.Bool("sim.inside", false, "this is the test that is built from the copies")
)

// enough is for how many steps there are runs, if nothing else is said.
const enough = 16_000_000

// TestRings lets agents work on rings, run by run.
func TestRings(t *testing.T) {
	if !*insideFlag {
		testInside(t)
		return
	}
	wait.SetSpin(false)
	proctest.Mortal(t)
	s := newStage(t)
	s.testSteps()
	s.testPassing()
	s.testJoined()
	if *seedFlag != 0 {
		s.test(*seedFlag)
		return
	}
	start := time.Now()
	for s.total.Steps < enough || time.Since(start) < *timeFlag {
		s.test(rand.Uint64())
	}
	t.Log(s.total)
	if s.total.Sleeps == 0 || s.total.Wakes == 0 || s.total.Deaths == 0 {
		t.Error("nobody slept, was woken, or died")
	}
	s.testSame(rand.Uint64())
}

// testInside runs a test on top of the copies.
func testInside(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	test := exec.Command(goTool, "test", "-count=1", "-vet=off", "-v", fmt.Sprint("-timeout=", *timeFlag+5*time.Minute), "-overlay="+overlay(t),
		"-run=^"+t.Name()+"$", module+"/internal/sim", "-args", "-sim.inside", fmt.Sprint("-sim.time=", *timeFlag),
		fmt.Sprint("-sim.seed=", *seedFlag), fmt.Sprint("-sim.trace=", *traceFlag))
	if *traceFlag {
		test.Stdout, test.Stderr = os.Stdout, os.Stderr
		if err := test.Run(); err != nil {
			t.Fatal(err)
		}
		return
	}
	out, err := test.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("\n%s", out)
}
