//go:build linux

package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed cpp
var sources embed.FS

// A program is the compiled C++ side, and the systems that it offers for each row.
type program struct {
	path    string
	systems map[string][]string
}

// compile compiles the C++ sources in dir.
func compile(ctx context.Context, dir string) (program, error) {
	p := program{path: filepath.Join(dir, "sides")}
	if err := os.CopyFS(dir, sources); err != nil {
		return p, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "cpp", "*.cpp"))
	if err != nil {
		return p, err
	}
	args := append([]string{"-std=c++17", "-O3", "-Wall", "-Wextra", "-pthread", "-o", p.path}, files...)
	cmd := exec.CommandContext(ctx, "g++", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return p, fmt.Errorf("g++: %w", err)
	}
	list, err := exec.CommandContext(ctx, p.path).Output()
	if err != nil {
		return p, fmt.Errorf("list of C++ systems: %w", err)
	}
	p.systems, err = parseSystems(string(list))
	return p, err
}

// parseSystems reads lines of a row, a tab and a system. Each row has at least one.
func parseSystems(list string) (map[string][]string, error) {
	systems := map[string][]string{}
	for line := range strings.Lines(list) {
		name, system, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if _, known := findRow(name); !ok || !known {
			return nil, fmt.Errorf("line %q is no row and system", line)
		}
		systems[name] = append(systems[name], system)
	}
	for _, r := range rows {
		if len(systems[r.name]) == 0 {
			return nil, fmt.Errorf("%s: no C++ system", r.name)
		}
	}
	return systems, nil
}

// hasBoost reports whether the headers of Boost were there.
func (p program) hasBoost() bool {
	for _, systems := range p.systems {
		for _, s := range systems {
			if strings.HasPrefix(s, "boost ") {
				return true
			}
		}
	}
	return false
}
