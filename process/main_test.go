package process_test

import (
	"os"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

const (
	envNoMain = "ISTHMUS_TEST_NO_MAIN" // this process does not call Main
	envExit   = "ISTHMUS_TEST_EXIT"    // this process ends where a function would be called
)

func TestMain(m *testing.M) {
	if os.Getenv(envExit) != "" {
		os.Exit(0)
	}
	if os.Getenv(envNoMain) == "" {
		process.Main()
	}
	proctest.Main(m)
}
