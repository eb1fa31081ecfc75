package segment

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestCreate(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	a := mustCreate(t, "a", nil)
	if got := files(t, dir); got != "isthmus.a" {
		t.Errorf("files are %q", got)
	}
	if a.Name() != "a" || a.Size() != testSize || a.MaxProcs() != defaultMaxProcs || a.File() != nil || a.Closed() {
		t.Errorf("segment is %q, %d bytes, %d processes, file %v", a.Name(), a.Size(), a.MaxProcs(), a.File())
	}
	b := mustOpen(t, "a")
	if a.ID() == b.ID() || a.Dead(b.ID()) || b.Dead(a.ID()) {
		t.Errorf("two Segments of one process have IDs %#x and %#x, or look dead", a.ID(), b.ID())
	}
	s, err := OpenOrCreate("a", testSize, nil)
	c := must(t, s, err)
	mustObject(t, a, Spec{Kind: layout.KindLock, Name: "x", Size: 4}).Mem[3] = 42
	if o := mustObject(t, c, Spec{Kind: layout.KindLock, Name: "x", Size: 4}); o.Mem[3] != 42 || o.Created {
		t.Errorf("another Segment sees %v, created %v", o.Mem, o.Created)
	}
}

func TestSizeIsRounded(t *testing.T) {
	proctest.Dir(t)
	s, err := Create("rounded", layout.PageSize+1, &Options{MaxProcs: 2, MaxObjects: 1})
	must(t, s, err)
	defer Remove("rounded", nil)
	if s.Size() != 2*layout.PageSize || s.MaxProcs() != 2 {
		t.Errorf("size is %d, processes are %d", s.Size(), s.MaxProcs())
	}
	_, err = OpenOrCreate("rounded", s.Size()+1, nil)
	proctest.WantError(t, "larger", err, ErrMismatch, `segment "rounded"`, "exists with room for 8192 bytes, asked for 12288")
}

func TestBadNames(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	for _, test := range []struct{ name, fault string }{
		{"", "name is empty"},
		{".", "name is a directory"},
		{"..", "name is a directory"},
		{"a/b", "name contains '/'"},
		{"../a", "name contains '/'"},
		{`a\b`, `name contains '\\'`},
		{"a:b", "name contains ':'"},
		{"a*", "name contains '*'"},
		{"...", "name ends with '.'"},
		{"a ", "name ends with ' '"},
		{"a\x00b", "control character"},
		{"a\nb", "control character"},
		{"a\xff", "not UTF-8"},
		{strings.Repeat("x", maxSegmentName+1), "name has 201 bytes, the most is 200"},
	} {
		_, err := Create(test.name, testSize, nil)
		proctest.WantError(t, "Create", err, ErrName, strconv.Quote(test.name), test.fault)
		_, err = Open(test.name, nil)
		proctest.WantError(t, "Open", err, ErrName, strconv.Quote(test.name), test.fault)
		_, err = OpenOrCreate(test.name, testSize, nil)
		proctest.WantError(t, "OpenOrCreate", err, ErrName, strconv.Quote(test.name), test.fault)
		err = Remove(test.name, nil)
		proctest.WantError(t, "Remove", err, ErrName, strconv.Quote(test.name), test.fault)
	}
	if got := files(t, dir); got != "" {
		t.Errorf("files are %q", got)
	}
	for _, name := range []string{".x", "ünïcödé", strings.Repeat("x", maxSegmentName)} {
		mustCreate(t, name, nil)
	}
}

func TestBadSizes(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	for _, size := range []int64{0, -1, math.MinInt64, layout.MaxFile + 1, math.MaxInt64} {
		part := "size is " + strconv.FormatInt(size, 10) + " bytes"
		_, err := Create("sized", size, nil)
		proctest.WantError(t, "Create", err, ErrSize, `create segment "sized"`, part)
		_, err = OpenOrCreate("sized", size, nil)
		proctest.WantError(t, "OpenOrCreate", err, ErrSize, `segment "sized"`, part)
	}
	for _, o := range []*Options{{MaxProcs: -1}, {MaxProcs: layout.MaxProcs + 1}, {MaxObjects: -1}, {MaxObjects: layout.MaxObjects + 1}} {
		_, err := Create("sized", testSize, o)
		proctest.WantError(t, "Create", err, ErrSize, `create segment "sized"`, "room for")
	}
	for _, mode := range []fs.FileMode{0o400, 0o060, 0o700, 0o1600, fs.ModeDir | 0o600, fs.ModeSetuid | 0o600} {
		_, err := Create("sized", testSize, &Options{Mode: mode})
		proctest.WantError(t, "Create", err, fs.ErrInvalid, `create segment "sized"`, "mode is "+mode.String())
	}
	if got := files(t, dir); got != "" {
		t.Errorf("files are %q", got)
	}
}

func TestExistence(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	_, err := Open("none", nil)
	proctest.WantError(t, "Open", err, fs.ErrNotExist, `open segment "none"`)
	err = Remove("none", nil)
	proctest.WantError(t, "Remove", err, fs.ErrNotExist, `remove segment "none"`)
	a := mustCreate(t, "one", nil)
	_, err = Create("one", testSize, nil)
	proctest.WantError(t, "Create", err, fs.ErrExist, `create segment "one"`)

	if err := Remove("one", nil); err != nil {
		t.Fatal(err)
	}
	_, err = Open("one", nil)
	proctest.WantError(t, "Open after Remove", err, fs.ErrNotExist, `open segment "one"`)
	b := mustCreate(t, "one", nil)
	mustObject(t, a, Spec{Name: "x", Size: 1}).Mem[0] = 1
	if o := mustObject(t, b, Spec{Name: "x", Size: 1}); !o.Created || o.Mem[0] != 0 {
		t.Error("a new segment shares memory with the removed one of the same name")
	}

	none := &Options{Dir: "no such directory"}
	_, err = Create("one", testSize, none)
	proctest.WantError(t, "Create", err, fs.ErrNotExist, `create segment "one"`, none.Dir)
	_, err = OpenOrCreate("one", testSize, none)
	proctest.WantError(t, "OpenOrCreate", err, fs.ErrNotExist, `open or create segment "one"`, none.Dir)
	_, err = List(none)
	proctest.WantError(t, "List", err, fs.ErrNotExist, none.Dir)
}

func TestList(t *testing.T) {
	dir := proctest.Dir(t)
	if names, err := List(nil); len(names) != 0 || err != nil {
		t.Errorf("List of nothing = %q, %v", names, err)
	}
	for _, name := range []string{"b", "a", "c d"} {
		mustCreate(t, name, nil)
	}
	for _, name := range []string{"other", "isthmus", filePrefix, ".isthmus-draft-1"} {
		writeFile(t, dir, name, nil)
	}
	directory, link := filepath.Join(dir, filePrefix+"directory"), filepath.Join(dir, filePrefix+"link")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(directory)
	if err := os.Symlink(filepath.Join(dir, filePrefix+"a"), link); err != nil {
		t.Log(err) // not everybody may make one on every platform
	}
	defer os.Remove(link)
	if names, err := List(&Options{Dir: dir}); strings.Join(names, ",") != "a,b,c d" || err != nil {
		t.Errorf("List = %q, %v", names, err)
	}
}

// namedDrafts is the environment variable that makes racers use them.
const namedDrafts = "ISTHMUS_TEST_NAMED_DRAFTS"

// racer opens or creates segments at the same time as others, and counts itself
// in. With "remove", segments vanish at the same time.
var _ = proctest.Register("racer", func(c *proctest.Child) {
	rounds, err := strconv.Atoi(c.Arg(1))
	c.Check(err)
	if os.Getenv(namedDrafts) != "" {
		useNamedDrafts()
	}
	c.Send("ready")
	c.Expect("go")
	created := 0
	for i := range rounds {
		name := "round " + strconv.Itoa(i)
		s, err := OpenOrCreate(name, testSize, nil)
		c.Check(err)
		o, err := s.Object(Spec{Kind: layout.KindValue, Name: "count", Size: 4, Init: func(mem []byte) {
			layout.At[atomic.Uint32](mem, 0).Store(100)
		}})
		c.Check(err)
		layout.At[atomic.Uint32](o.Mem, 0).Add(1)
		if o.Created {
			created++
		}
		if c.Arg(0) == "remove" {
			if err := Remove(name, nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
				c.Fatalf("%v", err)
			}
		}
		c.Check(s.Close())
	}
	c.Send(created)
})

func race(t *testing.T, how string, procs, rounds int) (created int) {
	t.Helper()
	var racers []*proctest.Proc
	for range procs {
		racers = append(racers, proctest.Start(t, "racer", how, strconv.Itoa(rounds)))
	}
	for _, p := range racers {
		p.Expect("ready")
	}
	for _, p := range racers {
		p.Send("go")
	}
	for _, p := range racers {
		n, err := strconv.Atoi(p.Recv())
		if err != nil {
			t.Fatal(err)
		}
		created += n
	}
	for _, p := range racers {
		p.Wait()
	}
	return created
}

func TestCreationRace(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	const procs, rounds = 8, 40
	if created := race(t, "keep", procs, rounds); created != rounds {
		t.Errorf("%d objects were created in %d segments", created, rounds)
	}
	for i := range rounds {
		name := "round " + strconv.Itoa(i)
		s := mustOpen(t, name)
		o := mustObject(t, s, Spec{Kind: layout.KindValue, Name: "count", Size: 4})
		if n := layout.At[atomic.Uint32](o.Mem, 0).Load(); n != 100+procs {
			t.Errorf("%s: %d of %d processes have counted themselves in", name, int(n)-100, procs)
		}
		if err := Remove(name, nil); err != nil {
			t.Error(err)
		}
	}
	if got := files(t, dir); got != "" {
		t.Errorf("files are %q", got)
	}
}

func TestRemovalRace(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	race(t, "remove", 6, 40)
	if got := files(t, dir); got != "" {
		t.Errorf("files are %q", got)
	}
}

func TestFullProcessTable(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	a := mustCreate(t, "crowd", &Options{MaxProcs: 2})
	b := mustOpen(t, "crowd")
	for range 3 {
		_, err := Open("crowd", nil)
		proctest.WantError(t, "Open", err, ErrFull, `open segment "crowd"`, "all 2 process slots are taken")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if c := mustOpen(t, "crowd"); a.Dead(c.ID()) || !a.Dead(b.ID()) || c.Dead(a.ID()) {
		t.Error("after Close and Open, somebody is wrongly dead or alive")
	}
}

func TestPopulate(t *testing.T) {
	proctest.Dir(t)
	mustCreate(t, "populated", &Options{Populate: true})
	mustOpen(t, "populated")
	s, err := Open("populated", &Options{HugePages: true})
	if err != nil {
		proctest.WantError(t, "Open", err, err, `open segment "populated"`, "huge pages")
	} else {
		s.Close()
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv(dirVariable, "from the environment")
	if o, err := (*Options)(nil).withDefaults(); o.Dir != "from the environment" || err != nil {
		t.Errorf("Dir is %q, %v", o.Dir, err)
	}
	if o, err := (&Options{Dir: "given"}).withDefaults(); o.Dir != "given" || err != nil {
		t.Errorf("Dir is %q, %v", o.Dir, err)
	}
	t.Setenv(dirVariable, "")
	if o, err := (*Options)(nil).withDefaults(); o.Dir == "" || err != nil {
		t.Errorf("Dir is %q, %v", o.Dir, err)
	}
}
