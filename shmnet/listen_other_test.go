//go:build !linux

package shmnet_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/shmnet"
)

func TestUnsupported(t *testing.T) {
	if _, err := shmnet.Listen("name", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := shmnet.Dial(context.Background(), "name"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
