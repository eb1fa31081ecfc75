// Package peers runs every primitive between two processes that differ in what
// their kernel allows or in what they were compiled for.
package peers

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }
