package sim_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var background = context.Background()
