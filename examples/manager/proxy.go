package main

import (
	"context"
	"errors"
	"net/rpc"

	"github.com/isthmus-go/isthmus/shmnet"
)

// A Manager is a connection to the process that holds the objects.
type Manager struct{ client *rpc.Client }

// connect connects to the server of that name.
func connect(ctx context.Context, name string, key []byte, uids ...int) (*Manager, error) {
	c, err := (&shmnet.Dialer{TrustedUIDs: uids}).DialContext(ctx, "shm", name)
	if err != nil {
		return nil, err
	}
	if err := authenticate(c.(*shmnet.Conn), key); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &Manager{rpc.NewClient(c)}, nil
}

// Close closes the connection. The objects stay.
func (m *Manager) Close() error { return m.client.Close() }

// Map returns a proxy of the map with that name.
func (m *Manager) Map(name string) Map { return Map{proxy{m.client, "map " + name}} }

// List returns a proxy of the list with that name.
func (m *Manager) List(name string) List { return List{proxy{m.client, name}} }

// Namespace returns a proxy of the namespace with that name.
func (m *Manager) Namespace(name string) Namespace {
	return Namespace{proxy{m.client, "namespace " + name}}
}

// A proxy stands for an object. Each call goes to the server, which does one at a time.
type proxy struct {
	client *rpc.Client
	object string
}

func (p proxy) call(method string, a Args) (r Reply, err error) {
	a.Object = p.object
	err = p.client.Call("Objects."+method, &a, &r)
	return r, err
}

// A Map is the proxy of a map.
type Map struct{ proxy }

// Set sets the value of a key.
func (m Map) Set(key string, value any) error {
	_, err := m.call("Set", Args{Key: key, Value: value})
	return err
}

// Get returns the value of a key.
func (m Map) Get(key string) (any, error) {
	r, err := m.call("Get", Args{Key: key})
	return r.Value, err
}

// Add adds to the number of a key, and returns what it is then.
func (m Map) Add(key string, n int) (any, error) {
	r, err := m.call("Add", Args{Key: key, Value: n})
	return r.Value, err
}

// Keys returns the keys, in order.
func (m Map) Keys() ([]string, error) {
	r, err := m.call("Keys", Args{})
	return r.Keys, err
}

// A List is the proxy of a list.
type List struct{ proxy }

// Append appends a value, and returns how many there are then.
func (l List) Append(value any) (int, error) {
	r, err := l.call("Append", Args{Value: value})
	return r.Len, err
}

// At returns the element at an index.
func (l List) At(i int) (any, error) {
	r, err := l.call("Element", Args{Index: i})
	return r.Value, err
}

// A Namespace is the proxy of a set of variables.
type Namespace struct{ proxy }

// Set sets a variable.
func (n Namespace) Set(variable string, value any) error { return Map(n).Set(variable, value) }

// Get returns the value of a variable.
func (n Namespace) Get(variable string) (any, error) { return Map(n).Get(variable) }
