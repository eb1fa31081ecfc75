//go:build !linux

package shmnet

import (
	"context"
	"errors"
)

type listener struct{}

func listen(Addr, []int) (*listener, error) { return nil, errors.ErrUnsupported }

func (*listener) accept() (*Conn, error) { return nil, errors.ErrUnsupported }

func (*listener) close() error { return errors.ErrUnsupported }

func dial(context.Context, Addr, uint64, []int) (*Conn, error) { return nil, errors.ErrUnsupported }
