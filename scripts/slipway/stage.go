package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/plan"
)

func (a *app) stageCommand() *cobra.Command {
	stages := map[string]func(context.Context) error{
		contract.StageImage:      a.stageImage,
		contract.StagePlan:       a.stagePlan,
		contract.StageDeploy:     a.stageDeploy,
		contract.StageAcceptance: a.stageAcceptance,
	}
	return &cobra.Command{
		Use:   "stage lint|unit|templates|security|image|plan|deploy|acceptance",
		Short: "Run one stage of the pipeline, as its builds do",
		Long: fmt.Sprintf(`Runs one stage of the pipeline, as its builds do. lint, unit, templates and security need nothing. The others read variables:
  image        %[1]s, the repository to push to
  plan         %[2]s and %[3]s, what would be deployed where
  deploy       the same; in the pipeline it may do what the plan says and no more
  acceptance   %[2]s, which one to ask
plan and deploy stop where %[4]s is given and the templates are another set. What a stage hands on stands in %[5]s
afterwards: what it exports in stage.env (image: %[3]s and %[4]s; plan: %[6]s and %[7]s), and the plan in %[8]s.`,
			contract.VarRepositoryURI, contract.VarEnvironment, contract.VarImageURI, contract.VarTemplateSet, contract.StageDir,
			contract.VarPlanSummary, contract.VarPlanLog, contract.PlanFile),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || stages[args[0]] == nil {
				return usageError{fmt.Errorf("%s takes one stage (lint, unit, templates, security, image, plan, deploy or acceptance), not %q; see %s --help",
					script(c), args, script(c))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return stages[args[0]](c.Context()) },
	}
}

// pipelineWait leaves the build time to deploy after it has waited for somebody's deployment by hand.
const pipelineWait = 45 * time.Minute

// released says what the pipeline deploys where.
func (a *app) released() (o launch.DeployOptions, err error) {
	environment, err := a.variable(contract.VarEnvironment, "the environment to deploy to")
	if err != nil {
		return o, err
	}
	o = launch.DeployOptions{
		Environments: []string{environment}, ByPipeline: true, Wait: pipelineWait,
		TemplateSet: a.getenv(contract.VarTemplateSet), Execution: a.getenv(contract.VarExecution),
	}
	o.Image, err = a.variable(contract.VarImageURI, "the image to deploy, repository@sha256:...")
	return o, err
}

// stagePlan says what a deployment would do, and leaves that for who approves it and for the deployment.
func (a *app) stagePlan(ctx context.Context) error {
	o, err := a.released()
	if err != nil {
		return err
	}
	l, err := a.atHand(ctx)
	if err != nil {
		return err
	}
	if err := known(l.Config, o.Environments); err != nil {
		return err
	}
	plans, stopped := l.PlanRelease(ctx, o)
	if plans == nil {
		return stopped
	}
	if err := a.print(preview{}, plans...); err != nil {
		return err
	}
	text, err := json.MarshalIndent(plans, "", "  ")
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := leave(root, contract.PlanFile, text); err != nil {
		return err
	}
	if stopped != nil {
		return stopped
	}
	return export(root, map[string]string{contract.VarPlanSummary: summary(plans), contract.VarPlanLog: buildPage(a.getenv("CODEBUILD_BUILD_ARN"))})
}

// maxSummary is how much of a plan stands in an approval, in characters: a configuration's value has 1,000 at most
// (docs.aws.amazon.com/codepipeline/latest/userguide/limits.html).
const maxSummary = 500

// summary is what matters in plans, in a line.
func summary(plans []plan.Plan) string {
	changes, names, over := 0, []string{}, ""
	for _, p := range plans {
		changes += len(p.Changes)
		if p.Over != nil && p.Over.ByHand != "" {
			over = fmt.Sprintf(", over release %d by hand", p.Over.Number)
		}
		for _, r := range p.Risks {
			names = append(names, r.Name)
		}
	}
	text := fmt.Sprintf("%d resources change%s; nothing is at risk", changes, over)
	if len(names) > 0 {
		text = fmt.Sprintf("%d resources change%s; at risk: %s", changes, over, strings.Join(names, ", "))
	}
	if len(text) > maxSummary {
		text = text[:maxSummary] + "... (the rest is in the log)"
	}
	return text
}

// consoles are where the console shows builds; CodePipeline is in these partitions only.
var consoles = map[string]string{"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com"}

// buildPage is the page that shows a build's log, of the build's ARN; empty where there is no build, or no console.
func buildPage(arn string) string {
	part := strings.SplitN(arn, ":", 6)
	if len(part) < 6 || consoles[part[1]] == "" {
		return ""
	}
	build := strings.TrimPrefix(part[5], "build/")
	project, _, _ := strings.Cut(build, ":")
	return fmt.Sprintf("https://%s/codesuite/codebuild/%s/projects/%s/build/%s/log?region=%s", consoles[part[1]], part[4], project, url.PathEscape(build), part[3])
}

// stageDeploy deploys one image to one environment with the pipeline's rights. Where it is given a plan it may do what that
// says, and no more.
func (a *app) stageDeploy(ctx context.Context) error {
	o, err := a.released()
	if err != nil {
		return err
	}
	plans, err := a.planned(o.Environments[0])
	if err != nil {
		return err
	}
	return a.deploy(ctx, where{}, o.Planned(plans...))
}

// planned are the plans that the pipeline hands over; without any, none.
func (a *app) planned(environment string) ([]plan.Plan, error) {
	dir := a.getenv(contract.ArtifactDirVar(contract.PlanArtifact(environment)))
	if dir == "" {
		return nil, nil
	}
	file := filepath.Join(dir, contract.PlanFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the plan of %s: %w", environment, err)
	}
	var plans []plan.Plan
	if err := json.Unmarshal(text, &plans); err != nil {
		return nil, fmt.Errorf("read the plan of %s, %s: %w", environment, file, err)
	}
	if !slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.Environment == environment }) {
		return nil, fmt.Errorf("%s is handed over as the plan of %s, and has none of it: retry all actions of the stage, so that it is planned anew", file, environment)
	}
	return plans, nil
}

// reportInLog is where logReport leaves a report.
const reportInLog = `the line of this log that begins with "report {"`

// logReport writes a failure's whole report into the log of the build that this is, on a line of its own: the build's folder ends
// with it, and a build that failed hands no artifacts on.
func (a *app) logReport(err error) error {
	failure, ok := errors.AsType[*launch.Failure](err)
	if !ok || a.inBuild() == "" {
		return nil
	}
	text, err := json.Marshal(failure)
	if err != nil {
		return fmt.Errorf("write the failure's report: %w", err)
	}
	_, err = fmt.Fprintf(a.err, "report %s\n", text)
	return err
}

// stageAcceptance asks an environment for its contract.
func (a *app) stageAcceptance(ctx context.Context) error {
	environment, err := a.variable(contract.VarEnvironment, "the environment to ask")
	if err != nil {
		return err
	}
	l, err := a.atHand(ctx)
	if err != nil {
		return err
	}
	return l.AcceptRelease(ctx, launch.DeployOptions{
		Environments: []string{environment}, ByPipeline: true, Wait: pipelineWait, Image: a.getenv(contract.VarImageURI), Execution: a.getenv(contract.VarExecution),
	})
}

// atHand is a launcher where a build, or its developer, works.
func (a *app) atHand(ctx context.Context) (*launch.Launcher, error) {
	root, cfg, err := project()
	if err != nil {
		return nil, err
	}
	l, err := a.launcher(ctx, root, cfg, where{}, nil)
	if err != nil {
		return nil, err
	}
	return l, errors.Join(a.trust(l, nil), a.standIns(ctx, l))
}

func (a *app) variable(name, what string) (string, error) {
	if value := a.getenv(name); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("the variable %s is not set: set it to %s", name, what)
}

// export leaves variables for the build to read after the stage, quoted for any shell.
func export(root string, variables map[string]string) error {
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		text = fmt.Appendf(text, "export %s='%s'\n", name, strings.ReplaceAll(variables[name], "'", `'\''`))
	}
	return leave(root, "stage.env", text)
}

// leave writes a file that the stage hands on.
func leave(root, name string, text []byte) error {
	dir := filepath.Join(root, filepath.FromSlash(contract.StageDir))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), text, 0o644)
}
