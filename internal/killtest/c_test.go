//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

// cRows are the operations of clients/c by what they do: the row of the table that has
// a victim in C as well, and the operation of testdata/victim.c.
var cRows = map[string]string{
	"Lock": "lock", "Lock, sleeping": "lock", "Lock, sleeping, another sleeps too": "lock", "Lock, owner dead": "lock",
	"TryLock": "trylock", "TryLock, owner dead": "trylock",
	"Unlock": "unlock", "Unlock, another sleeps": "unlock", "Unlock, inconsistent": "unlock",
	"MarkConsistent": "mark consistent",

	"Value, large, Store": "store big", "Value, large, Store, sleeping": "store big",
	"Value, large, Store, writer dead": "store big", "Value, large, Store, another waits": "store big",
	"Value, large, CompareAndSwap": "swap big", "Value, large, Update": "update big",
	"Value, large, Update, another sleeps": "update big inside",
	"Value, large, Load, 2 writes":         "load big", "Value, large, Load, 3 writes": "load big",
	"Value, small, Store": "store word", "Value, small, Store, another waits": "store word",
	"Value, small, CompareAndSwap": "swap word", "Value, small, Update": "update word",
	"Array, AddAt of a byte": "add octet",

	"Semaphore Acquire": "acquire", "Semaphore Acquire, sleeping": "acquire",
	"Semaphore Acquire of 2, sleeping": "acquire 2", "Semaphore Acquire, sleeping, another too": "acquire",
	"Semaphore Acquire, another died inside": "acquire", "Semaphore Acquire, permits of the dead": "acquire 2",
	"Semaphore TryAcquire": "try acquire", "Semaphore Release": "release",
	"Semaphore Release, another sleeps": "release", "Semaphore Release of 2, another sleeps": "release 2",
	"Semaphore, signalling, Acquire": "take signal", "Semaphore, signalling, Acquire, sleeping": "take signal",
	"Semaphore, signalling, Release": "signal", "Semaphore, signalling, Release, another sleeps": "signal",

	"MPMC TryPush, the first": "MPMC try push", "MPMC TryPop, the first": "MPMC try pop",
	"MPMC Next, Release": "MPMC next", "MPMC Next, Release, sleeping": "MPMC next", "MPMC Next, Release, another sleeps": "MPMC next",
	"Bytes Next, Release": "Bytes next", "Bytes Next, Release, sleeping": "Bytes next", "Bytes Next, Release, another sleeps": "Bytes next",
	"MPMC PopInto, a producer dead": "MPMC pop", "MPMC PopInto, a producer of two dead": "MPMC pop",
	"MPMC PopInto, a reader dead": "MPMC pop", "MPMC PopInto, a consumer of two dead": "MPMC pop",
	"MPMC Next, Release, a reader dead": "MPMC next",
	"MPMC Push, a producer dead":        "MPMC push", "MPMC Push, a producer of two dead": "MPMC push",
	"MPMC Push, sleeping, a reader dead": "MPMC push", "MPMC Push, a consumer of two dead": "MPMC push",

	"SPSC PushAll": "SPSC push batch", "SPSC PushAll, sleeping": "SPSC push batch", "SPSC PushAll, another sleeps": "SPSC push batch",
	"SPSC PopInto": "SPSC pop batch", "SPSC PopInto, sleeping": "SPSC pop batch", "SPSC PopInto, another sleeps": "SPSC pop batch",

	"Open": "open", "Create": "create", "Remove": "remove", "NewMPMC": "new MPMC", "New of a Semaphore": "new Semaphore",
	"NewMPMC in a room that is used again": "new MPMC", "Segment Close": "close",
	"SPSC Close of the producer's Segment": "close producer of SPSC", "MPMC Close of the producer's Segment": "close producer of MPMC",
}

func init() {
	for _, kind := range []string{"SPSC", "MPMC", "Bytes"} {
		for row, c := range map[string]string{
			"TryPush": "try push", "TryPush, another sleeps": "try push", "Push, sleeping": "push",
			"TryPop": "try pop", "TryPop, another sleeps": "try pop", "Pop, sleeping": "pop",
			"Close": "close", "Close, another sleeps": "close",
		} {
			cRows[kind+" "+row] = kind + " " + c
		}
		for _, role := range []string{producer, consumer} {
			if kind != "MPMC" {
				cRows[kind+" claim of the "+role] = kind + " claim " + role
				cRows[kind+" claim of a dead "+role+"'s role"] = kind + " claim " + role
				cRows[kind+" Detach of the "+role] = kind + " detach " + role
			}
		}
	}
}

// inC returns rows whose victims are in C: what goes on around them is that of the rows
// that they are named after.
func inC(rows []operation) (ops []operation) {
	found := 0
	for _, op := range rows {
		c, ok := cRows[op.name]
		if !ok {
			continue
		}
		found++
		op.name, op.c, op.victim = "C: "+op.name, c, nil
		switch op.after { // a function of Go's
		case loadFence:
			op.after = "isthmus__copy_out"
		default:
			op.after = ""
		}
		ops = append(ops, op)
		if c == "MPMC next" { // a message that was given back is one like any other
			op.name, op.c = op.name+", given back before", "MPMC give back"
			ops = append(ops, op)
		}
	}
	ops = append(ops, operation{name: "C: Unlock, another thread too", c: "unlock", play: twiceScene})
	if found != len(cRows) {
		panic(fmt.Sprintf("%d operations in C are of %d rows only", len(cRows), found))
	}
	return ops
}

// twiceScene is what goes on around an Unlock by two threads at once, one of which had not
// locked: the test, which is told that the other thread has unlocked, has the lock then.
func twiceScene(s *stage) scene {
	l := must(shm.NewLock(s.seg, "l"))
	var mine uint64 // the lock's word when the test has it
	return scene{
		paused: func() func() {
			if s.wide("l", 0)&ownerMask == s.victimID() { // it has not unlocked yet
				binary.NativeEndian.PutUint64(s.memory("l"), 0)
				l.Lock()
				mine = s.wide("l", 0)
			}
			return nil
		},
		alive: func(o outcome) {
			if mine != 0 && s.wide("l", 0) != mine {
				s.fatalf("the test's lock was freed by another: %#x, %#x", mine, s.wide("l", 0))
			}
			if (mine != 0) != (o.err != nil) {
				s.fatalf("another thread has unlocked: %v, and the victim's Unlock says %v", mine != 0, o.err)
			}
			if mine != 0 {
				l.Unlock()
			}
		},
		check: func(outcome) {
			s.bounded("LockContext", func(ctx context.Context) error {
				err := l.LockContext(ctx)
				if errors.Is(err, shm.ErrOwnerDied) {
					l.MarkConsistent()
					err = nil
				}
				return err
			})
			l.Unlock()
		},
	}
}

// lookOfC is how an operation in C looks whether its segment is closed.
const lookOfC = "isthmus__closed"

// cArgs tell the victim what comes before its preparation.
func (op *operation) cArgs() []string {
	switch {
	case op.outside:
		return []string{"outside"}
	case op.joins():
		return []string{"joins"}
	}
	return nil
}

// A cVictim is testdata/victim.c, compiled.
type cVictim struct {
	path    string // none if there is no gcc
	program killtest.Program
}

func compileC(t *testing.T) (c cVictim) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Run("C", func(t *testing.T) { t.Skip("there is no gcc: no victim is in C") })
		return c
	}
	path := filepath.Join(t.TempDir(), "victim")
	// Its addresses are the same each time, and no call is bound late.
	args := []string{"-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-no-pie", "-fno-pie", "-Wl,-z,now", "-pthread",
		"-I", "../../clients/c", "testdata/victim.c", "-o", path}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return cVictim{path, must(killtest.C(path))}
}

// tries reports whether an operation is tried: of a sample only one in so many.
func (c cVictim) tries(op *operation, seed uint64, f fate) bool {
	if c.path == "" || !sampled() || *onlyFlag >= 0 {
		return c.path != ""
	}
	h := fnv.New64a()
	fmt.Fprint(h, seed, f, op.name)
	return h.Sum64()%cSample == 0
}

const cSample = 16
