package main

import "slices"

// systems lists the sources of rows. Within a group, rows keep this order.
var systems = []func() []row{
	limitRows,
	spscRows, cRows, mpmcRows, bytesRows, bytesMPMCRows, broadcastRows, workRows, connRows,
	lockRows, rwLockRows, condRows, semaphoreRows,
	chanRows, mutexRows, rwMutexRows,
	descriptorRows, sharedPipeRows, tokenRows, flockRows,
	pythonRows, pythonClientRows, callRows, idleRows, createRows,
	poolRows, pipePoolRows, factorialRows, startRows, pythonPoolRows,
}

// allRows returns every row that this platform can run, group by group.
func allRows() []row {
	var rows []row
	for _, system := range systems {
		rows = append(rows, system()...)
	}
	slices.SortStableFunc(rows, compareGroups)
	return rows
}

func findRow(name string) (row, bool) {
	for _, r := range allRows() {
		if r.name() == name {
			return r, true
		}
	}
	return row{}, false
}

// groups cuts rows, sorted as allRows returns them, into groups.
func groups(rows []row) []group {
	var gs []group
	for _, r := range rows {
		if n := len(gs); n > 0 && gs[n-1].rows[0].sameGroup(r) {
			gs[n-1].rows = append(gs[n-1].rows, r)
			continue
		}
		gs = append(gs, group{rows: []row{r}})
	}
	return gs
}
