package operate

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"slipway/internal/awserr"
)

// Run is one execution of a pipeline.
type Run struct {
	ID      string
	Status  types.PipelineExecutionStatus
	Reason  string   // CodePipeline's, where it gives one
	Actions []Action // as far as they have begun, in the order in which they began
	Waits   *Wait    // before which stage it waits, while none of its actions runs
}

// Wait is that a run may not enter a stage yet.
type Wait struct {
	Stage  string
	Behind string // the other run that is in it; empty where the stage is held
	Held   string // the reason for which it is held
}

// Action is one action of a run.
type Action struct {
	Stage, Name string
	Status      types.ActionExecutionStatus
	Said        string // what CodePipeline, or who does the work, says of it
	Build       string // id of the build that does the work; empty where none does
	URL         string // where the console shows the work
	Approval    bool   // it is a person's answer
}

// Place names an action in its pipeline.
func (a Action) Place() string { return a.Stage + "/" + a.Name }

// lastRuns are as many of a pipeline's runs as are looked through.
const lastRuns = 100

// RunOf finds the newest of a pipeline's last 100 runs that took this version of its source object; it is empty where none has
// begun yet.
func (o *Operator) RunOf(ctx context.Context, pipeline, version string) (id string, err error) {
	pages := codepipeline.NewListPipelineExecutionsPaginator(o.pipelines, &codepipeline.ListPipelineExecutionsInput{PipelineName: &pipeline, MaxResults: aws.Int32(lastRuns)})
	for seen := 0; pages.HasMorePages() && seen < lastRuns; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("list the executions of pipeline %s: %w", pipeline, err)
		}
		for _, e := range page.PipelineExecutionSummaries[:min(len(page.PipelineExecutionSummaries), lastRuns-seen)] {
			if slices.ContainsFunc(e.SourceRevisions, func(r types.SourceRevision) bool { return aws.ToString(r.RevisionId) == version }) {
				return aws.ToString(e.PipelineExecutionId), nil
			}
		}
		seen += len(page.PipelineExecutionSummaries)
	}
	return "", nil
}

// Run looks at a run of a pipeline.
func (o *Operator) Run(ctx context.Context, pipeline, id string) (Run, error) {
	r := Run{ID: id}
	out, err := o.pipelines.GetPipelineExecution(ctx, &codepipeline.GetPipelineExecutionInput{PipelineName: &pipeline, PipelineExecutionId: &id})
	if err == nil && out.PipelineExecution == nil {
		err = awserr.ErrNothing
	}
	if err != nil {
		return r, fmt.Errorf("ask about execution %s of pipeline %s: %w", id, pipeline, err)
	}
	r.Status, r.Reason = out.PipelineExecution.Status, aws.ToString(out.PipelineExecution.StatusSummary)
	pages := codepipeline.NewListActionExecutionsPaginator(o.pipelines, &codepipeline.ListActionExecutionsInput{
		PipelineName: &pipeline, Filter: &types.ActionExecutionFilter{PipelineExecutionId: &id},
	})
	var details []types.ActionExecutionDetail
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return r, fmt.Errorf("list the actions of execution %s of pipeline %s: %w", id, pipeline, err)
		}
		details = append(details, page.ActionExecutionDetails...)
	}
	slices.SortStableFunc(details, func(a, b types.ActionExecutionDetail) int {
		return aws.ToTime(a.StartTime).Compare(aws.ToTime(b.StartTime))
	})
	for _, d := range details {
		r.Actions = append(r.Actions, toAction(d))
	}
	runs := slices.ContainsFunc(r.Actions, func(a Action) bool { return a.Status == types.ActionExecutionStatusInProgress })
	if r.Status == types.PipelineExecutionStatusInProgress && !runs {
		r.Waits, err = o.wait(ctx, pipeline, id)
	}
	return r, err
}

// wait is nil where the run is between two stages, and neither is held nor has another run.
func (o *Operator) wait(ctx context.Context, pipeline, id string) (*Wait, error) {
	out, err := o.pipelines.GetPipelineState(ctx, &codepipeline.GetPipelineStateInput{Name: &pipeline})
	if err != nil {
		return nil, fmt.Errorf("ask about the stages of pipeline %s: %w", pipeline, err)
	}
	for _, stage := range out.StageStates {
		if !slices.ContainsFunc(stage.InboundExecutions, func(e types.StageExecution) bool { return aws.ToString(e.PipelineExecutionId) == id }) {
			continue
		}
		w := Wait{Stage: aws.ToString(stage.StageName)}
		if in := stage.InboundTransitionState; in != nil && !in.Enabled {
			w.Held = aws.ToString(in.DisabledReason)
			return &w, nil
		}
		if in := stage.LatestExecution; in != nil && in.Status == types.StageExecutionStatusInProgress {
			w.Behind = aws.ToString(in.PipelineExecutionId)
			return &w, nil
		}
	}
	return nil, nil
}

func toAction(d types.ActionExecutionDetail) Action {
	a := Action{Stage: aws.ToString(d.StageName), Name: aws.ToString(d.ActionName), Status: d.Status}
	a.Approval = d.Input != nil && d.Input.ActionTypeId != nil && d.Input.ActionTypeId.Category == types.ActionCategoryApproval
	if d.Output == nil || d.Output.ExecutionResult == nil {
		return a
	}
	result := d.Output.ExecutionResult
	a.Said, a.URL = aws.ToString(result.ExternalExecutionSummary), aws.ToString(result.ExternalExecutionUrl)
	if result.ErrorDetails != nil && aws.ToString(result.ErrorDetails.Message) != "" {
		a.Said = aws.ToString(result.ErrorDetails.Message)
	}
	if d.Input != nil && d.Input.ActionTypeId != nil && aws.ToString(d.Input.ActionTypeId.Provider) == "CodeBuild" {
		a.Build = aws.ToString(result.ExternalExecutionId)
	}
	return a
}

// Over says whether a run has ended, well or not.
func (r Run) Over() bool {
	return r.Status != types.PipelineExecutionStatusInProgress && r.Status != types.PipelineExecutionStatusStopping
}

// Superseded says whether a newer run has taken its place.
func (r Run) Superseded() bool { return r.Status == types.PipelineExecutionStatusSuperseded }

// Well says whether it has ended well.
func (r Run) Well() bool { return r.Status == types.PipelineExecutionStatusSucceeded }

// Failed is the action that a run failed of; nil where none did. What was tried again counts as it came out then.
func (r Run) Failed() *Action {
	for i, a := range r.Actions {
		again := slices.ContainsFunc(r.Actions[i+1:], func(later Action) bool { return later.Place() == a.Place() })
		if !again && (a.Status == types.ActionExecutionStatusFailed || a.Status == types.ActionExecutionStatusAbandoned) {
			return &r.Actions[i]
		}
	}
	return nil
}
