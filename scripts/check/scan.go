package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// finding is what a scanner holds against a resource.
type finding struct{ file, resource, rule string }

// suppression is a finding that a template accepts, with the reason.
type suppression struct {
	finding
	reason   string
	optional bool // may be accepted without being found
}

// scan wants checkov and cfripper to find nothing in any template but what the template's own metadata accepts, and
// wants everything accepted there to be found: a suppression that suppresses nothing is a fault too. Both scan copies
// without the metadata; checkov, which understands it, scans the templates as they are as well.
func (r *repo) scan(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.install(ctx, out, scanners); err != nil {
		return tally{}, err
	}
	sets, err := r.templateSets(r.setsInScope(exampleSets, variantSets, randomSets)...)
	if err != nil {
		return tally{}, err
	}
	c, err := copyForScan(r.path(renderedDir+"/scan"), sets)
	if err != nil {
		return tally{}, err
	}
	before, err := r.passedWith(scanners)
	if err != nil {
		return tally{}, err
	}
	accepted := slices.Concat(c.accepted...)
	if before.has(c.texts...) {
		report(out, len(c.names), accepted, asBefore(len(c.names)))
		return tally{}, nil
	}
	byCheckov, byCfripper, err := r.scanBoth(ctx, c)
	if err != nil {
		return tally{}, err
	}
	report(out, len(c.names), accepted, "")
	if err := judge(out, c, accepted, byCheckov, byCfripper); err != nil {
		return tally{}, err
	}
	return tally{}, before.add(c.texts...)
}

// copies are the templates under test in two folders: bare without metadata, and declared as they are. Equal templates of
// several sets are there once, and declared those alone that accept something that no other does.
type copies struct {
	dir      string
	names    []string         // of the files
	origin   []string         // the template of each, for messages
	texts    []string         // of the templates
	accepted [][]suppression  // in the metadata of each
	declared map[finding]bool // what is accepted in a declared copy, of any file
}

const (
	bareDir     = "bare"
	declaredDir = "declared"
)

func copyForScan(dir string, sets []templateSet) (copies, error) {
	c := copies{dir: dir, declared: map[finding]bool{}}
	for _, sub := range []string{bareDir, declaredDir} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return c, fmt.Errorf("remove the last run's copies: %w", err)
		}
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return c, fmt.Errorf("make a folder for the copies: %w", err)
		}
	}
	seen := map[string]bool{}
	for _, set := range sets {
		for _, file := range set.files {
			if seen[string(file.text)] {
				continue
			}
			seen[string(file.text)] = true
			if err := c.add(file); err != nil {
				return c, fmt.Errorf("copy %s: %w", file.path, err)
			}
		}
	}
	return c, nil
}

// add copies one template.
func (c *copies) add(file templateFile) error {
	name := fmt.Sprintf("%04d.yaml", len(c.names))
	accepted, bare, err := takeMetadata(file.text)
	if err != nil {
		return err
	}
	tells := false
	for i, s := range accepted {
		tells = tells || !c.declared[s.finding]
		c.declared[s.finding] = true
		accepted[i].file = name
	}
	c.names, c.origin, c.texts, c.accepted = append(c.names, name), append(c.origin, file.path), append(c.texts, string(file.text)), append(c.accepted, accepted)
	if err := os.WriteFile(filepath.Join(c.dir, bareDir, name), bare, 0o644); err != nil || !tells {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, declaredDir, name), file.text, 0o644)
}

// metadata is where a resource accepts findings. The form is checkov's own; cfripper has none inside a template.
type metadata struct {
	Metadata struct {
		Checkov, Cfripper struct {
			Skip []struct {
				ID, Comment string
				Optional    bool // whether the scanner finds it depends on values that the generator does not judge
			}
		}
	} `yaml:"Metadata"`
}

// takeMetadata returns what the resources accept, and the template without their metadata.
func takeMetadata(text []byte) ([]suppression, []byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, nil, err
	}
	if root.Kind != yaml.DocumentNode {
		return nil, nil, errors.New("the template is empty")
	}
	var accepted []suppression
	resources := member(root.Content[0], "Resources")
	for i := 0; i+1 < len(resources.Content); i += 2 {
		id, resource := resources.Content[i].Value, resources.Content[i+1]
		var m metadata
		if err := resource.Decode(&m); err != nil {
			return nil, nil, fmt.Errorf("metadata of %s: %w", id, err)
		}
		for _, s := range slices.Concat(m.Metadata.Checkov.Skip, m.Metadata.Cfripper.Skip) {
			accepted = append(accepted, suppression{finding{resource: id, rule: s.ID}, s.Comment, s.Optional})
		}
		for j := 0; j+1 < len(resource.Content); j += 2 {
			if resource.Content[j].Value == "Metadata" {
				resource.Content = slices.Delete(resource.Content, j, j+2)
			}
		}
	}
	bare, err := yaml.Marshal(&root)
	return accepted, bare, err
}

// member is the value of a mapping's key, an empty node where there is none.
func member(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// scanBoth runs the scanners side by side. checkov's findings are in both folders' copies, cfripper's in the bare ones.
func (r *repo) scanBoth(ctx context.Context, c copies) (byCheckov map[string][]finding, byCfripper []finding, err error) {
	var checkovErr, cfripperErr error
	var wait sync.WaitGroup
	wait.Go(func() { byCheckov, checkovErr = r.checkov(ctx, c) })
	wait.Go(func() { byCfripper, cfripperErr = r.cfripper(ctx, c) })
	wait.Wait()
	return byCheckov, byCfripper, errors.Join(checkovErr, cfripperErr)
}

// checkov scans both folders, by folder. It needs no network: its policies are in its package. Its script is run by Python,
// because it does not run by itself where the folder's path has a space.
func (r *repo) checkov(ctx context.Context, c copies) (map[string][]finding, error) {
	var stdout, stderr bytes.Buffer
	cmd := r.command(ctx, &stderr, r.path(scanners.bin("python")), r.path(scanners.bin("checkov")), "--directory", c.dir,
		"--framework", "cloudformation", "--skip-download", "--compact", "--soft-fail", "--output", "json")
	cmd.Env = append(cmd.Environ(), "CKV_SKIP_PACKAGE_UPDATE_CHECK=true")
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run checkov: %w\n%s", err, stderr.String())
	}
	return readCheckov(stdout.Bytes())
}

// readCheckov reads checkov's JSON: the failed checks by folder.
func readCheckov(text []byte) (map[string][]finding, error) {
	var said struct {
		Results struct {
			FailedChecks []struct {
				CheckID  string `json:"check_id"`
				FilePath string `json:"file_path"`
				Resource string // as type.id
			} `json:"failed_checks"`
			ParsingErrors []string `json:"parsing_errors"`
		}
		Summary struct{ Passed int }
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("read what checkov says: %w", err)
	}
	if len(said.Results.ParsingErrors) > 0 {
		return nil, fmt.Errorf("checkov cannot read %v", said.Results.ParsingErrors)
	}
	if said.Summary.Passed == 0 {
		return nil, errors.New("checkov has checked nothing")
	}
	found := map[string][]finding{}
	for _, f := range said.Results.FailedChecks {
		_, id, _ := strings.Cut(f.Resource, ".")
		folder, name := filepath.Split(f.FilePath)
		folder = filepath.Base(folder)
		found[folder] = append(found[folder], finding{name, id, f.CheckID})
	}
	return found, nil
}

// cfripper scans the bare folder. It exits 2 where it has findings.
func (r *repo) cfripper(ctx context.Context, c copies) ([]finding, error) {
	args := []string{"--logging", "ERROR", "--format", "json"}
	for _, name := range c.names {
		args = append(args, filepath.Join(c.dir, bareDir, name))
	}
	var stdout, stderr bytes.Buffer
	cmd := r.command(ctx, &stderr, r.path(scanners.bin("cfripper")), args...)
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 2 {
		return nil, fmt.Errorf("run cfripper: %w\n%s", err, stderr.String())
	}
	return readCfripper(stdout.Bytes(), c.names)
}

// readCfripper reads cfripper's JSON, a line for each file in the order in which they were given.
func readCfripper(text []byte, names []string) ([]finding, error) {
	var found []finding
	in := json.NewDecoder(bytes.NewReader(text))
	for _, name := range names {
		var said struct {
			Exceptions []any
			Failures   []struct {
				Rule        string
				ResourceIDs []string `json:"resource_ids"`
			}
		}
		if err := in.Decode(&said); err != nil {
			return nil, fmt.Errorf("read what cfripper says of %s: %w", name, err)
		}
		if len(said.Exceptions) > 0 {
			return nil, fmt.Errorf("cfripper fails on %s: %v", name, said.Exceptions)
		}
		for _, f := range said.Failures {
			for _, id := range f.ResourceIDs {
				found = append(found, finding{name, id, f.Rule})
			}
		}
	}
	return found, nil
}

// judge names what nothing accepts, what is accepted and not found, and what checkov itself does not skip.
func judge(out io.Writer, c copies, accepted []suppression, byCheckov map[string][]finding, byCfripper []finding) error {
	found, expected := map[finding]bool{}, map[finding]bool{}
	for _, f := range slices.Concat(byCheckov[bareDir], byCfripper) {
		found[f] = true
	}
	faults := faults{c: c, where: map[string][]string{}}
	for _, s := range accepted {
		expected[s.finding] = true
		if s.reason == "" {
			faults.add(s.finding, "accepted without a reason")
		}
		if !found[s.finding] && !s.optional {
			faults.add(s.finding, "accepted in the metadata and not found: take it out there")
		}
	}
	for f := range found {
		if !expected[f] {
			faults.add(f, "found: mend it, or accept it in the metadata with the reason")
		}
	}
	for _, f := range byCheckov[declaredDir] {
		if expected[f] {
			faults.add(f, "accepted in a form that checkov does not heed")
		}
	}
	return faults.report(out)
}

// faults are what is wrong, with the templates in which it is: many templates have the same.
type faults struct {
	c     copies
	where map[string][]string
}

func (f faults) add(at finding, what string) {
	key := fmt.Sprintf("%s on %s: %s", at.rule, at.resource, what)
	f.where[key] = append(f.where[key], f.c.origin[slices.Index(f.c.names, at.file)])
}

func (f faults) report(out io.Writer) error {
	for _, key := range slices.Sorted(maps.Keys(f.where)) {
		fmt.Fprintf(out, "%s (in %d templates, such as %s)\n", key, len(f.where[key]), slices.Min(f.where[key]))
	}
	if len(f.where) > 0 {
		return fmt.Errorf("%d faults", len(f.where))
	}
	return nil
}

// report counts and lists what is accepted, each rule, resource and reason once.
func report(out io.Writer, templates int, accepted []suppression, note string) {
	times := map[suppression]int{}
	rules := map[string]bool{}
	for _, s := range accepted {
		s.file = ""
		times[s]++
		rules[s.rule] = true
	}
	fmt.Fprintf(out, "%d templates%s; %d suppressions of %d rules:\n", templates, note, len(accepted), len(rules))
	list := slices.SortedFunc(maps.Keys(times), func(a, b suppression) int {
		return cmp.Or(strings.Compare(a.rule, b.rule), strings.Compare(a.resource, b.resource), strings.Compare(a.reason, b.reason))
	})
	for _, s := range list {
		fmt.Fprintf(out, "%s on %s, in %d: %s\n", s.rule, s.resource, times[s], s.reason)
	}
}
