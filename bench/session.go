package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// commandTimeout ends a session whose peers hang. Commands are sized to run
// far below a second, on a machine that has nothing else to do.
const commandTimeout = 5 * time.Minute

// A session is one row's peers, from their start to their end. The
// coordinator sleeps while they work.
type session struct {
	row    row
	peers  []*peer
	load   *exec.Cmd // what computes beside them; nil if nothing does
	cancel context.CancelFunc
	epoch  uint32
}

type peer struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	commands *json.Encoder
	reports  *json.Decoder
	stderr   bytes.Buffer
}

// startSession starts the peers of r and returns when all have attached.
// They are killed when ctx ends.
func startSession(ctx context.Context, r row) (*session, error) {
	w, err := wire(r)
	if err != nil {
		return nil, err
	}
	// The peers have their own copies once they run.
	defer w.close()
	ctx, cancel := context.WithCancel(ctx)
	s := &session{row: r, cancel: cancel}
	if err = s.start(ctx, r, w); err == nil {
		_, err = s.collect()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// wire makes what the sides of r share, and what they meet in if they contend.
func wire(r row) (*wiring, error) {
	w := &wiring{files: r.forAll()}
	if r.wire != nil {
		var err error
		if w, err = r.wire(r); err != nil {
			return nil, err
		}
	}
	if !r.contended() || r.inProcess || r.command != nil {
		return w, nil
	}
	f, err := newShared()
	if err != nil {
		w.close()
		return nil, err
	}
	for side := range w.files {
		w.files[side] = append(slices.Clip(w.files[side]), f)
	}
	return w, nil
}

func (s *session) start(ctx context.Context, r row, w *wiring) error {
	cpus := cpuPair()
	if r.Workload == loaded {
		var err error
		if s.load, err = startLoad(ctx, cpus); err != nil {
			return err
		}
	}
	if r.command != nil {
		cmd, err := r.command(ctx, r, cpus)
		if err != nil {
			return err
		}
		return s.startPeer(cmd, cpus)
	}
	if r.inProcess {
		return s.startSides(ctx, r, fmt.Sprint(0, r.Procs-1), inherited{}, cpus)
	}
	for side := range r.Procs {
		own := cpus // none, if there are no two
		if cpus != nil && !r.spread {
			own = cpus[side%2 : side%2+1]
		}
		in := inherited{files: w.files[side], segment: w.segment}
		if r.foreign != nil {
			cmd, err := r.foreign(ctx, r, side, in)
			if err == nil && cmd != nil {
				err = s.startPeer(cmd, own)
			}
			if err != nil {
				return err
			}
			if cmd != nil {
				continue
			}
		}
		if err := s.startSides(ctx, r, fmt.Sprint(side, side), in, own); err != nil {
			return err
		}
	}
	return nil
}

// startSides starts the process that plays the given sides on the given CPUs.
func (s *session) startSides(ctx context.Context, r row, sides string, in inherited, cpus []int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(),
		peerRowEnv+"="+r.name(),
		peerSidesEnv+"="+sides,
		fmt.Sprintf("%s=%d", peerFilesEnv, len(in.files)),
		peerSegmentEnv+"="+in.segment,
		"GOMAXPROCS=2")
	cmd.ExtraFiles = in.files
	return s.startPeer(cmd, cpus)
}

// startPeer starts a process that talks as protocol.go says.
func (s *session) startPeer(cmd *exec.Cmd, cpus []int) error {
	p := &peer{cmd: cmd}
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = commandTimeout // for children of its own that hold on to stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.commands, p.reports = json.NewEncoder(p.stdin), json.NewDecoder(stdout)
	if err := startPinned(p.cmd, cpus); err != nil {
		return err
	}
	s.peers = append(s.peers, p)
	return nil
}

// run makes every side carry out c, whose epoch it sets, and returns their
// reports, side 0 first.
func (s *session) run(c command) ([]sideReport, error) {
	s.epoch++
	c.Epoch = s.epoch
	// The receiving side first, so that it is there when the first message is.
	for i := len(s.peers) - 1; i >= 0; i-- {
		if err := s.peers[i].commands.Encode(c); err != nil {
			return nil, s.peers[i].failed(err)
		}
	}
	return s.collect()
}

// collect reads one report of every peer. The first failure ends them all:
// the others may be waiting for the one that failed.
func (s *session) collect() ([]sideReport, error) {
	watchdog := time.AfterFunc(commandTimeout, s.cancel)
	defer watchdog.Stop()
	reports := make([]report, len(s.peers))
	errs := make(chan error, len(s.peers))
	for i, p := range s.peers {
		go func() {
			if err := p.reports.Decode(&reports[i]); err != nil {
				errs <- p.failed(err)
			} else if reports[i].Err != "" {
				errs <- errors.New(reports[i].Err)
			} else {
				errs <- nil
			}
		}()
	}
	var first error
	for range s.peers {
		if err := <-errs; err != nil && first == nil {
			first = err
			s.cancel()
		}
	}
	if first != nil {
		return nil, first
	}
	var sides []sideReport
	for _, r := range reports {
		sides = append(sides, r.Sides...)
	}
	return sides, nil
}

// failed explains why a peer has stopped talking.
func (p *peer) failed(err error) error {
	p.stdin.Close()
	waitErr := p.cmd.Wait()
	text, _, _ := strings.Cut(strings.TrimSpace(p.stderr.String()), "\n\n")
	return fmt.Errorf("peer ended: %w", errors.Join(err, waitErr, textError(text)))
}

// textError returns nil for no text.
func textError(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// close ends the peers and waits for them.
func (s *session) close() {
	s.cancel()
	for _, p := range s.peers {
		p.stdin.Close()
		p.cmd.Wait() // its error is that it was killed, or already reported
	}
	if s.load != nil {
		s.load.Wait()
	}
}
