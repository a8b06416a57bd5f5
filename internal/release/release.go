// Package release keeps what was deployed: one record for each deployment to each environment, by hand or by the pipeline,
// in the foundation's bucket. A record is written once and never changed: a conditional write begins it, when the change
// is about to be made, and another one ends it. What was begun and has no end is going on, or was cut off.
package release

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Result is how a deployment ended.
type Result string

// The results. The last two are never written: they are what a reader finds.
const (
	Succeeded  Result = "succeeded"
	Failed     Result = "failed"
	RolledBack Result = "rolled back" // by CloudFormation, to what ran before
	Unfinished Result = "unfinished"  // begun, and not ended: it goes on, or was cut off
	Unreadable Result = "unreadable"  // the record is there, but is none
)

// Kind is why a deployment was made.
type Kind string

// The kinds.
const (
	Deployment Kind = "deployment" // of a source
	Rollback   Kind = "rollback"   // to an earlier release of the same environment
	Promotion  Kind = "promotion"  // of a release of another environment
)

// Format is the version of the record that this version writes. Fields are added without a new one.
const Format = 1

// Record is one release.
type Record struct {
	Format      int       `json:"format" doc:"version of these fields' meaning"`
	Environment string    `json:"environment" doc:"in slipway.yaml"`
	Number      int       `json:"number" doc:"counts the environment's releases from 1"`
	Kind        Kind      `json:"kind" doc:"deployment, rollback or promotion"`
	Of          *Ref      `json:"of,omitempty" doc:"the release that was gone back to, or promoted"`
	Result      Result    `json:"result" doc:"succeeded, failed, rolled back (by CloudFormation), unfinished (it goes on, or was cut off) or unreadable"`
	Stands      bool      `json:"stands" doc:"the stack has held it since: it succeeded, or only the look at the service failed"`
	Cause       string    `json:"cause,omitempty" doc:"name of the failure's cause (docs/causes.md)"`
	Error       string    `json:"error,omitempty" doc:"the failure in a line"`
	Began       time.Time `json:"began" doc:"when the change was about to be made, by the clock of who made it"`
	Ended       time.Time `json:"ended,omitzero" doc:"when it was over"`
	By          string    `json:"by" doc:"who, as AWS knows them, and on which machine"`
	Execution   string    `json:"execution,omitempty" doc:"id of the pipeline's execution, where the pipeline did it"`
	Branch      string    `json:"branch,omitempty" doc:"of pipeline.branches, to which the environment belongs"`

	Image          string `json:"image" doc:"registry/repository@sha256:..."`
	Source         Source `json:"source" doc:"what the image was built from, as far as that is known"`
	TemplateSource Source `json:"templateSource" doc:"what the templates are from; another one where the running image was kept"`
	TemplateSet    string `json:"templateSet" doc:"SHA-256 over the files below templates/"`
	Set            string `json:"set" doc:"key of the list of these files in the bucket, with slipway.yaml"`

	Template   string            `json:"template" doc:"URL of the root's template"`
	Parameters map[string]string `json:"parameters" doc:"of the root, with the URLs of the nested stacks' templates"`

	Plan json.RawMessage `json:"plan,omitempty" doc:"what was to be changed, as deploy.sh --plan --json has it"`
}

// Ref names a release.
type Ref struct {
	Environment string `json:"environment" doc:"its environment"`
	Number      int    `json:"number" doc:"its number there"`
}

// Source is a state of the sources.
type Source struct {
	Identity string `json:"identity,omitempty" doc:"hash over the source's files, and tag of its image"`
	Commit   string `json:"commit,omitempty" doc:"git commit"`
	Dirty    bool   `json:"dirty,omitempty" doc:"the source differed from the commit"`
}

// Same says whether two releases leave the same behind: image, templates and parameters.
func (r Record) Same(other Record) bool {
	return r.Image == other.Image && r.Template == other.Template && maps.Equal(r.Parameters, other.Parameters)
}

// Current is what an environment holds by its records, newest first: the newest that stands. A newer one that is unfinished
// may stand all the same; it is returned, too. Both are nil where there is none.
func Current(records []Record) (stands, unfinished *Record) {
	for i, r := range records {
		switch {
		case r.Result == Unfinished && unfinished == nil:
			unfinished = &records[i]
		case r.Stands:
			return &records[i], unfinished
		}
	}
	return nil, unfinished
}

// Newest is the release that an environment is left with by its records, newest first: the newest that stands, or one after it
// that has no end. It is nil where there is none.
func Newest(records []Record) *Record {
	stands, unfinished := Current(records)
	if unfinished != nil {
		return unfinished
	}
	return stands
}

// Astray compares what runs with what releases tell, newest first as far as the one that stands: whether the image is of none of
// them, and which parameters of the root have a value that none of them has. What a newer release has left that failed or
// has no end explains a difference; without any release there is none.
func Astray(records []Record, image string, parameters map[string]string) (imageDiffers bool, differ []string) {
	stands, _ := Current(records)
	if stands == nil {
		return false, nil
	}
	keys := slices.Concat(slices.Collect(maps.Keys(parameters)), slices.Collect(maps.Keys(stands.Parameters)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.ContainsFunc(records, func(r Record) bool { return r.Parameters[key] == parameters[key] }) {
			differ = append(differ, key)
		}
	}
	return !slices.ContainsFunc(records, func(r Record) bool { return r.Image == image }), differ
}

// Before is the release to go back to where none is named: the newest successful one that is older than the current one and
// leaves something else behind. A release that was a rollback stands for the one that it went back to, so that a second
// rollback goes further back, and not forth. One that was cut off is gone on with. It is nil where there is none.
func Before(records []Record) *Record {
	stands, unfinished := Current(records)
	if stands == nil {
		return nil
	}
	if unfinished != nil {
		if unfinished.Kind == Rollback && unfinished.Of != nil {
			if meant := find(records, unfinished.Of.Number); meant != nil && meant.Result == Succeeded {
				return meant
			}
		}
		// What was cut off may stand; what stood before it is what to go back to.
		if stands.Result == Succeeded {
			return stands
		}
	}
	at := *stands
	for at.Kind == Rollback && at.Of != nil {
		earlier := find(records, at.Of.Number)
		if earlier == nil || earlier.Number >= at.Number {
			break
		}
		at = *earlier
	}
	for i, r := range records {
		if r.Number < at.Number && r.Result == Succeeded && !r.Same(*stands) {
			return &records[i]
		}
	}
	return nil
}

func find(records []Record, number int) *Record {
	for i, r := range records {
		if r.Number == number {
			return &records[i]
		}
	}
	return nil
}
