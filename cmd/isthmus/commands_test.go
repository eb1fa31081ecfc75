package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func keep(t *testing.T) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "keeper")
	p.Expect("keeps")
	return p
}

// TestSegment looks at a segment whose only slot somebody has, while that one lives and when it has
// died, and removes it.
func TestSegment(t *testing.T) {
	proctest.Mortal(t)
	proctest.Dir(t)
	p := keep(t)
	if out := expect(t, exitOK, "ls"); !strings.Contains(out, "NAME") || !strings.Contains(out, shared.Name) {
		t.Error(out)
	}
	golden(t, expect(t, exitOK, "show", shared.Name), `
segment test: PATH
format 8, version 0, mode 0600, uid U, age AGE
73728 bytes, 65536 for objects, 58752 never used; 1 of 1 processes, 5 of 8 objects

PROCESS SLOT ID AGE STATE
pid P SLOT ID AGE alive

OBJECT KIND TYPE CAPACITY BYTES OFFSET USERS STATE
orders SPSC ring main.order 16 1536 8192 1 3 messages, producer pid P
log byte ring 4096 4736 9728 1 0 messages
mu lock - 128 14464 1 owner pid P
sem semaphore 4 256 14592 1 1 free, 3 of pid P
event event - 128 14848 1 not set

OBJECT FIELD OFFSET TYPE
orders ID 0 uint64
orders Legs 8 [2]struct
orders Legs[].Price 8 float64
orders Legs[].Size 16 int64
orders Name 40 [8]uint8
`)
	all := parsed[[]Summary](t, exitOK, "ls")
	if len(all) != 1 || all[0].Alive != 1 || all[0].Dead != 0 || all[0].Objects != 5 || all[0].Damaged || all[0].Mode != "0600" {
		t.Errorf("%+v", all)
	}
	shown, want := parsed[map[string]any](t, exitOK, "show", shared.Name), inspected(t)
	for _, m := range []map[string]any{shown, want} { // each process finds out when another has begun
		delete(m["Processes"].([]any)[0].(map[string]any), "Started")
	}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("%v, expected %v", shown, want)
	}
	if r := parsed[Removed](t, exitOK, "gc"); len(r.Removed) != 0 {
		t.Error(r)
	}
	p.Kill()
	if out := expect(t, exitDead, "show", shared.Name); !strings.Contains(out, "(dead)") {
		t.Error(out)
	}
	if all := parsed[[]Summary](t, exitDead, "ls"); all[0].Alive != 0 || all[0].Dead != 1 {
		t.Errorf("%+v", all)
	}
	if r := parsed[Removed](t, exitOK, "gc"); !slices.Equal(r.Removed, []string{shared.Name}) {
		t.Error(r)
	}
	if out := expect(t, exitOK, "ls"); out != "" {
		t.Error(out)
	}
}

// inspected is what show writes.
func inspected(t *testing.T) (m map[string]any) {
	t.Helper()
	info := proctest.Must(shm.Inspect(shared.Name, nil))(t)
	proctest.Check(t, json.Unmarshal(proctest.Must(json.Marshal(info))(t), &m))
	return m
}

// TestRemove removes segments, of another directory as well.
func TestRemove(t *testing.T) {
	proctest.Dir(t)
	other := t.TempDir()
	for name, dir := range map[string]string{"a": "", "b": "", "c": other} {
		s := proctest.Must(shm.Create(name, 1<<12, &shm.Options{Dir: dir}))(t)
		defer s.Close()
	}
	if out := expect(t, exitMissing, "rm", "a", "absent", "b"); out != "a\nb\n" {
		t.Error(out)
	}
	if all := parsed[[]Summary](t, exitOK, "ls", "-dir", other); len(all) != 1 || all[0].Name != "c" {
		t.Error(all)
	}
	if r := parsed[Removed](t, exitOK, "rm", "c", "--dir="+other); !slices.Equal(r.Removed, []string{"c"}) {
		t.Error(r)
	}
}

func TestUsage(t *testing.T) {
	proctest.Dir(t)
	s := proctest.Must(shm.Create(shared.Name, 1<<16, nil))(t)
	defer shm.Remove(shared.Name, nil)
	defer s.Close()
	furnish(t, s)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitOK, "Exit codes", []string{"help"}},
		{exitOK, "Exit codes", nil},
		{exitOK, "-json", []string{"watch", "-help"}},
		{exitUsage, "unknown command", []string{"frobnicate"}},
		{exitUsage, "unknown command", []string{"help", "frobnicate"}},
		{exitOK, "-json", []string{"help", "watch"}},
		{exitUsage, "isthmus:   top\n", []string{"tp"}},
		{exitUsage, "unknown flag", []string{"ls", "--frobnicate"}},
		{exitUsage, "accepts 1 arg", []string{"show"}},
		{exitUsage, "accepts 2 arg", []string{"watch", shared.Name}},
		{exitUsage, "requires at least 1", []string{"rm"}},
		{exitUsage, "unknown command", []string{"gc", "everything"}},
		{exitUsage, "invalid argument", []string{"top", "-d", "often"}},
		{exitUsage, "positive", []string{"top", "-d", "0s"}},
		{exitUsage, "name contains", []string{"show", "a/b"}},
		{exitUsage, `lock "mu"`, []string{"watch", shared.Name, "mu"}},
		{exitMissing, `"absent"`, []string{"show", "absent"}},
		{exitMissing, `"absent"`, []string{"top", "absent"}},
		{exitMissing, `"absent"`, []string{"watch", "absent", "ring"}},
		{exitMissing, `"absent"`, []string{"watch", shared.Name, "absent"}},
		{exitMissing, "", []string{"ls", "-dir", "/absent"}},
		{exitMissing, "", []string{"gc", "-dir", "/absent"}},
	} {
		code, out, errs := isthmus(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) || code != exitOK && (out != "" || !strings.HasPrefix(errs, "isthmus: ")) {
			t.Errorf("%q: exit code %d, expected %d\n%s%s", c.args, code, c.code, out, errs)
		}
	}
}

// TestDamaged looks at segments that are cut off, spoilt, and none.
func TestDamaged(t *testing.T) {
	dir := proctest.Dir(t)
	s := proctest.Must(shm.Create(shared.Name, 1<<16, nil))(t)
	q, _ := furnish(t, s)
	p := proctest.Must(q.Producer())(t)
	for range 3 {
		proctest.Check(t, p.TryPush(order{}))
	}
	info := proctest.Must(shm.Inspect(shared.Name, nil))(t)
	proctest.Check(t, p.Detach())
	proctest.Check(t, s.Close())
	whole := proctest.Must(os.ReadFile(info.Path))(t)
	proctest.Check(t, shm.Remove(shared.Name, nil))
	damage := func(f func(b []byte) []byte) {
		proctest.Check(t, os.WriteFile(info.Path, f(bytes.Clone(whole)), 0o600))
	}
	defer os.Remove(info.Path)

	damage(func(b []byte) []byte { return b[:len(b)-1] })
	if out := expect(t, exitDamaged, "ls"); !strings.Contains(out, "test !") {
		t.Error(out)
	}
	if out := expect(t, exitDamaged, "show", shared.Name); !strings.Contains(out, "fault: ") || !strings.Contains(out, "orders") {
		t.Error(out)
	}
	expect(t, exitDamaged, "top", shared.Name, "-n1", "-d1ms")
	expect(t, exitDamaged, "watch", shared.Name, "orders")

	damage(func([]byte) []byte { return []byte("no segment") })
	if all := parsed[[]Summary](t, exitDamaged, "ls"); len(all) != 1 || all[0].Error == "" {
		t.Error(all)
	}
	expect(t, exitDamaged, "show", shared.Name)
	expect(t, exitDamaged, "watch", shared.Name, "orders")
	expect(t, exitOK, "top", "-n1", "-d1ms")

	damage(func(b []byte) []byte { // names that control a terminal
		b = bytes.Replace(b, []byte("orders\x00"), []byte("or\x1b\xc2\x9brs"), 1)
		return bytes.Replace(b, []byte("main.order"), []byte("main.\x1b[2Jx"), 1)
	})
	for _, args := range [][]string{{"show", shared.Name}, {"top", "-n1", "-d1ms"}} {
		for _, more := range []string{"-json=false", "-json"} {
			if out := expect(t, exitDamaged, append(args, more)...); strings.ContainsAny(out, "\x1b\u009b") || !strings.Contains(out, "log") {
				t.Errorf("%q", out)
			}
		}
	}

	damage(func(b []byte) []byte { // a header that no record has
		binary.NativeEndian.PutUint64(b[objectOf(info, "log").Offset+640:], 1<<63|1<<20)
		return b
	})
	expect(t, exitDamaged, "show", shared.Name)
	if out := expect(t, exitDamaged, "watch", shared.Name, "log", "-oldest"); !strings.Contains(out, "corrupt: 0 messages") {
		t.Error(out)
	}

	older := filepath.Join(dir, "isthmus.older")
	damage(func(b []byte) []byte { return b })
	binary.NativeEndian.PutUint32(whole[12:], 7)
	proctest.Check(t, os.WriteFile(older, whole, 0o600))
	defer os.Remove(older)
	if all := parsed[[]Summary](t, exitOK, "ls"); len(all) != 2 || all[0].Format != 7 || all[0].Damaged {
		t.Error(all)
	}
}

func objectOf(info *shm.Info, name string) shm.ObjectInfo {
	return info.Objects[slices.IndexFunc(info.Objects, func(o shm.ObjectInfo) bool { return o.Name == name })]
}

func TestCompletion(t *testing.T) {
	proctest.Dir(t)
	for _, name := range []string{"alpha", "beta"} {
		s := proctest.Must(shm.Create(name, 1<<16, nil))(t)
		defer shm.Remove(name, nil)
		defer s.Close()
		furnish(t, s)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show", ""}, "alpha beta"},
		{[]string{"show", "b"}, "beta"},
		{[]string{"show", "alpha", ""}, ""},
		{[]string{"rm", "alpha", ""}, "beta"},
		{[]string{"top", "a"}, "alpha"},
		{[]string{"watch", "be"}, "beta"},
		{[]string{"watch", "beta", ""}, "orders log"},
		{[]string{"watch", "absent", ""}, ""},
		{[]string{"help", "wa"}, "watch\tCopy the messages of a ring as they pass"},
		{[]string{"sh"}, "show\tTell all that is known of a segment"},
	} {
		_, out, _ := isthmus(t, append([]string{"__complete"}, c.args...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if got := strings.Join(lines[:len(lines)-1], " "); got != c.want {
			t.Errorf("%q is completed by %q, expected %q", c.args, got, c.want)
		}
	}
	if out := expect(t, exitOK, "completion", "bash"); !strings.Contains(out, "__complete") {
		t.Error("no script for bash")
	}
}

// TestDoctor compares the exit code with what was found.
func TestDoctor(t *testing.T) {
	proctest.Dir(t)
	code, out, errs := isthmus(t, "doctor", "-json")
	var checks []Check
	if err := json.Unmarshal([]byte(out), &checks); err != nil {
		t.Fatal(err, out, errs)
	}
	bad := slices.ContainsFunc(checks, func(c Check) bool { return !c.OK })
	if bad != (code == exitDamaged) || !bad && code != exitOK {
		t.Errorf("exit code %d: %s", code, out)
	}
	for _, c := range checks {
		if c.Name == "" || c.Value == "" && c.OK || c.Note == "" && !c.OK {
			t.Errorf("%+v", c)
		}
		if strings.Contains(c.Name, "futex") != (c.Name == "futex" || c.Name == "futex_waitv") {
			t.Errorf("%+v", c)
		}
	}
	if runtime.GOOS == "linux" && len(checks) < 15 {
		t.Errorf("%+v", checks)
	}
	code, out, _ = isthmus(t, "doctor", "-dir", "/absent")
	if code != exitDamaged || !strings.Contains(out, "FAULT") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
