//go:build unix

package main

import "os"

// tokenRows use a pipe as a lock and as a semaphore, as GNU make's jobserver
// does: it holds one byte, and who has read that has the lock, or the permit.
func tokenRows() []row {
	r := row{System: "pipe", wire: wireToken, attach: attachToken}
	var rows []row
	for _, r.Workload = range []string{lock, sem} {
		rows = append(rows, contendRows(r)...)
	}
	return rows
}

func wireToken(row) (*wiring, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files := []*os.File{in, out}
	w := &wiring{files: [2][]*os.File{files, files}}
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
