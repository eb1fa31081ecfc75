package process_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

// BenchmarkStart measures a process that does nothing, from its start to its end, beside
// one that ends at the same place and is started by package os/exec.
func BenchmarkStart(b *testing.B) {
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			p, err := process.Start(context.Background(), returns, "", nil)
			if err == nil {
				err = p.Wait()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("exec", func(b *testing.B) {
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		b.Setenv(envExit, "1")
		for b.Loop() {
			if err := exec.Command(self).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
