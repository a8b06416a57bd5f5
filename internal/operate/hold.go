package operate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// Held is a stage of a pipeline that lets no run in.
type Held struct {
	Since  *time.Time `json:"since,omitempty" doc:"from when on"`
	By     string     `json:"by" doc:"who holds it, as CodePipeline has it"`
	Reason string     `json:"reason" doc:"why"`
}

// reasons are what DisableStageTransition takes
// (docs.aws.amazon.com/codepipeline/latest/APIReference/API_DisableStageTransition.html).
var reasons = regexp.MustCompile(`^[a-zA-Z0-9!@ ().*?-]{1,300}$`)

// CheckReason says what is wrong with a reason to hold a stage.
func CheckReason(reason string) error {
	if !reasons.MatchString(reason) {
		return fmt.Errorf("the reason %q: CodePipeline takes 1 to 300 letters, digits, spaces and ! @ ( ) . * ? -", reason)
	}
	return nil
}

// Hold lets no run of the pipeline into the stage of an environment until Lift; one that is there already goes on.
func (o *Operator) Hold(ctx context.Context, environment, reason string) error {
	pipeline, err := o.pipeline(ctx, environment)
	if err != nil {
		return err
	}
	_, err = o.pipelines.DisableStageTransition(ctx, &codepipeline.DisableStageTransitionInput{
		PipelineName: &pipeline, StageName: aws.String(contract.DeployStage(environment)), TransitionType: types.StageTransitionTypeInbound, Reason: &reason,
	})
	if err != nil {
		return fmt.Errorf("hold stage %s of pipeline %s: %w", contract.DeployStage(environment), pipeline, err)
	}
	return nil
}

// Lift lets runs into the stage of an environment again, those that wait at once. Where nothing holds it, nothing changes.
func (o *Operator) Lift(ctx context.Context, environment string) error {
	pipeline, err := o.pipeline(ctx, environment)
	if err != nil {
		return err
	}
	_, err = o.pipelines.EnableStageTransition(ctx, &codepipeline.EnableStageTransitionInput{
		PipelineName: &pipeline, StageName: aws.String(contract.DeployStage(environment)), TransitionType: types.StageTransitionTypeInbound,
	})
	if err != nil {
		return fmt.Errorf("let runs into stage %s of pipeline %s again: %w", contract.DeployStage(environment), pipeline, err)
	}
	return nil
}

// Held says which environments a pipeline is held before, by their names. Of a branch without a pipeline it says nothing, as long as
// another one has one.
func (o *Operator) Held(ctx context.Context) (map[string]Held, error) {
	held := map[string]Held{}
	var absent *AbsentError
	routes := o.cfg.Routes()
	without := 0
	for _, route := range routes {
		err := o.heldOn(ctx, route, held)
		if errors.As(err, &absent) {
			without++
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if without == len(routes) {
		return nil, absent
	}
	return held, nil
}

// heldOn adds those of one pipeline.
func (o *Operator) heldOn(ctx context.Context, route config.Route, held map[string]Held) error {
	pipeline, err := o.pipeline(ctx, route.Environments[0].Name)
	if err != nil {
		return err
	}
	out, err := o.pipelines.GetPipelineState(ctx, &codepipeline.GetPipelineStateInput{Name: &pipeline})
	if err != nil {
		return fmt.Errorf("ask for the state of pipeline %s: %w", pipeline, err)
	}
	stages := map[string]Held{}
	for _, stage := range out.StageStates {
		if in := stage.InboundTransitionState; in != nil && !in.Enabled {
			stages[aws.ToString(stage.StageName)] = Held{in.LastChangedAt, aws.ToString(in.LastChangedBy), aws.ToString(in.DisabledReason)}
		}
	}
	for _, env := range route.Environments {
		if h, is := stages[contract.DeployStage(env.Name)]; is {
			held[env.Name] = h
		}
	}
	return nil
}

// pipeline is the name of the pipeline that deploys to an environment.
func (o *Operator) pipeline(ctx context.Context, environment string) (string, error) {
	route := o.cfg.RouteTo(environment)
	home := o.cfg.Pipeline.Environment
	root, err := o.root(ctx, home)
	if err != nil {
		return "", err
	}
	if name := root.outputs[contract.OfBranch(contract.KeyPipelineName, route.Slug)]; name != "" {
		return name, nil
	}
	why := o.absence(root)
	if why == "" {
		why = fmt.Sprintf("stack %s has no pipeline", root.Name)
		if route.Branch != "" {
			why += " of branch " + route.Branch
		}
	}
	return "", &AbsentError{home, why}
}
