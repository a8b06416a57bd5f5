package awsdouble

import (
	"runtime"
	"time"
)

// step lets the delay between two events pass, without the lock. The goroutine ends here when the test does.
func (d *Double) step() {
	held := d.held
	d.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-d.ctx.Done():
			runtime.Goexit()
		}
	}
	timer := time.NewTimer(d.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.ctx.Done():
		runtime.Goexit()
	}
	d.mu.Lock()
}
