package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
)

// application is the name of the copy's stacks.
const application = "rehearsal"

// story is a rehearsal under way.
type story struct {
	*workplace
	options
	out    io.Writer
	engine *engine
	chosen []defect
	rows   []row
	first  map[string]string // what the launch brought up: digests by environment
	now    map[string]string // what is to run
	mark   string            // what GET / is to begin with
}

// row is one step in the table at the end.
type row struct {
	step, seen string
	took       time.Duration
}

// rehearse plays the story and removes the copy, however it ends. The error is the first thing that was not as expected.
func rehearse(ctx context.Context, o options, out io.Writer) (err error) {
	begun := time.Now()
	w, err := newWorkplace(ctx, o.project, o, out)
	if err != nil {
		return err
	}
	s := &story{workplace: w, options: o, out: out, chosen: stopped()}
	if o.short {
		s.chosen = nil
	}
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	fmt.Fprintf(out, "The rehearsal plays in %s, a copy of this project; the project, its own local environment and its git are left alone.\n"+
		"So that it takes minutes, the copy's slipway.yaml narrows its checks (pipeline.scope: service): they look at web/, slipway.yaml and templates/,\n"+
		"not at slipway's own code; its database of vulnerabilities is a folder of the copy. No gate is left out, none is faked.\n", w.root)
	for _, act := range s.acts() {
		if err := s.play(ctx, act); err != nil {
			return err
		}
	}
	s.table(time.Since(begun))
	return nil
}

// act is one step of the story: what is done, what is expected, and what was seen.
type act struct {
	name, what, expected string
	do                   func(context.Context) (seen string, err error)
}

func (s *story) acts() []act {
	acts := []act{
		{"launch", "./scripts/deploy.sh --local --yes", "every environment answers and runs the same image", s.launch},
		{"promote", "a change, pushed", "it goes through the pipeline to every environment, to prod once that is approved, as one image", s.promote},
	}
	for _, d := range s.chosen {
		acts = append(acts, act{"broken: " + d.name, d.what + ", pushed", "the pipeline stops at " + d.at + "; every environment runs what it ran", func(ctx context.Context) (string, error) {
			return s.stopAt(ctx, d)
		}})
	}
	if !s.short {
		acts = append(acts, act{"roll back", "./scripts/rollback.sh --local --yes --environment prod", "prod runs the release before again, the others what they ran", s.rollBack})
	}
	if !s.keep {
		acts = append(acts, act{"destroy", "./scripts/destroy.sh --local --yes", "each resource is asked for, and gone", s.destroy})
	}
	return acts
}

func (s *story) play(ctx context.Context, a act) error {
	number, begun := len(s.rows)+1, time.Now()
	fmt.Fprintf(s.out, "\n%2d  %s: %s\n    expected: %s\n", number, a.name, a.what, a.expected)
	seen, err := a.do(ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("step %d, %s, is not as expected: %w", number, a.name, err)
	}
	took := time.Since(begun)
	fmt.Fprintf(s.out, "    seen: %s (%.1f s)\n", seen, took.Seconds())
	s.rows = append(s.rows, row{a.name, seen, took})
	return nil
}

func (s *story) environments() []string {
	if s.short {
		return []string{"dev", "prod"}
	}
	return []string{"dev", "test", "prod"}
}

func (s *story) launch(ctx context.Context) (string, error) {
	if said, err := s.run(ctx, "./scripts/deploy.sh", "--local", "--yes"); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	var err error
	if s.engine, err = watching(ctx, s.root, application, s.environments()); err != nil {
		return "", err
	}
	if s.first, err = s.engine.running(ctx); err != nil {
		return "", err
	}
	digest := s.first["dev"]
	if err := same(s.first, digest); err != nil {
		return "", err
	}
	for _, environment := range s.environments() {
		if _, err := s.engine.get(ctx, environment, "/time"); err != nil {
			return "", err
		}
	}
	// A new pipeline runs once by itself, which would find all of it done.
	id, err := s.engine.begun(ctx, "")
	if err != nil {
		return "", err
	}
	if err := s.engine.stop(ctx, id, "the launch has done what it would do"); err != nil {
		return "", err
	}
	s.now = s.first
	return fmt.Sprintf("%s run %s; the pipeline's own first run, which has nothing to do, is stopped", strings.Join(s.environments(), ", "), short(digest)), nil
}

// same wants every environment to run one digest.
func same(running map[string]string, digest string) error {
	for _, environment := range slices.Sorted(maps.Keys(running)) {
		if running[environment] != digest {
			return fmt.Errorf("%s runs %s, not %s", environment, running[environment], digest)
		}
	}
	return nil
}

func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

// push commits what was changed, uploads it, and waits for the run that this starts.
func (s *story) push(ctx context.Context, what string) (id string, err error) {
	before, err := s.engine.executions(ctx)
	if err != nil {
		return "", err
	}
	if err := s.commit(ctx, what); err != nil {
		return "", err
	}
	if said, err := s.run(ctx, "./scripts/push.sh", "--local"); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return s.engine.begun(ctx, before[0])
}

func (s *story) show(action types.ActionExecutionDetail) {
	took := aws.ToTime(action.LastUpdateTime).Sub(aws.ToTime(action.StartTime))
	fmt.Fprintf(s.out, "    %-24s %-10s %5.1f s\n", place(action), action.Status, took.Seconds())
}

func (s *story) promote(ctx context.Context) (string, error) {
	const mark = "promoted"
	if err := s.write(editionFile, edition(mark)); err != nil {
		return "", err
	}
	id, err := s.push(ctx, "a change that is seen")
	if err != nil {
		return "", err
	}
	run, err := s.engine.follow(ctx, id, 0, s.show)
	if err != nil {
		return "", err
	}
	if run.waiting == nil {
		return "", errors.Join(errors.New("the run has not waited for an approval"), s.explain(ctx, run))
	}
	digest, err := run.built()
	if err != nil {
		return "", err
	}
	if err := s.heldBefore(ctx, digest); err != nil {
		return "", err
	}
	fmt.Fprintf(s.out, "    %-24s is given, with PutApprovalResult; until then prod runs %s\n", place(*run.waiting), short(s.first[s.engine.home()]))
	if err := s.engine.approve(ctx, *run.waiting); err != nil {
		return "", err
	}
	run, err = s.engine.follow(ctx, id, len(run.actions)-1, s.show)
	if err != nil {
		return "", err
	}
	if run.failed != nil {
		return "", s.explain(ctx, run)
	}
	running, err := s.engine.running(ctx)
	if err != nil {
		return "", err
	}
	if err := same(running, digest); err != nil {
		return "", err
	}
	if digest == s.first["dev"] {
		return "", fmt.Errorf("the changed source has the image of the one before, %s", digest)
	}
	s.now, s.mark = running, mark+"-"
	return fmt.Sprintf("the image action's %s runs in %s, by ECS's own word, and GET / begins with %s", short(digest), strings.Join(s.environments(), ", "), s.mark), s.serving(ctx)
}

// heldBefore wants the environments before the approval to run the new image, and the one that waits for it the old.
func (s *story) heldBefore(ctx context.Context, digest string) error {
	running, err := s.engine.running(ctx)
	if err != nil {
		return err
	}
	want := maps.Clone(s.now)
	for _, environment := range s.environments() {
		if environment != s.engine.home() {
			want[environment] = digest
		}
	}
	return equal(running, want)
}

func equal(running, want map[string]string) error {
	for _, environment := range slices.Sorted(maps.Keys(want)) {
		if running[environment] != want[environment] {
			return fmt.Errorf("%s runs %s, not %s", environment, running[environment], want[environment])
		}
	}
	return nil
}

// serving wants every environment to answer as what is to run.
func (s *story) serving(ctx context.Context) error {
	for _, environment := range s.environments() {
		body, err := s.engine.get(ctx, environment, "/")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(body, s.mark) {
			return fmt.Errorf("GET / of %s answers %q, which does not begin with %s", environment, body, s.mark)
		}
	}
	return nil
}

// stopAt pushes what is broken and wants it stopped at its gate, with nothing changed in what runs.
func (s *story) stopAt(ctx context.Context, d defect) (string, error) {
	if err := d.plant(ctx, s.workplace); err != nil {
		return "", err
	}
	id, err := s.push(ctx, d.what)
	if err != nil {
		return "", err
	}
	run, err := s.engine.follow(ctx, id, 0, s.show)
	if err != nil {
		return "", err
	}
	if run.failed == nil {
		return "", fmt.Errorf("%s was to stop it, and nothing did: it has come to %s", d.at, place(run.actions[len(run.actions)-1]))
	}
	if got := places(run.failed); got != d.at {
		return "", errors.Join(fmt.Errorf("%s was to stop it, and %s did", d.at, got), s.explain(ctx, run))
	}
	text, err := s.logOf(ctx, run.failed[0])
	if err != nil {
		return "", err
	}
	said := regexp.MustCompile(`(?m)^.*` + d.because + `.*$`).FindString(text)
	if said == "" {
		return "", fmt.Errorf("the log of %s does not have %s:\n%s", d.at, d.because, tail(text))
	}
	running, err := s.engine.running(ctx)
	if err != nil {
		return "", err
	}
	if err := errors.Join(equal(running, s.now), s.serving(ctx)); err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if short, _, long := strings.Cut(line, ": "); long && len(line) > widestReason {
		line = short
	}
	return fmt.Sprintf("stopped at %s (%s); nothing else runs than before", d.at, line), d.mend(ctx, s.workplace)
}

func (s *story) rollBack(ctx context.Context) (string, error) {
	home := s.engine.home()
	if said, err := s.run(ctx, "./scripts/rollback.sh", "--local", "--yes", "--environment", home); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	want := maps.Clone(s.now)
	want[home] = s.first[home]
	running, err := s.engine.running(ctx)
	if err != nil {
		return "", err
	}
	body, err := s.engine.get(ctx, home, "/")
	if err == nil && strings.HasPrefix(body, s.mark) {
		err = fmt.Errorf("GET / of %s still answers %q", home, body)
	}
	return fmt.Sprintf("%s runs %s again, which the launch brought up", home, short(s.first[home])), errors.Join(err, equal(running, want))
}

// widestReason is how much of a log's line is told whole; of a longer one, what stands before its first colon.
const widestReason = 90

// explain is why a run of the pipeline failed that was to succeed.
func (s *story) explain(ctx context.Context, run execution) error {
	var all []error
	for _, action := range run.failed {
		text, err := s.logOf(ctx, action)
		if err != nil {
			all = append(all, fmt.Errorf("%s failed, and its log cannot be read: %w", place(action), err))
			continue
		}
		all = append(all, fmt.Errorf("%s failed:\n%s", place(action), tail(text)))
	}
	return errors.Join(all...)
}

func (s *story) logOf(ctx context.Context, action types.ActionExecutionDetail) (string, error) {
	if action.Output == nil || action.Output.ExecutionResult == nil {
		return "", errors.New("the action has no result")
	}
	return s.engine.log(ctx, aws.ToString(action.Output.ExecutionResult.LogStreamARN))
}

const tailLines = 40

func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

var gone = regexp.MustCompile(`(?m)gone: (\d+) of (\d+) resources`)

func (s *story) destroy(ctx context.Context) (string, error) {
	said, err := s.run(ctx, "./scripts/destroy.sh", "--local", "--yes")
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	count := gone.FindStringSubmatch(said)
	if count == nil || count[1] != count[2] {
		return "", fmt.Errorf("it does not say that all is gone:\n%s", tail(said))
	}
	return count[0], nil
}

// end removes the copy and all that runs for it, unless it is to be kept.
func (s *story) end(ctx context.Context) error {
	if s.keep && ctx.Err() == nil {
		fmt.Fprintf(s.out, "\nKept: %s. To end it: cd %s && ./scripts/destroy.sh --local --yes && rm -rf %s\n", s.root, s.root, s.base)
		return nil
	}
	return s.remove(ctx)
}

func (s *story) table(took time.Duration) {
	fmt.Fprintln(s.out)
	for i, r := range s.rows {
		fmt.Fprintf(s.out, "%2d  %-22s %6.1f s  %s\n", i+1, r.step, r.took.Seconds(), r.seen)
	}
	fmt.Fprintf(s.out, "%d steps as expected, %.0f s\n", len(s.rows), took.Seconds())
}
