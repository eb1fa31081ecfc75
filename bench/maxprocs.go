package main

import "strconv"

var peerMaxProcs = "GOMAXPROCS=" + strconv.Itoa(knob("BMP", 2))
