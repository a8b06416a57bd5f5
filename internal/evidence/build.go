package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	buildtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// BuildFailure is how a build failed; Status is SUCCEEDED or IN_PROGRESS where it did not, and empty where it is not known.
type BuildFailure struct {
	ID       string   `json:"id"`
	Status   string   `json:"status"`
	Phase    string   `json:"phase"`    // the first one that failed, such as BUILD
	Messages []string `json:"messages"` // the phase's code and message, a line each
	LogTail  []string `json:"logTail"`  // the last lines of the commands, oldest first, at most 20 of 500 characters
	LogURL   string   `json:"logURL"`   // where the console shows the whole log
	Notes    []string `json:"notes"`    // what could not be asked, and why
}

// logEvents is how far back a build's log is read: its end is mostly CodeBuild talking about its own phases.
const logEvents = 100

// Build looks at a build, by its id. It never fails: what cannot be asked becomes a note.
func Build(ctx context.Context, clients Clients, id string) BuildFailure {
	failure := BuildFailure{ID: id}
	build, err := describeBuild(ctx, clients, id)
	if err != nil {
		failure.note("build "+id, err)
		return failure
	}
	failure.Status = string(build.BuildStatus)
	if !hasFailed(build.BuildStatus) {
		return failure
	}
	failure.addPhase(build.Phases)
	failure.addLog(ctx, clients, build.Logs)
	return failure
}

func hasFailed(status buildtypes.StatusType) bool {
	return status != "" && status != buildtypes.StatusTypeSucceeded && status != buildtypes.StatusTypeInProgress
}

func describeBuild(ctx context.Context, clients Clients, id string) (buildtypes.Build, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	answer, err := clients.Builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil {
		return buildtypes.Build{}, err
	}
	if len(answer.Builds) == 0 {
		return buildtypes.Build{}, errors.New("CodeBuild does not know it")
	}
	return answer.Builds[0], nil
}

func (f *BuildFailure) note(what string, err error) {
	f.Notes = append(f.Notes, clean(fmt.Sprintf("%s: %s", what, short(err)), maxText))
}

// addPhase takes the first phase that failed: those after it fail because of it, or clean up.
func (f *BuildFailure) addPhase(phases []buildtypes.BuildPhase) {
	for _, phase := range phases {
		if !hasFailed(phase.PhaseStatus) {
			continue
		}
		f.Phase = string(phase.PhaseType)
		for _, context := range phase.Contexts {
			text := strings.TrimPrefix(aws.ToString(context.StatusCode)+": "+aws.ToString(context.Message), ": ")
			if text != "" {
				f.Messages = append(f.Messages, clean(text, maxText))
			}
		}
		f.Messages = f.Messages[:min(len(f.Messages), maxNotes)]
		return
	}
}

func (f *BuildFailure) addLog(ctx context.Context, clients Clients, logs *buildtypes.LogsLocation) {
	if logs == nil {
		return
	}
	f.LogURL = clean(aws.ToString(logs.DeepLink), maxText)
	if logs.GroupName == nil || logs.StreamName == nil {
		return // the build ended before it began to log
	}
	lines, err := tail(ctx, clients.Logs, *logs.GroupName, *logs.StreamName, logEvents)
	if err != nil {
		f.note("log of build "+f.ID, err)
	}
	f.LogTail = last(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, chatter) }))
}

// chatter is how CodeBuild marks its own lines in a build's log.
const chatter = "[Container]"

// Explain shows in a few lines how the build failed; log lines are indented behind a bar. It is empty where the build did
// not fail.
func (f BuildFailure) Explain() []string {
	var lines []string
	if f.Phase != "" || len(f.LogTail) > 0 {
		lines = shortened(append(append(lines, f.headline()), endOfBuild(f.LogTail)...))
	}
	if f.LogURL != "" {
		lines = append(lines, "whole log: "+f.LogURL)
	}
	for _, note := range f.Notes {
		lines = append(lines, "could not ask for "+note)
	}
	return lines
}

// ownError begins what slipway says at the end of a build that has failed.
const ownError = "error: "

// endOfBuild shows the last few lines of a build's log, or all of the error that it ends with.
func endOfBuild(lines []string) []string {
	lines = spoken(lines)
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, ownError) {
			return quote(lines[min(i, max(0, len(lines)-maxShownLines)):])
		}
	}
	return indent(lines)
}

func (f BuildFailure) headline() string {
	line := fmt.Sprintf("build %s %s", f.ID, f.Status)
	if f.Phase != "" {
		line += " in phase " + f.Phase
	}
	if len(f.Messages) > 0 {
		line += ": " + strings.Join(f.Messages, "; ")
	}
	if len(f.LogTail) > 0 {
		line += "; last log lines:"
	}
	return line
}
