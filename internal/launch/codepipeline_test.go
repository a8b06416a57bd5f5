package launch

import (
	"fmt"
	"slices"
)

// codePipeline moves executions through stages as CodePipeline does: a stage has one execution at a time, and others wait before it;
// in SUPERSEDED mode the newest alone, in QUEUED mode all, in their order. An execution that failed leaves its stage to the next,
// and may be retried as long as no other has entered it
// (docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html, .../APIReference/API_RetryStageExecution.html).
type codePipeline struct {
	branch string // empty: the only one
	queued bool
	stages []pipelineStage
	runs   []*pipelineRun // in the order in which they began
}

type pipelineStage struct {
	name, environment string
	actions           []string
	held              bool         // its inbound transition is disabled
	last              *pipelineRun // the newest that has entered it
}

// The statuses of executions.
const (
	inProgressRun = "InProgress"
	succeededRun  = "Succeeded"
	failedRun     = "Failed"
	supersededRun = "Superseded"
	stoppedRun    = "Stopped"
)

// approveAction waits for a person.
const approveAction = "approve"

type pipelineRun struct {
	of     *codePipeline
	id     string
	number int // of the pipeline's executions
	commit commit
	status string

	stage, action int
	inside        bool // or it waits before its stage

	image, set string            // variables of the image action
	plans      map[string][]byte // artifacts of the plan actions, by environment
}

// start begins an execution of a change.
func (p *codePipeline) start(c commit) *pipelineRun {
	r := &pipelineRun{of: p, id: fmt.Sprintf("%srun-%d", p.branch, len(p.runs)+1), number: len(p.runs) + 1, commit: c, status: inProgressRun, plans: map[string][]byte{}}
	p.runs = append(p.runs, r)
	p.arrive(r)
	return r
}

// arrive has an execution wait before its stage, where an older one that waits is superseded.
func (p *codePipeline) arrive(r *pipelineRun) {
	r.inside, r.action = false, 0
	for _, other := range p.runs {
		if !p.queued && other.waits() && other.stage == r.stage && other.number < r.number {
			other.status = supersededRun
		}
	}
}

func (r *pipelineRun) waits() bool { return r.status == inProgressRun && !r.inside }

// open says whether an execution that waits may enter its stage.
func (p *codePipeline) open(r *pipelineRun) bool {
	return !p.stages[r.stage].held && !slices.ContainsFunc(p.runs, func(other *pipelineRun) bool {
		here := other != r && other.status == inProgressRun && other.stage == r.stage
		return here && (other.inside || p.queued && other.number < r.number)
	})
}

// next is the action that an execution is to do now; empty where it waits for its stage.
func (p *codePipeline) next(r *pipelineRun) string {
	if r.status != inProgressRun || !r.inside && !p.open(r) {
		return ""
	}
	return p.stages[r.stage].actions[r.action]
}

// those are the executions for which this holds.
func (p *codePipeline) those(holds func(*pipelineRun) bool) []*pipelineRun {
	return slices.DeleteFunc(slices.Clone(p.runs), func(r *pipelineRun) bool { return !holds(r) })
}

// done takes the result of an execution's action.
func (p *codePipeline) done(r *pipelineRun, err error) {
	stage := &p.stages[r.stage]
	r.inside, stage.last = true, r
	if err != nil {
		r.status = failedRun
		return
	}
	if r.action++; r.action < len(stage.actions) {
		return
	}
	if r.stage++; r.stage == len(p.stages) {
		r.status = succeededRun
		return
	}
	p.arrive(r)
}

// retryable says whether a failed execution's stage may be tried again: no later one has entered it.
func (p *codePipeline) retryable(r *pipelineRun) bool {
	return r.status == failedRun && p.stages[r.stage].last == r
}

// retry tries the failed action again, or all of the stage's.
func (p *codePipeline) retry(r *pipelineRun, all bool) {
	if r.status = inProgressRun; all {
		r.action = 0
	}
}
