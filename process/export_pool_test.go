package process

// Steps of a worker, see worker.go.
const (
	StepTaken  = stepTaken
	StepBegun  = stepBegun
	StepRan    = stepRan
	StepSent   = stepSent
	StepAcked  = stepAcked
	StepAsking = stepAsking
)

// AtStep makes f what is called between the steps of this process, a worker.
func AtStep(f func(s int)) { atStep = func(s step) { f(int(s)) } }
