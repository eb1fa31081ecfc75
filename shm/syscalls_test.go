package shm_test
func uncontendedOps() {}
