package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// size reads cpu and memory, which must be a pair that Fargate has.
func (r *reader) size(o object) (cpu, memory int) {
	cpu, cpuRead := r.number(o, "cpu")
	i := slices.IndexFunc(fargateSizes, func(s fargateSize) bool { return s.cpu == cpu })
	if i < 0 {
		r.Add(o.ValueAt("cpu"), "%s is %d; Fargate has %s", o.Label("cpu"), cpu, cpusOfFargate())
		cpuRead, i = false, 0
	}
	size := fargateSizes[i]
	memory, memoryRead := r.numberOr(o, "memory", size.least)
	// Without a known cpu there is nothing to hold the memory against.
	if cpuRead && memoryRead && !size.has(memory) {
		r.Add(o.ValueAt("memory"), "%s is %d; with cpu %d Fargate has %s", o.Label("memory"), memory, cpu, size)
	}
	return cpu, memory
}

// fargateSize is the memory, in MiB, that goes with one CPU size.
type fargateSize struct{ cpu, least, most, step int }

// fargateSizes are the task sizes for Linux (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
var fargateSizes = []fargateSize{
	{256, 512, 2048, 0}, // 512, 1024 and 2048: the only row that is not a plain sequence
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

func (s fargateSize) has(memory int) bool {
	if s.step == 0 {
		return memory == s.least || memory == 2*s.least || memory == s.most
	}
	return s.least <= memory && memory <= s.most && (memory-s.least)%s.step == 0
}

// String lists the memory sizes for a person.
func (s fargateSize) String() string {
	if s.step == 0 {
		return fmt.Sprintf("%d, %d or %d", s.least, 2*s.least, s.most)
	}
	return fmt.Sprintf("%d to %d in steps of %d", s.least, s.most, s.step)
}

func cpusOfFargate() string {
	texts := make([]string, len(fargateSizes))
	for i, size := range fargateSizes {
		texts[i] = strconv.Itoa(size.cpu)
	}
	return strings.Join(texts, ", ")
}
