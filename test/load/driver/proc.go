package driver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// userHZ is the unit of the times in /proc: Linux shows 100 ticks a second to programs on every architecture that Go
// has.
const userHZ = 100

type procStat struct {
	parent         int
	own, reaped    time.Duration
	residentMemory int64
}

// CPU gives the processor time, user and system, that the process has used.
func CPU(pid int) (time.Duration, error) {
	s, err := readStat(pid)
	return s.own, err
}

// FamilyCPU gives the processor time of a process, of its living children and of those it has outlived: for
// PostgreSQL's first process, the whole database.
func FamilyCPU(pid int) (time.Duration, error) {
	root, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	sum := root.own + root.reaped
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		s, err := readStat(child)
		if err == nil && s.parent == pid {
			sum += s.own + s.reaped
		}
	}
	return sum, nil
}

// MachineCPU gives the processor time that anybody on this machine has used, what its host took away included.
func MachineCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachine(text)
}

// parseMachine reads the first line: user, nice, system, idle, iowait, irq, softirq, steal, and guests, who are counted
// in user already.
func parseMachine(text []byte) (time.Duration, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("not the status of a machine: %.40q", text)
	}
	var sum int64
	for i, field := range fields[1:9] {
		if i == 3 || i == 4 { // idle, and idle while a disk is busy
			continue
		}
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / userHZ, nil
}

// RSS gives the resident memory of the process in bytes.
func RSS(pid int) (int64, error) {
	s, err := readStat(pid)
	return s.residentMemory, err
}

func readStat(pid int) (procStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	return parseStat(text)
}

// parseStat reads the fields of proc(5), counted after the name in parentheses, which may itself hold anything.
func parseStat(text []byte) (procStat, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	if end < 0 || len(fields) < 22 {
		return procStat{}, fmt.Errorf("not a process status: %.40q", text)
	}
	number := func(field int) int64 { // field as numbered in proc(5): the state after the name is 3
		n, _ := strconv.ParseInt(string(fields[field-3]), 10, 64)
		return n
	}
	ticks := func(n int64) time.Duration { return time.Duration(n) * time.Second / userHZ }
	return procStat{
		parent:         int(number(4)),
		own:            ticks(number(14) + number(15)),
		reaped:         ticks(number(16) + number(17)),
		residentMemory: number(24) * int64(os.Getpagesize()),
	}, nil
}
