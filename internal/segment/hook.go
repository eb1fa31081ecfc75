package segment

// atStep is called between the steps of every protocol of this package, so that
// tests can end the process there.
var atStep = func(step) {}

type step string

const (
	stepDrafted   step = "drafted"   // the file exists, and is empty
	stepFilled    step = "filled"    // it is whole, but nobody is attached
	stepFound     step = "found"     // a segment that may be stale is open
	stepEntered   step = "entered"   // nobody removes the segment as one that nobody has
	stepVacant    step = "vacant"    // it has none, and is about to be removed
	stepAttached  step = "attached"  // this process is, maybe before the file has its name
	stepLinked    step = "linked"    // the file has its name, and maybe its temporary one
	stepPublished step = "published" // and only its name
	stepLocked    step = "locked"    // this process has the creation lock
	stepZeroed    step = "zeroed"    // the new object's memory is zero
	stepPrepared  step = "prepared"  // the new object and its entry are complete
	stepCreated   step = "created"   // and published, under the creation lock
	stepRemoving  step = "removing"  // an object is about to be removed, if nobody uses it
	stepChanging  step = "changing"  // a used entry is about to become published or vacant
	stepChanged   step = "changed"   // it has
	stepAttending step = "attending" // this process attends a side of an object
	stepHeld      step = "held"      // and nobody takes a slot whose bit is to be cleared
	stepInherited step = "inherited" // all bits of a word whose tenants have died are clear
	stepLooking   step = "looking"   // this process has seen which slots attend
	stepLooked    step = "looked"    // and whose they are
	stepSettling  step = "settling"  // it is about to clear a bit of an earlier owner of its slot
	stepSettled   step = "settled"   // it has
	stepClaiming  step = "claiming"  // this attachment is about to look whether it may have a hold
	stepMarking   step = "marking"   // its Close has seen that it has one
	stepDoubting  step = "doubting"  // somebody has seen who has a hold, and asks whether that one is alive
	stepLeft      step = "left"      // it has said that it closes in order
	stepSevered   step = "severed"   // nothing of this process reaches the file
)
