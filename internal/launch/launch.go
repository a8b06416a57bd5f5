// Package launch talks to AWS about one application: it puts an application's stacks up, follows what happens, says why
// something failed, and takes everything away again. It knows templates as files and parameters as strings, nothing of
// how they were made, and it does not know whether it talks to AWS or to the local engine.
package launch

import (
	"crypto/x509"
	"io"
	"io/fs"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/config"
	"slipway/internal/progress"
	"slipway/internal/release"
	"slipway/internal/source"
)

// Options say what to launch, where, and how to speak about it.
type Options struct {
	Config    config.Config
	AWS       aws.Config        // credentials, Region and, for the local engine, the endpoint
	Profile   string            // of the AWS configuration, for who has to renew a session; empty where none is named
	Templates fs.FS             // the templates folder
	Slipway   string            // the text of slipway.yaml, which releases keep
	Source    Source            // the working tree; may be nil for Destroy
	Machine   string            // where it runs, for whoever has to wait for this run
	Records   string            // folder that keeps what a destroy has recorded until it is proven gone
	Reports   string            // where the report of a failure is read that this folder does not keep for long; empty where it does
	Progress  *progress.Display // everything that is not an output
	Output    io.Writer         // Key=Value lines: stdout
	Poll      time.Duration     // time between two looks at the same thing; 5 s where zero
	RootCAs   *x509.CertPool    // who may sign the certificate of the service's domain; nil: whom this machine trusts
	// Cost words what environments cost a month; nil where nothing costs anything, as on the local engine.
	Cost func(environments ...string) (string, error)
}

// Source is the working tree that is being deployed.
type Source interface {
	Identity() string
	Origin() source.Origin
	WriteZip(w io.Writer) error
}

// Launcher works on one application in one account and Region.
type Launcher struct {
	Options
	aws       clients
	account   string // set by identify
	caller    string
	partition partition
	patience  time.Duration // of an acceptance
	wrong     time.Duration // how long its answers may be wrong
	visiting  time.Duration // how much longer a task may take that asks for it
	silence   time.Duration // how long AWS may be out of reach while an operation is followed
	queue     time.Duration // how long to wait for other builds of the account
	vanishing time.Duration // how long services may go on listing what was deleted
	beat      time.Duration // between two renewals of the lease; the lease's own where zero
	recording time.Duration // how long the end of a release may take to be recorded once the run is interrupted
	past      *release.Set  // what a release was made from, in place of the working tree
}

// New makes a launcher. It calls nothing yet.
func New(o Options) *Launcher {
	if o.Poll == 0 {
		o.Poll = 5 * time.Second
	}
	return &Launcher{
		Options: o, aws: newClients(o.AWS, o.Profile, standardLimits), silence: silenceTimeout, queue: buildQueueTimeout, patience: acceptanceTimeout, wrong: wrongAtMost(o.Poll), visiting: visitStart, vanishing: goneTimeout, recording: recordTime,
	}
}
