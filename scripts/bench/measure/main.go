// Command measure runs a command and prints on standard output, in one line: wall nanoseconds, CPU nanoseconds and peak
// KiB. It is small because a process inherits the peak of the one that started it: measured by a larger program, every
// command would seem as large as that program. What the command says goes to standard error.
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	start := time.Now()
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 2, 2}})
	if err != nil {
		os.Stderr.WriteString("measure: run " + os.Args[1] + ": " + err.Error() + "\n")
		os.Exit(2)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall := time.Since(start)
	cpu := usage.Utime.Nano() + usage.Stime.Nano()
	os.Stdout.WriteString(strconv.FormatInt(wall.Nanoseconds(), 10) + " " + strconv.FormatInt(cpu, 10) + " " + strconv.FormatInt(usage.Maxrss, 10) + "\n")
	if err != nil || status.ExitStatus() != 0 {
		os.Exit(1)
	}
}
