package local

import (
	"context"
	"path/filepath"
	"runtime"
)

// Needs is what this machine has of what the engine needs.
type Needs struct {
	Installed bool   // the engine's packages, in this clone
	Python    string // path of one that is new enough; empty where there is none
	NoPython  error  // which there are, and what to install
	NoPort    error  // none can be had on loopback
	Docker    string // address of its daemon; empty where tasks run as processes
	NoDocker  error  // why not
}

// Look says what the engine of the clone at root would find. It installs and starts nothing.
func Look(ctx context.Context, root string) Needs {
	var n Needs
	if lock, err := sources.ReadFile(lockFile); err == nil {
		venv := newFolder(root).venv()
		n.Installed = installed(ctx, venv, filepath.Join(venv, "bin", "python"), hash(lock))
	}
	n.Python, n.NoPython = findPython(ctx)
	_, n.NoPort = freePort()
	if runtime.GOOS == "linux" {
		n.Docker, n.NoDocker = dockerHost(ctx)
	}
	return n
}
