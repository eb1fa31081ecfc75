//go:build !linux

package main

func readUsage() usage { return usage{} }
