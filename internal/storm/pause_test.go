package storm

import "time"

// pause stops one of the living for a while, in the middle of whatever it does.
// Some are stopped at the same time.
func (s *storm) pause() {
	if len(s.living) == 0 {
		return
	}
	w := s.living[s.rnd.IntN(len(s.living))]
	if !w.pausing() && w.proc.Pause() {
		s.report.stopped++
		w.pause = time.Now().Add(time.Duration(s.rnd.IntN(1<<s.rnd.IntN(9))) * time.Millisecond)
	}
}

// resume continues those whose time is over, or all.
func (s *storm) resume(all bool) {
	for _, w := range s.living {
		if w.pausing() && (all || time.Now().After(w.pause)) {
			w.proc.Resume()
			w.pause = time.Time{}
		}
	}
}

func (w *worker) pausing() bool { return !w.pause.IsZero() }
