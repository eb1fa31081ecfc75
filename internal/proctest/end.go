package proctest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Timeout returns how long the package waits for anything: three minutes, times the
// number in the environment variable ISTHMUS_PROCTEST_SCALE. On a busy machine the
// kernel was seen to keep a thread that could run waiting for a minute.
func Timeout() time.Duration {
	scale := 1.0
	if s, err := strconv.ParseFloat(os.Getenv("ISTHMUS_PROCTEST_SCALE"), 64); err == nil && s > 0 {
		scale = s
	}
	return time.Duration(scale * float64(3*time.Minute))
}

// Scaled returns n, or the part of it that the environment variable
// ISTHMUS_PROCTEST_PART names, 4 meaning a quarter. It is for the lengths of
// tests that would take too long under an emulator.
func Scaled(n int) int {
	if part, err := strconv.Atoi(os.Getenv("ISTHMUS_PROCTEST_PART")); err == nil && part > 0 {
		return max(1, n/part)
	}
	return n
}

// Wait waits for the helper to return, and fails the test if it ends otherwise.
func (p *Proc) Wait() {
	p.t.Helper()
	p.wait()
	if !p.cmd.ProcessState.Success() {
		p.t.Fatalf("proctest: %s%s", p.end(), p.printed())
	}
}

// Together tells helpers to go when all of them are ready, and waits for them.
func Together(procs []*Proc) {
	for _, p := range procs {
		p.t.Helper()
		p.Expect("ready")
	}
	for _, p := range procs {
		p.Send("go")
	}
	for _, p := range procs {
		p.Wait()
	}
}

// Exit waits for the helper's process to end in whatever way, and returns its
// exit status, -1 if it was killed by a signal, and what it printed.
func (p *Proc) Exit() (status int, stderr string) {
	p.t.Helper()
	p.wait()
	return p.cmd.ProcessState.ExitCode(), p.Stderr()
}

// WantRace runs a helper that start starts, which must end well, or as the race detector
// ends those with a race, if that is wanted. The detector misses a race now and then, so
// that a wanted one has several attempts.
func WantRace(t *testing.T, want bool, start func(t *testing.T) *Proc) {
	t.Helper()
	const attempts = 10
	for range attempts {
		var status int
		var stderr string
		t.Run("attempt", func(t *testing.T) { status, stderr = start(t).Exit() })
		switch reported := status != 0 && strings.Contains(stderr, "DATA RACE"); {
		case reported && want:
			return
		case status != 0:
			t.Fatalf("status %d, a race was reported: %v; %s", status, reported, stderr)
		case !want:
			return
		}
	}
	t.Errorf("no race was reported in %d attempts", attempts)
}

// Kill kills the helper's process by SIGKILL, waits until it is gone, and reports
// whether it was killed, now or before. A helper that failed before fails the test.
func (p *Proc) Kill() bool {
	p.t.Helper()
	err := p.cmd.Process.Kill()
	p.wait()
	state := p.cmd.ProcessState
	if p.killed = p.killed || wasKilled(state, err); !p.killed && !state.Success() {
		p.t.Fatalf("proctest: %s%s", p.end(), p.printed())
	}
	return p.killed
}

// Stop suspends the helper's process by SIGSTOP, and returns when none of its
// threads runs. The test is skipped where the platform has no such thing.
func (p *Proc) Stop() {
	p.t.Helper()
	if !canStop {
		p.t.Skip("proctest: no process can be stopped on this platform")
	}
	if err := p.stop(); err != nil {
		p.gone("before it could be stopped: %v", err)
	}
	for start := time.Now(); !stopped(p.Pid()); time.Sleep(100 * time.Microsecond) {
		select {
		case <-p.done:
			p.gone("before it was stopped")
		default:
		}
		if time.Since(start) > Timeout() {
			p.hung("did not stop")
		}
	}
}

// Continue resumes the process after Stop.
func (p *Proc) Continue() {
	p.t.Helper()
	if err := p.resume(); err != nil {
		p.gone("before it could continue: %v", err)
	}
}

// Pause suspends the helper's process as Stop does, but does not wait for that, and
// reports whether there is one to suspend, and a way. Resume undoes it.
func (p *Proc) Pause() bool { return canStop && p.stop() == nil }

// Resume resumes the process after Pause. It may have ended.
func (p *Proc) Resume() { p.resume() }

// Signal sends a signal to the helper's process.
func (p *Proc) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.gone("before it got the signal %v: %v", sig, err)
	}
}

func (p *Proc) wait() {
	p.t.Helper()
	p.ended = true
	if !p.reaped(Timeout()) {
		p.hung("did not end")
	}
}

// reaped waits until the process is gone, or the time is over.
func (p *Proc) reaped(limit time.Duration) bool {
	watchdog := time.NewTimer(limit)
	defer watchdog.Stop()
	select {
	case <-p.done:
		return true
	case <-watchdog.C:
		return false
	}
}

// gone fails the test because the helper's process has ended.
func (p *Proc) gone(format string, args ...any) {
	p.t.Helper()
	p.wait()
	p.t.Fatalf("proctest: %s %s%s", p.end(), fmt.Sprintf(format, args...), p.printed())
}

// hung fails the test because a watchdog ran out, with the helper's stacks.
func (p *Proc) hung(format string, args ...any) {
	p.t.Helper()
	p.ended = true
	p.abort()
	p.t.Fatalf("proctest: helper %q (pid %d) %s within %v%s",
		p.name, p.Pid(), fmt.Sprintf(format, args...), Timeout(), p.printed())
}

// abort ends the process, by a signal that prints its stacks if there is one.
func (p *Proc) abort() {
	p.resume()
	if p.dump() == nil && p.reaped(10*time.Second) {
		return
	}
	p.cmd.Process.Kill()
	p.reaped(Timeout())
}

func (p *Proc) cleanup() {
	select {
	case <-p.done:
	default:
		if !p.ended && !p.t.Failed() && !p.t.Skipped() {
			p.t.Errorf("proctest: helper %q (pid %d) still runs at the end of the test", p.name, p.Pid())
		}
		p.cmd.Process.Kill()
		p.reaped(Timeout())
	}
	if !p.ended && !p.t.Skipped() {
		if !p.t.Failed() {
			p.t.Errorf("proctest: %s, and the test did not wait for it", p.end())
		}
		p.t.Logf("proctest: helper %q was cut off by the end of the test%s", p.name, p.printed())
	}
	close(p.quit)
	p.in.Close()
	p.rd.Close()
}

// end says how the process ended. It must have been reaped.
func (p *Proc) end() string {
	return fmt.Sprintf("helper %q (pid %d) ended (%v)", p.name, p.Pid(), p.cmd.ProcessState)
}

// printed quotes the helper's standard error.
func (p *Proc) printed() string {
	s := strings.TrimSpace(p.Stderr())
	if s == "" {
		return "; it printed nothing"
	}
	return "; it printed:\n\t" + strings.ReplaceAll(s, "\n", "\n\t")
}
