package process_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

func TestMain(m *testing.M) {
	process.Main()
	proctest.Main(m)
}
