package main

import (
	"errors"
	"fmt"
	"maps"
	"net/rpc"
	"slices"
	"sync"

	"github.com/isthmus-go/isthmus/shmnet"
)

// serve serves objects at a name, to this user and those users who know the key, until it is killed. It
// calls ready once it listens.
func serve(name string, key []byte, ready func(), uids ...int) error {
	l, err := shmnet.Listen(name, &shmnet.Options{TrustedUIDs: uids})
	if err != nil {
		return err
	}
	s := rpc.NewServer()
	err = s.Register(&Objects{maps: make(map[string]map[string]any), lists: make(map[string][]any)})
	if err != nil {
		return err
	}
	ready()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			if authenticate(c.(*shmnet.Conn), key) != nil {
				c.Close()
				return
			}
			s.ServeConn(c)
		}()
	}
}

// Objects are the maps and lists that the server holds, by name. The first use makes one. A
// namespace is a map.
type Objects struct {
	mu    sync.Mutex
	maps  map[string]map[string]any
	lists map[string][]any
}

// Args say what to do with which object. A value is a number, a string, or any other type that is
// registered with encoding/gob.
type Args struct {
	Object, Key string
	Index       int
	Value       any
}

// Reply is what comes of it.
type Reply struct {
	Value any
	Keys  []string
	Len   int
}

var errNothing = errors.New("nothing is there")

func (o *Objects) at(a *Args) map[string]any {
	if o.maps[a.Object] == nil {
		o.maps[a.Object] = make(map[string]any)
	}
	return o.maps[a.Object]
}

// Set sets the value of a key.
func (o *Objects) Set(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at(a)[a.Key] = a.Value
	return nil
}

// Add adds to the number of a key, which is 0 at first.
func (o *Objects) Add(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, _ := o.at(a)[a.Key].(int)
	n, ok := a.Value.(int)
	if !ok {
		return fmt.Errorf("%v is no int", a.Value)
	}
	r.Value = old + n
	o.at(a)[a.Key] = r.Value
	return nil
}

// Get returns the value of a key.
func (o *Objects) Get(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.at(a)[a.Key]
	if !ok {
		return errNothing
	}
	r.Value = v
	return nil
}

// Keys returns the keys, in order.
func (o *Objects) Keys(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.Keys = slices.Sorted(maps.Keys(o.at(a)))
	return nil
}

// Append appends a value to a list.
func (o *Objects) Append(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lists[a.Object] = append(o.lists[a.Object], a.Value)
	r.Len = len(o.lists[a.Object])
	return nil
}

// Element returns the element of a list at an index, and how many there are.
func (o *Objects) Element(a *Args, r *Reply) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.lists[a.Object]
	r.Len = len(list)
	if a.Index < 0 || a.Index >= len(list) {
		return errNothing
	}
	r.Value = list[a.Index]
	return nil
}
