//go:build !unix && !windows

package process

import (
	"os"
	"os/exec"
)

type group struct{}

func newGroup(bool) *group { return &group{} }

func (g *group) prepare(*exec.Cmd) {}

func (g *group) adopt(*os.Process) error { return nil }

func (g *group) awaitEnd(*os.Process) bool { return false }

func (g *group) kill() bool { return false }

func (g *group) close() {}
