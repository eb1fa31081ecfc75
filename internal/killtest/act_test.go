//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"fmt"
	"os"
	"time"

	"github.com/isthmus-go/isthmus/internal/killtest"
)

// start starts a victim, and stops it at the beginning of the operation.
func (s *stage) start() scene {
	s.Helper()
	s.round++
	if s.seg == nil || s.op.fresh {
		if s.seg != nil {
			s.leave()
		}
		s.enter()
	}
	sc := s.op.play(s)
	s.scene = sc
	if !s.op.joins() {
		call(sc.ready)
	}
	s.must("truncate", s.out.Truncate(0))
	must(s.out.Seek(0, 0))
	path, name, args := must(os.Executable()), s.op.name, []string(nil)
	if s.op.c != "" {
		path, name, args = s.cVictim, s.op.c, s.op.cArgs()
	}
	env := []string{
		envVictim + "=" + name,
		envRound + "=" + fmt.Sprint(s.round),
		"ISTHMUS_DIR=" + s.dir,
		"ISTHMUS_PROCTEST_RUN=" + fmt.Sprint(os.Getpid()),
		"GOGC=off", "GODEBUG=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0", "GOTRACEBACK=all",
	}
	if s.fate == shut {
		env = append(env, envClose+"=1", "GOMAXPROCS=2")
	}
	in := s.relink()
	p, err := s.tracer.Start(path, args, env, in, s.out)
	in.Close()
	s.must("start", err)
	s.live = p
	if s.op.joins() {
		s.toMark("joining the ring")
		call(sc.ready)
	}
	s.toMark("its preparation")
	call(sc.set)
	return sc
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// toMark lets the victim run to its next mark.
func (s *stage) toMark(what string) {
	s.Helper()
	state, err := s.live.Continue(patience)
	s.must(what, err)
	if state != killtest.AtMark {
		s.fatalf("%s: the victim did not come to its end: %s", what, s.live.End())
	}
}

// sleeper is called when the victim sleeps.
func (s *stage) sleeper(sc scene) func() {
	return func() {
		if sc.asleep == nil {
			s.fatalf("the victim sleeps")
		}
		sc.asleep()
	}
}

// result reads the result of a victim that has ended its operation.
func (s *stage) result() outcome {
	s.Helper()
	s.toMark("its result")
	return outcome{ended: true, result: parse(string(must(os.ReadFile(s.out.Name()))))}
}

// conclude reads the result of a victim that has ended its operation, kills it,
// and checks what is left.
func (s *stage) conclude(sc scene) {
	s.Helper()
	o := s.result()
	if sc.alive != nil {
		sc.alive(o)
	}
	call(sc.dying)
	s.must("kill", s.live.Kill())
	sc.check(o)
}

// try lets the victim meet its fate at a point. It reports false if the victim
// came somewhere else instead.
func (s *stage) try(trace *killtest.Trace, at killtest.Point) bool {
	s.Helper()
	sc := s.start()
	state, err := trace.Reach(s.live, at, s.sleeper(sc))
	s.must("reach the point", err)
	if state == killtest.Finished {
		s.fatalf("the victim ended: %s", s.live.End())
	}
	reached := state == killtest.Asleep == at.Asleep && (state != killtest.AtMark || at.Index == len(trace.PCs))
	if reached && state == killtest.Stopped && at.Call == 0 {
		reached, err = s.live.At(trace.PCs[at.Index])
		s.must("look where it is", err)
	}
	if s.fate == paused && state != killtest.AtMark {
		s.pause(sc)
		state = killtest.AtMark
	}
	if state == killtest.AtMark {
		s.conclude(sc)
		return reached
	}
	call(sc.dying)
	switch {
	case s.fate == killed:
	case s.shutUnder(at.Asleep):
		s.verdict(sc)
		return reached
	default:
		reached = false
	}
	s.must("kill", s.live.Kill())
	sc.check(outcome{})
	return reached
}

// pause lets the others do what they can, and then the victim go on to the end
// of its operation.
func (s *stage) pause(sc scene) {
	s.Helper()
	var release func()
	if sc.paused != nil {
		release = sc.paused()
	}
	limit := time.Duration(0)
	if release != nil {
		limit = time.Millisecond // to come to what it must not do meanwhile
	}
	state, err := s.live.Continue(limit)
	s.must("go on", err)
	if release != nil {
		release()
	}
	start := time.Now()
	for state == killtest.Running || state == killtest.Asleep {
		state, err = s.live.Continue(2 * time.Millisecond)
		s.must("go on", err)
		if state == killtest.Running || state == killtest.Asleep {
			call(sc.asleep)
		}
		if time.Since(start) > patience {
			s.fatalf("the victim does not go on")
		}
	}
	if state != killtest.AtMark {
		s.fatalf("the victim ended: %s", s.live.End())
	}
}
