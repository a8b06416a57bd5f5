package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	buildtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/contract"
)

const (
	poll = 300 * time.Millisecond
	// runLimit is how long a run of the pipeline may take, and how long it may take to begin.
	runLimit   = 20 * time.Minute
	beginLimit = 30 * time.Second
)

var errTooLong = errors.New("it takes too long")

// execution is a run of the pipeline as it ended, or as it waits for an approval.
type execution struct {
	id      string
	actions []types.ActionExecutionDetail // the earliest first
	waiting *types.ActionExecutionDetail  // the approval, where one waits
	failed  []types.ActionExecutionDetail // one, or more of those that run at once
}

// executions are the ids of all runs, the newest first.
func (e *engine) executions(ctx context.Context) ([]string, error) {
	out, err := e.pipeline.ListPipelineExecutions(ctx, &codepipeline.ListPipelineExecutionsInput{PipelineName: e.pipelineName()})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, summary := range out.PipelineExecutionSummaries {
		ids = append(ids, aws.ToString(summary.PipelineExecutionId))
	}
	return ids, nil
}

// begun waits for a run that is not the one before.
func (e *engine) begun(ctx context.Context, before string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, beginLimit, errTooLong)
	defer cancel()
	for {
		ids, err := e.executions(ctx)
		if err != nil {
			return "", fmt.Errorf("wait for the pipeline to begin: %w", cmp.Or(context.Cause(ctx), err))
		}
		if len(ids) > 0 && ids[0] != before {
			return ids[0], nil
		}
		_ = smithytime.SleepWithContext(ctx, poll) // the next look ends with the context
	}
}

// stop ends a run at once, and the builds that it leaves behind: the next run's would wait for them.
func (e *engine) stop(ctx context.Context, id, reason string) error {
	if _, err := e.pipeline.StopPipelineExecution(ctx, &codepipeline.StopPipelineExecutionInput{
		PipelineName: e.pipelineName(), PipelineExecutionId: &id, Abandon: true, Reason: &reason,
	}); err != nil {
		return err
	}
	all, err := e.builds.ListBuilds(ctx, nil)
	if err != nil || len(all.Ids) == 0 {
		return err
	}
	found, err := e.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: all.Ids})
	if err != nil {
		return err
	}
	for _, build := range found.Builds {
		if build.BuildStatus != buildtypes.StatusTypeInProgress {
			continue
		}
		if _, err := e.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: build.Id}); err != nil {
			return err
		}
	}
	return nil
}

// follow watches a run until it ends or waits for an approval; shown is called for each action that has ended since
// the number of them that were seen before.
func (e *engine) follow(ctx context.Context, id string, seen int, shown func(types.ActionExecutionDetail)) (execution, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, errTooLong)
	defer cancel()
	for {
		now, status, err := e.look(ctx, id)
		if err != nil {
			return now, fmt.Errorf("follow the pipeline: %w", cmp.Or(context.Cause(ctx), err))
		}
		for ; seen < len(now.actions) && now.actions[seen].Status != types.ActionExecutionStatusInProgress; seen++ {
			shown(now.actions[seen])
		}
		if now.waiting != nil || status != types.PipelineExecutionStatusInProgress {
			return now, nil
		}
		_ = smithytime.SleepWithContext(ctx, poll) // the next look ends with the context
	}
}

func (e *engine) look(ctx context.Context, id string) (execution, types.PipelineExecutionStatus, error) {
	now := execution{id: id}
	// The run first: of one that has ended, all actions are listed.
	out, err := e.pipeline.GetPipelineExecution(ctx, &codepipeline.GetPipelineExecutionInput{PipelineName: e.pipelineName(), PipelineExecutionId: &id})
	if err != nil {
		return now, "", err
	}
	pages := codepipeline.NewListActionExecutionsPaginator(e.pipeline, &codepipeline.ListActionExecutionsInput{
		PipelineName: e.pipelineName(), Filter: &types.ActionExecutionFilter{PipelineExecutionId: &id},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return now, "", err
		}
		for _, action := range page.ActionExecutionDetails {
			now.actions = append([]types.ActionExecutionDetail{action}, now.actions...) // they come newest first
		}
	}
	for i, action := range now.actions {
		approval := action.Input != nil && action.Input.ActionTypeId != nil && action.Input.ActionTypeId.Category == types.ActionCategoryApproval
		if approval && action.Status == types.ActionExecutionStatusInProgress {
			now.waiting = &now.actions[i]
		}
		if action.Status == types.ActionExecutionStatusFailed {
			now.failed = append(now.failed, action)
		}
	}
	return now, out.PipelineExecution.Status, nil
}

// place is how an action is told: its stage and its name.
func place(action types.ActionExecutionDetail) string {
	return aws.ToString(action.StageName) + "/" + aws.ToString(action.ActionName)
}

// places are how actions are told, one after the other.
func places(actions []types.ActionExecutionDetail) string {
	var all []string
	for _, action := range actions {
		all = append(all, place(action))
	}
	return strings.Join(all, ", ")
}

// approve answers the approval that waits, as PutApprovalResult does for whoever has the right to.
func (e *engine) approve(ctx context.Context, waiting types.ActionExecutionDetail) error {
	state, err := e.pipeline.GetPipelineState(ctx, &codepipeline.GetPipelineStateInput{Name: e.pipelineName()})
	if err != nil {
		return err
	}
	for _, stage := range state.StageStates {
		for _, action := range stage.ActionStates {
			if aws.ToString(stage.StageName) != aws.ToString(waiting.StageName) || aws.ToString(action.ActionName) != aws.ToString(waiting.ActionName) {
				continue
			}
			_, err := e.pipeline.PutApprovalResult(ctx, &codepipeline.PutApprovalResultInput{
				PipelineName: e.pipelineName(), StageName: stage.StageName, ActionName: action.ActionName, Token: action.LatestExecution.Token,
				Result: &types.ApprovalResult{Status: types.ApprovalStatusApproved, Summary: new("approved by the rehearsal")},
			})
			return err
		}
	}
	return fmt.Errorf("the pipeline has no action %s", place(waiting))
}

// built is the digest that the run's image action has handed on.
func (x execution) built() (string, error) {
	for _, action := range x.actions {
		if action.Output == nil || action.Output.OutputVariables[contract.VarImageURI] == "" {
			continue
		}
		return digestOf(action.Output.OutputVariables[contract.VarImageURI])
	}
	return "", errors.New("no action has handed on an image")
}
