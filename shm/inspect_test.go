package shm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// An inspected segment has something of each kind that can be held.
type inspected struct {
	lock  *shm.Lock
	rw    *shm.RWLock
	sem   *semaphore.Semaphore
	group *shm.WaitGroup
	once  *shm.Once
	mpmc  *ring.MPMC[int64]
	spsc  *ring.SPSC[int64]
	work  *ring.WorkQueue[int64]
	cast  *ring.Broadcast[int64]
	wide  *ring.BytesMPMC
	table *shm.Table[[3]int64]
}

func furnish(t proctest.Fataler, s *shm.Segment) (h inspected) {
	t.Helper()
	h.lock, h.rw = newLock(t, s, "lock"), newRWLock(t, s, "rwlock")
	h.sem = proctest.Must(semaphore.New(s, "semaphore", 9, nil))(t)
	h.group = proctest.Must(shm.NewWaitGroup(s, "group"))(t)
	h.once = proctest.Must(shm.NewOnce(s, "once"))(t)
	h.mpmc = proctest.Must(ring.NewMPMC[int64](s, "mpmc", 16))(t)
	h.spsc = proctest.Must(ring.NewSPSC[int64](s, "spsc", 16))(t)
	h.work = proctest.Must(ring.NewWorkQueue[int64](s, "work", 16))(t)
	h.cast = proctest.Must(ring.NewBroadcast[int64](s, "cast", 16, ring.Lossless))(t)
	h.wide = proctest.Must(ring.NewBytesMPMC(s, "wide", 4096))(t)
	h.table = newTable[[3]int64](t, s, "table", 5)
	return h
}

// inspect looks at the test's segment.
func inspect(t *testing.T) *shm.Info {
	t.Helper()
	info := proctest.Must(shm.Inspect(shared.Name, nil))(t)
	if len(info.Faults) > 0 {
		t.Error(info.Faults)
	}
	for _, o := range info.Objects {
		if len(o.Faults) > 0 {
			t.Errorf("%s: %v", o.Name, o.Faults)
		}
	}
	return info
}

func objectOf(t *testing.T, info *shm.Info, name string) shm.ObjectInfo {
	t.Helper()
	i := slices.IndexFunc(info.Objects, func(o shm.ObjectInfo) bool { return o.Name == name })
	if i < 0 {
		t.Fatalf("no %s among %d objects", name, len(info.Objects))
	}
	return info.Objects[i]
}

// state returns the state of an object.
func state[S any](t *testing.T, info *shm.Info, name string) *S {
	t.Helper()
	s, ok := objectOf(t, info, name).State.(*S)
	if !ok {
		t.Fatalf("state of %s is a %T", name, objectOf(t, info, name).State)
	}
	return s
}

// keeper takes what a segment has, and keeps it.
var _ = proctest.Register("keeper", func(c *proctest.Child) {
	s := shared.Open(c)
	h := furnish(c, s)
	ctx := context.Background()
	p := proctest.Must(h.spsc.Producer())(c)
	cast := proctest.Must(h.cast.Producer())(c)
	proctest.Must(h.cast.Subscribe(ring.FromNow))(c)
	for i := range int64(7) {
		c.Check(errors.Join(p.TryPush(i), h.mpmc.TryPush(i), h.work.TryPut(i), cast.TryPush(i), h.wide.TryPush(make([]byte, 100))))
	}
	proctest.Must(h.mpmc.TryNext())(c)
	proctest.Must(h.mpmc.TryNext())(c)
	proctest.Must(h.work.TryGet())(c)
	proctest.Must(h.wide.TryNext())(c)
	h.lock.Lock()
	h.rw.RLock()
	c.Check(h.sem.Acquire(ctx, 4))
	h.group.Add(3)
	c.Check(h.once.Do(ctx, func() error {
		h.table.Update(2, func([3]int64) [3]int64 {
			c.Send("keeps")
			select {}
		})
		return nil
	}))
})

// kept checks that a keeper has all that it keeps.
func kept(t *testing.T, info *shm.Info, pid int, alive bool) {
	t.Helper()
	at := slices.IndexFunc(info.Processes, func(p shm.ProcessInfo) bool { return p.PID == pid })
	if at < 0 {
		t.Fatalf("process %d is none of %v", pid, info.Processes)
	}
	proc := info.Processes[at]
	if proc.Alive != alive {
		t.Errorf("process is %+v", proc)
	}
	want := func(what string, h shm.Holder, n int64) {
		t.Helper()
		if h != (shm.Holder{ID: proc.ID, Slot: proc.Slot, PID: pid, Alive: alive, Count: n}) {
			t.Errorf("%s is kept by %+v, want %d by %+v", what, h, n, proc)
		}
	}
	all := func(what string, h []shm.Holder, n int64) {
		t.Helper()
		if len(h) != 1 {
			t.Errorf("%s is kept by %+v", what, h)
			return
		}
		want(what, h[0], n)
	}
	one := func(what string, h *shm.Holder) {
		t.Helper()
		if h == nil {
			t.Errorf("%s is free", what)
			return
		}
		want(what, *h, 0)
	}
	one("lock", state[shm.LockState](t, info, "lock").Owner)
	all("rwlock", state[shm.RWLockState](t, info, "rwlock").Readers, 1)
	all("semaphore", state[shm.SemaphoreState](t, info, "semaphore").Holders, 4)
	all("group", state[shm.WaitGroupState](t, info, "group").Holders, 3)
	one("once", state[shm.OnceState](t, info, "once").Running)
	all("table", state[shm.TableState](t, info, "table").Writers, 2)
	for name, lent := range map[string]int64{"mpmc": 2, "work": 1, "wide": 1} {
		s := state[shm.RingState](t, info, name)
		all(name, s.Lent, lent)
		if s.Messages != 7-lent {
			t.Errorf("%s has %d messages, and %d lent", name, s.Messages, lent)
		}
		all("producers of "+name, objectOf(t, info, name).Producers, 0)
	}
	spsc := state[shm.RingState](t, info, "spsc")
	one("producer", spsc.Producer)
	if spsc.Consumer != nil || spsc.Messages != 7 || spsc.Tail != 7 {
		t.Errorf("spsc: %+v", spsc)
	}
	cast := state[shm.RingState](t, info, "cast")
	if len(cast.Subscribers) != 1 || cast.Subscribers[0].Lag != 7 || cast.Subscribers[0].ID != proc.ID {
		t.Errorf("cast: %+v", cast)
	}
}

// TestInspect looks at what a process keeps: while it runs, when it is stopped, and when it
// has been killed.
func TestInspect(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	furnish(t, s.Segment)
	p := s.Start(t, "keeper")
	p.Expect("keeps")
	kept(t, inspect(t), p.Pid(), true)
	p.Stop()
	kept(t, inspect(t), p.Pid(), true)
	p.Continue()
	p.Kill()
	kept(t, inspect(t), p.Pid(), false)
}

// TestInspectChangesNothing compares the segment before and after, with bytes that nobody
// else changes, and counts who is attached.
func TestInspectChangesNothing(t *testing.T) {
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 1, MaxObjects: 20, Version: 7, Mode: 0o640})
	furnish(t, s.Segment)
	info := inspect(t) // there is no slot for one more
	before := proctest.Must(os.ReadFile(info.Path))(t)
	for range 10 {
		inspect(t)
	}
	if after := proctest.Must(os.ReadFile(info.Path))(t); !bytes.Equal(before, after) {
		t.Error("bytes of the segment have changed")
	}
	if peers := proctest.Must(s.Peers())(t); len(peers) != 1 || len(info.Processes) != 1 {
		t.Error(peers, info.Processes)
	}
	if info.Version != 7 || info.MaxProcs != 1 || info.MaxObjects != 20 || info.Size != shared.Size ||
		info.FileSize != int64(len(before)) || info.Name != shared.Name || len(info.Objects) != 11 {
		t.Errorf("%+v", info)
	}
	if info.UID >= 0 && (info.UID != os.Getuid() || info.Mode != 0o640) {
		t.Errorf("uid %d, mode %v", info.UID, info.Mode)
	}
	proctest.Must(json.Marshal(info))(t)
}

// TestInspectType reads what elements are made of.
func TestInspectType(t *testing.T) {
	type leg struct {
		Price float64
		Size  int32
	}
	type order struct {
		ID   uint64
		Legs [2]leg
		Name [100]uint8
	}
	s := shared.Named(t)
	newArray[order](t, s.Segment, "orders", 3)
	newArray[int16](t, s.Segment, "numbers", 3)
	info := inspect(t)
	o := objectOf(t, info, "orders")
	want := []shm.FieldInfo{
		{"ID", "uint64", 0}, {"Legs", "[2]struct", 8}, {"Legs[].Price", "float64", 8}, {"Legs[].Size", "int32", 16},
		{"Name", "[100]uint8", int64(reflect.TypeFor[order]().Field(2).Offset)},
	}
	if !slices.Equal(o.Type.Fields, want) || o.Type.Name != "shm_test.order" || o.Capacity != 3 {
		t.Errorf("%+v", o)
	}
	if n := objectOf(t, info, "numbers"); n.Type.Text != "int16" || n.Type.Size != 2 || n.Type.Fields != nil || n.Kind != "array" {
		t.Errorf("%+v", n)
	}
}

// TestInspectDamaged looks at files that are cut off, of another version, and no segments.
func TestInspectDamaged(t *testing.T) {
	s := shared.Named(t)
	furnish(t, s.Segment)
	info := inspect(t)
	whole := proctest.Must(os.ReadFile(info.Path))(t)
	dir := filepath.Dir(info.Path)
	look := func(b []byte) (*shm.Info, error) {
		path := filepath.Join(dir, "isthmus.damaged")
		proctest.Check(t, os.WriteFile(path, b, 0o600))
		defer os.Remove(path)
		return shm.Inspect("damaged", nil)
	}
	for _, n := range []int{72, 1000, 4096, 4097, 4200, 10000, 20000, 40000, 60000, len(whole) - 1} {
		info, err := look(whole[:n])
		if err != nil || len(info.Faults) == 0 || info.Format == 0 {
			t.Errorf("cut off at %d: %+v, %v", n, info, err)
		}
	}
	if cut, err := look(whole[:60000]); err != nil || len(cut.Objects) != len(info.Objects) || objectOf(t, cut, "lock").State == nil {
		t.Errorf("objects of one that is cut off in its arena: %+v, %v", cut, err)
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, 10000), whole[:71], []byte(strings.Repeat("no segment", 1000))} {
		if _, err := look(b); !errors.Is(err, shm.ErrCorrupt) {
			t.Errorf("no segment: %v", err)
		}
	}
	last := info.Objects[len(info.Objects)-1]
	before := bytes.Replace(whole, binary.NativeEndian.AppendUint64(nil, uint64(last.Offset)), make([]byte, 8), 1)
	if astray, err := look(before); err != nil || len(astray.Faults) == 0 || astray.Free != astray.Size {
		t.Errorf("an object that lies before all: %+v, %v", astray, err)
	}
	older := bytes.Clone(whole)
	binary.NativeEndian.PutUint32(older[12:], uint32(info.Format-1))
	if old, err := look(older); err != nil || old.Format != info.Format-1 || len(old.Faults) != 1 || old.Objects != nil {
		t.Errorf("older: %+v, %v", old, err)
	}
	if _, err := shm.Inspect("absent", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := shm.Inspect("a/b", nil); !errors.Is(err, shm.ErrName) {
		t.Error(err)
	}
}

// TestInspectOverlap looks at a segment whose objects all lie in the same place, with a ring
// full of owners that never were.
func TestInspectOverlap(t *testing.T) {
	const slots, objects = 1 << 18, 4096
	opts := &shm.Options{MaxObjects: objects}
	dir := proctest.Dir(t)
	s := proctest.Must(shm.Create("overlap", 8<<20, opts))(t)
	defer shm.Remove("overlap", nil)
	proctest.Must(ring.NewMPMC[int64](s, "mpmc", slots))(t)
	proctest.Check(t, s.Close())
	info := proctest.Must(shm.Inspect("overlap", nil))(t)
	o := info.Objects[0]

	path := filepath.Join(dir, "isthmus.overlap")
	b := proctest.Must(os.ReadFile(path))(t)
	const reading, body, entrySize = 5, 640, 256
	for i := range uint64(slots) {
		binary.NativeEndian.PutUint64(b[uint64(o.Offset)+body+i*16:], (1<<30+i)<<3|reading)
	}
	first := bytes.Index(b, []byte("mpmc")) - 56
	for i := range objects {
		copy(b[first+i*entrySize:], b[first:first+entrySize])
	}
	f := proctest.Must(os.OpenFile(path, os.O_WRONLY, 0))(t) // Windows does not truncate it until it is unmapped, at a collection
	proctest.Must(f.Write(b))(t)
	proctest.Check(t, f.Close())
	info = proctest.Must(shm.Inspect("overlap", nil))(t)
	read, named := 0, 0
	for _, o := range info.Objects {
		if s, ok := o.State.(*shm.RingState); ok {
			read++
			named += len(s.Lent)
		}
	}
	if len(info.Objects) != objects || read == 0 || read > 8 || named > 8*2048 {
		t.Errorf("read %d of %d objects, with %d holders", read, len(info.Objects), named)
	}
}
