package liveness

// A slot's number stands for its owner in marks that are kept elsewhere (see package
// segment, attendance.go). They outlive the owner, and the next one has to clear them
// before it makes its own. So a slot says whose marks there are: its tenant's.
//
// States of a slot's tenant: nobody (0), or an ID that has, or had, the slot. One whose
// owner has closed its Table in order has Left, another that is dead has Died.
//
//	tenant → ID  by the owner of the slot, once it has cleared the marks: MoveIn
//
// Invariants:
//
//  1. Only the owner of a slot makes marks for it, and only as its tenant. So while the
//     tenant stays the same, all marks of the slot are the tenant's.
//  2. The tenants of a slot only rise, as IDs do.
//  3. The owner says that it leaves in order before its byte is unlocked. Who has not
//     moved in leaves nothing, and what it says is of no tenant.
//
// An owner that dies before it has moved in leaves the marks, and the tenant, to its
// successor.
//
// The marks of a dead tenant are cleared by others as well, who keep newcomers out
// meanwhile: Hold makes them the slot's owner without being its tenant. Who dies there
// leaves a slot that is free. Who is paused there keeps nothing but a slot that nobody
// else has.
//
// Memory orderings: all are sequentially consistent. A newcomer's clearing comes
// before its store of the tenant, which comes before its marks.

// Fate is what has become of an attachment.
type Fate int

// The fates of a tenant. A slot that never had one is Left.
const (
	Alive Fate = iota
	Left
	Died
)

// MoveIn makes this attachment the tenant of its slot.
func (t *Table) MoveIn() { t.word(t.slot, offTenant).Store(uint64(t.id)) }

// Leave says that this attachment is about to close in order.
func (t *Table) Leave() { t.word(t.slot, offLeft).Store(uint64(t.id)) }

// Tenant returns who the marks of a slot belong to, and what has become of them. The
// fate is true of the slot's marks if the slot has the same tenant afterwards.
func (t *Table) Tenant(slot int) (ID, Fate) {
	id := ID(t.word(slot, offTenant).Load())
	if id == 0 {
		return 0, Left
	}
	if !t.DeadIn(slot, id) {
		return id, Alive
	}
	if ID(t.word(slot, offLeft).Load()) == id {
		return id, Left
	}
	return id, Died
}

// Hold calls f, while nobody can take the slot, if its owner is dead and nobody is
// about to take it.
func (t *Table) Hold(slot int, f func()) {
	owner := t.word(slot, offID)
	dead := owner.Load()
	if dead == 0 || !t.vacated(slot, ID(dead)) {
		return
	}
	t.mourn(slot, ID(dead))
	if owner.CompareAndSwap(dead, uint64(t.id)) {
		f()
		owner.CompareAndSwap(uint64(t.id), dead)
	}
}
