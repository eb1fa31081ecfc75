//go:build !unix

package proctest

import (
	"errors"
	"os"
	"syscall"
)

const canStop = false

func attributes() *syscall.SysProcAttr { return nil }

func (p *Proc) stop() error   { return errors.ErrUnsupported }
func (p *Proc) resume() error { return errors.ErrUnsupported }
func (p *Proc) dump() error   { return errors.ErrUnsupported }

func stopped(int) bool { return false }

// wasKilled goes by the result of os.Process.Kill, since a process ended by it
// has the same status as a helper that failed.
func wasKilled(_ *os.ProcessState, err error) bool { return err == nil }
