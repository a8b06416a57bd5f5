package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	smithytime "github.com/aws/smithy-go/time"
	"github.com/spf13/cobra"

	"slipway/internal/evidence"
	"slipway/internal/launch"
	"slipway/internal/operate"
	"slipway/internal/source"
)

func (a *app) pushCommand() *cobra.Command {
	var w where
	var wait bool
	var branch string
	var patience time.Duration
	c := &cobra.Command{
		Use:   "push",
		Short: "Hand the working tree to the pipeline, and deploy nothing by hand",
		Long: `Packs what git tracks, as it is now, and uploads it for the pipeline, which checks it, builds its image and takes it through the
environments. No stack is changed from here. A source that the pipeline has already is not uploaded again. Prints what it handed over as
Key=Value lines; everything else goes to stderr.
Where each branch has a pipeline of its own (pipeline.branches in slipway.yaml), that of the branch gets it which git has checked out, or
which --branch names.
With --wait it follows the run that this starts, action by action, to its end; where it fails it says of which action, and shows the end
of its log. That takes the rights of the policy operate besides those of deploy (docs/permissions.md). Where somebody has to approve, it
says how, and waits for that, too; where another run is in the stage that comes next, or somebody holds that, it says so. It does not end
the run: Ctrl-C only stops looking.

Exit codes: 0 the pipeline has it, and with --wait: has brought it everywhere; 1 it failed; 2 the command line cannot be meant; 3 there
is no pipeline.`,
		Example: `  ./scripts/push.sh
  ./scripts/push.sh --wait
  ./scripts/push.sh --branch develop`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			return a.push(c.Context(), w, branch, wait, patience)
		},
	}
	w.flags(c.Flags())
	c.Flags().StringVar(&branch, "branch", "", "the `name` of the branch whose pipeline gets it, where each has its own; otherwise the one checked out")
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its end")
	c.Flags().DurationVar(&patience, "patience", 10*time.Minute, "with --wait: how `long` the run may take to begin")
	return c
}

func (a *app) push(ctx context.Context, w where, branch string, wait bool, patience time.Duration) error {
	s, err := a.see(ctx, w)
	if err != nil {
		return err
	}
	if err := a.templatesFresh(ctx, s.root); err != nil {
		return err
	}
	l, err := a.launcher(ctx, s.root, s.cfg, w, s.engine)
	if err != nil {
		return err
	}
	if branch == "" && len(s.cfg.Pipeline.Branches) > 0 {
		if branch, err = source.Branch(ctx, s.root); err != nil {
			return err
		}
	}
	pushed, err := l.Push(ctx, branch)
	if _, unknown := errors.AsType[*launch.NoBranchError](err); unknown {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	a.sayPushed(l.Source.Origin(), pushed, s, wait)
	if !wait {
		return nil
	}
	return whileItRuns(ctx, s.engine, func(ctx context.Context) error { return told(ctx, a.followRun(ctx, s, pushed, patience)) })
}

// consolePage is where the console shows a pipeline; CodePipeline is in two partitions only.
func consolePage(region, pipeline string) string {
	host := consoles["aws"]
	if strings.HasPrefix(region, "us-gov-") {
		host = consoles["aws-us-gov"]
	}
	return fmt.Sprintf("https://%s/codesuite/codepipeline/pipelines/%s/view?region=%s", host, pipeline, region)
}

func (a *app) sayPushed(origin source.Origin, p launch.Pushed, s sight, waits bool) {
	fmt.Fprintf(a.out, "Identity=%s\nCommit=%s\nDirty=%t\nPipelineName=%s\nSourceVersion=%s\n", origin.Identity, origin.Commit, origin.Dirty, p.Pipeline, p.Version)
	if p.Branch != "" {
		fmt.Fprintf(a.out, "Branch=%s\n", p.Branch)
	}
	if p.New {
		fmt.Fprintf(a.err, "the pipeline %s has source %s now%s\n", p.Pipeline, origin.Identity[:12], toFollow(p, s, waits))
		return
	}
	fmt.Fprintf(a.err, "the pipeline %s has source %s already%s\nto release it again: %s\n", p.Pipeline, origin.Identity[:12], toFollow(p, s, waits), startAgain(p, s))
}

// toFollow says where the run of a source is seen, besides here.
func toFollow(p launch.Pushed, s sight, waits bool) string {
	page := consolePage(s.aws.Region, p.Pipeline)
	switch {
	case waits && s.engine != nil:
		return ""
	case waits:
		return "; see " + page
	}
	command := "./scripts/push.sh --wait"
	if p.Branch != "" {
		command += " --branch " + p.Branch
	}
	if s.engine != nil {
		return "; follow it: " + command + " --local"
	}
	return "; follow it: " + command + ", or " + page
}

// toApprove says how an approval is given that a run waits for.
func toApprove(p launch.Pushed, s sight, action operate.Action) string {
	where, client := " on "+consolePage(s.aws.Region, p.Pipeline)+", or", awsCommand(s)
	if s.engine != nil { // it has no console
		where = ""
	}
	return fmt.Sprintf(`it waits for somebody to approve or reject%[1]s with (status=Rejected rejects):
  %[2]s codepipeline put-approval-result --pipeline-name %[3]s --stage-name %[4]s --action-name %[5]s \
    --result status=Approved,summary=looked-at --token "$(%[2]s codepipeline get-pipeline-state --name %[3]s \
    --query "stageStates[?stageName=='%[4]s'].actionStates[] | [?actionName=='%[5]s'].latestExecution.token" --output text)"`,
		where, client, p.Pipeline, action.Stage, action.Name)
}

// startAgain is the command that starts a run of what the pipeline has.
func startAgain(p launch.Pushed, s sight) string {
	return awsCommand(s) + " codepipeline start-pipeline-execution --name " + p.Pipeline
}

// awsCommand is the AWS CLI, where it talks to what is looked at.
func awsCommand(s sight) string {
	if s.engine != nil {
		return "aws --endpoint-url " + s.engine.Endpoint
	}
	return "aws"
}

// followRun shows the run that took a version of the source until it has ended.
func (a *app) followRun(ctx context.Context, s sight, p launch.Pushed, patience time.Duration) error {
	id, err := a.awaitRun(ctx, s, p, patience)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Execution=%s\n", id)
	shown := map[string]bool{}
	for {
		var run operate.Run
		err := a.askOn(ctx, s.poll, runSilence, func() (err error) {
			run, err = s.Run(ctx, p.Pipeline, id)
			return err
		})
		if err != nil {
			return err
		}
		for _, action := range run.Actions {
			line := fmt.Sprintf("%s: %s", action.Place(), action.Status)
			if !shown[line] {
				fmt.Fprintln(a.err, line)
				shown[line] = true
				if action.Approval && action.Status == types.ActionExecutionStatusInProgress {
					fmt.Fprintln(a.err, toApprove(p, s, action))
				}
			}
		}
		if line := waits(run.Waits); line != "" && !shown[line] {
			fmt.Fprintln(a.err, line)
			shown[line] = true
		}
		if run.Superseded() {
			newer, err := a.runOf(ctx, s, p)
			if err != nil {
				return err
			}
			if newer != "" && newer != id { // the event of the upload came twice
				fmt.Fprintf(a.err, "execution %s, of the same source, has superseded execution %s\n", newer, id)
				fmt.Fprintf(a.out, "Execution=%s\n", newer)
				id = newer
				continue
			}
		}
		if run.Over() {
			return a.judgeRun(ctx, s, run)
		}
		if err := smithytime.SleepWithContext(ctx, s.poll); err != nil {
			return err
		}
	}
}

// waits says why a run stands still before a stage; empty where it does not.
func waits(w *operate.Wait) string {
	switch {
	case w == nil:
		return ""
	case w.Behind != "":
		return fmt.Sprintf("%s: it waits until execution %s has left this stage, which has one run at a time", w.Stage, w.Behind)
	}
	return fmt.Sprintf("%s: it waits while this stage is held: %s", w.Stage, w.Held)
}

// awaitRun waits until a run has taken the source: the event of an upload takes a while to start it.
func (a *app) awaitRun(ctx context.Context, s sight, p launch.Pushed, patience time.Duration) (string, error) {
	for deadline := time.Now().Add(patience); ; {
		id, err := a.runOf(ctx, s, p)
		if err != nil || id != "" {
			return id, err
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("no run of pipeline %s has taken version %s of the source within %s: is its event rule enabled, or has another source taken its place since? Start one with: %s",
				p.Pipeline, p.Version, patience, startAgain(p, s))
		}
		if err := smithytime.SleepWithContext(ctx, s.poll); err != nil {
			return "", err
		}
	}
}

// runOf is the newest run that has taken the source; empty where none has yet.
func (a *app) runOf(ctx context.Context, s sight, p launch.Pushed) (id string, err error) {
	err = a.askOn(ctx, s.poll, runSilence, func() (err error) {
		id, err = s.RunOf(ctx, p.Pipeline, p.Version)
		return err
	})
	return id, err
}

// runSilence is how long AWS may be out of reach while a run is followed, as it may be while a stack is.
const runSilence = 15 * time.Minute

// askOn asks until there is an answer: that AWS is out of reach for a while says nothing of a run, which goes on.
func (a *app) askOn(ctx context.Context, poll, silence time.Duration, ask func() error) error {
	for began, said := time.Now(), ""; ; {
		err := ask()
		switch {
		case err == nil || ctx.Err() != nil || !operate.Passing(err):
			return err
		case time.Since(began) > silence:
			return fmt.Errorf("%w: AWS could not be asked for %s: %w\nthe run goes on by itself; ./scripts/push.sh --wait follows it again", launch.ErrInterrupted, silence, err)
		case err.Error() != said:
			said = err.Error()
			fmt.Fprintf(a.err, "%v\ntrying again; the run goes on meanwhile\n", err)
		}
		if err := smithytime.SleepWithContext(ctx, poll); err != nil {
			return err
		}
	}
}

// judgeRun says how a run has ended, and why it failed.
func (a *app) judgeRun(ctx context.Context, s sight, run operate.Run) error {
	fmt.Fprintf(a.out, "Result=%s\n", run.Status)
	if run.Well() {
		return nil
	}
	failed := run.Failed()
	ended := fmt.Sprintf("execution %s ended as %s", run.ID, run.Status)
	if failed != nil {
		ended += ", at " + failed.Place()
	}
	lines := []string{strings.TrimSuffix(ended+": "+run.Reason, ": ")}
	if failed != nil && failed.Status == types.ActionExecutionStatusFailed {
		lines[0] = strings.TrimSuffix(fmt.Sprintf("action %s failed: %s", failed.Place(), failed.Said), ": ")
		if failed.Build != "" {
			clients := evidence.Clients{Builds: codebuild.NewFromConfig(s.aws), Logs: cloudwatchlogs.NewFromConfig(s.aws)}
			lines = append(lines, evidence.Build(ctx, clients, failed.Build).Explain()...)
		}
		if failed.URL != "" && s.engine == nil { // the engine has no console
			lines = append(lines, "see "+failed.URL)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
