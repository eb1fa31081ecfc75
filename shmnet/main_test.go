package shmnet_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }
