package main

import (
	"os"

	"github.com/isthmus-go/isthmus/process"
)

// enter comes first in every process. It does not return in those that rows start: see
// poolRows, pipePoolRows and startRows.
func enter() {
	if os.Getenv(exitEnv) != "" {
		os.Exit(0)
	}
	process.Main()
	if f, ok := pipeWorkers[os.Getenv(pipeWorkerEnv)]; ok {
		if err := f(); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
}
