//go:build unix

package main

import "os"

// tokenRows use a pipe as a lock and as a semaphore, as GNU make's jobserver
// does: it holds one byte, and who has read that has the lock, or the permit.
func tokenRows() []row {
	r := row{Workload: lock, System: "pipe", wire: wireToken, attach: attachToken}
	rows := append(contendRows(r), crowdRows(r)...)
	r.Workload = sem
	return append(rows, contendRows(r)...)
}

func wireToken(r row) (*wiring, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	w := &wiring{files: r.forAll(in, out)}
	if _, err := out.Write([]byte{0}); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func attachToken(_ row, in inherited) (joiner, error) {
	from, to := in.files[0], in.files[1]
	return func(int) (loop, error) {
		token := make([]byte, 1)
		return func(_ uint64, n int) error {
			for range n {
				if _, err := from.Read(token); err != nil {
					return err
				}
				if _, err := to.Write(token); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}, nil
}
