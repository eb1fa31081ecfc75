//go:build amd64 && !isthmus_nofutex

package python_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var ctx = context.Background()

// interpreter returns a Python that extensions can be built for and that has NumPy, or "".
var interpreter = sync.OnceValue(func() string {
	const asks = `
import os, sys, sysconfig, numpy, setuptools, pip
assert sys.version_info >= (3, 10) and os.path.exists(sysconfig.get_path("include") + "/Python.h")
print(sys.executable)`
	for _, name := range []string{os.Getenv("ISTHMUS_PYTHON"), "/usr/bin/python3", "python3"} {
		if name == "" {
			continue
		}
		if out, err := exec.Command(name, "-c", asks).Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return ""
})

// needs skips a test where no extension can be built.
func needs(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		proctest.MaySkip(helpers...)
		t.Skip("there is no gcc: the Python client is not tested")
	}
	if interpreter() == "" {
		proctest.MaySkip(helpers...)
		t.Skip("there is no python3 with its headers, NumPy, setuptools and pip: the Python client is not tested")
	}
}

// install installs the package with pip, from a checkout, and returns the directory that it is
// in. It has less optimized, which takes a third of the time.
func install(t *testing.T) string {
	t.Helper()
	dir, tree := t.TempDir(), checkout(t)
	c := exec.Command(interpreter(), "-m", "pip", "install", "-q", "--no-build-isolation", "--no-index", "--no-deps", "--no-compile",
		"--root-user-action=ignore", "--disable-pip-version-check", "--target", dir, tree)
	c.Env = append(os.Environ(), "ISTHMUS_CFLAGS=-O1 "+warnings)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
	for _, name := range []string{"py.typed", "__init__.pyi"} {
		if _, err := os.Stat(filepath.Join(dir, "isthmus", name)); err != nil {
			t.Error(err)
		}
	}
	return dir
}

// checkout copies what the package is built from, as building leaves files there.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	proctest.Check(t, os.CopyFS(dir+"/python", os.DirFS(".")))
	proctest.Check(t, os.CopyFS(dir+"/c", os.DirFS("../c")))
	return dir + "/python"
}

const warnings = "-Wall -Wextra -Wno-missing-field-initializers -Wno-cast-function-type -Werror"

// lib is the directory that the package is installed in.
var lib string

// TestPython installs the package once, for all that uses it.
func TestPython(t *testing.T) {
	needs(t)
	lib = install(t)
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"Unit", testUnit},
		{"Create", testCreate},
		{"Value", testValue},
		{"Array", testArray},
		{"Lock", testLock},
		{"Semaphore", testSemaphore},
		{"SPSC", testSPSC},
		{"Blocks", testBlocks},
		{"MPMC", testMPMC},
		{"Bytes", testBytes},
		{"Wakes", testWakes},
		{"Killed", testKilled},
		{"KilledStream", testKilledStream},
		{"Example", testExample},
	} {
		t.Run(test.name, test.run)
	}
}

// python runs a command in Python with the package in dir, and returns what it prints. With
// -X dev that includes where each of its processes stood when the time was over: a thread in
// Python that watches the time would do without this, but gcc's sanitizer of addresses leaves
// its allocator locked in a fork if another thread is in it.
func python(t testing.TB, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, proctest.Timeout())
	defer cancel()
	c := exec.CommandContext(limit, interpreter(), args...)
	c.Env = append(append(os.Environ(), "PYTHONPATH="+dir+":"+here(t)+"/tests", "PYTHONDONTWRITEBYTECODE=1"), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGABRT) }
	c.WaitDelay = proctest.Timeout()
	out, err := c.CombinedOutput()
	return string(out), err
}

func here(t testing.TB) string { return proctest.Must(filepath.Abs("."))(t) }

// unittests runs the tests in Python.
func unittests(t *testing.T, dir string, env ...string) {
	t.Helper()
	proctest.Dir(t)
	out, err := python(t, dir, env, "-X", "dev", "-W", "ignore", "-m", "unittest", "discover", "-s", "tests")
	if err != nil || strings.Contains(out, "skipped") {
		t.Errorf("%v\n%s", err, out)
	}
}

// testUnit runs the tests in Python, which need no Go.
func testUnit(t *testing.T) { unittests(t, lib) }

// TestSanitizer runs the tests in Python with the extension, and the memory that it has of
// Python, under the sanitizer of addresses.
func TestSanitizer(t *testing.T) {
	needs(t)
	asan := strings.TrimSpace(string(proctest.Must(exec.Command("gcc", "-print-file-name=libasan.so").Output())(t)))
	if !filepath.IsAbs(asan) {
		t.Skip("gcc has no sanitizer of addresses")
	}
	// ISTHMUS_OVERFLOW adds a function that writes behind its memory.
	dir := t.TempDir()
	flags := "-fsanitize=address,undefined"
	c := exec.Command(interpreter(), "-W", "ignore", "setup.py", "-q", "build", "--build-base", t.TempDir(), "--build-lib", dir)
	c.Dir = checkout(t)
	c.Env = append(os.Environ(), "ISTHMUS_LDFLAGS="+flags, "ISTHMUS_CFLAGS=-O0 -g -fno-sanitize-recover=all -DISTHMUS_OVERFLOW "+flags)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
	env := []string{"LD_PRELOAD=" + asan, "PYTHONMALLOC=malloc", "ASAN_OPTIONS=detect_leaks=0"}
	unittests(t, dir, env...)
	if out, err := python(t, dir, env, "-c", "import isthmus; isthmus._isthmus._overflow()"); err == nil || !strings.Contains(out, "heap-buffer-overflow") {
		t.Errorf("a write behind the end of memory goes unnoticed: %v\n%s", err, out)
	}
}
