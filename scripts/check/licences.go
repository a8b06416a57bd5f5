package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// leastCoverage is how much of a licence file must be known text, in percent: less may hide a condition.
const leastCoverage = 75

// licenceFile is how the files are named in which modules state their licence. That of the documents is none of the code.
var (
	licenceFile  = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([-._].*)?$`)
	notOfTheCode = regexp.MustCompile(`(?i)\.(docs|go)$`)
)

// licences wants every module that is built in to be under licences of the allow list only.
func (r *repo) licences(ctx context.Context, out io.Writer) (tally, error) {
	security, err := r.securityConfig()
	if err != nil {
		return tally{}, err
	}
	packages, err := r.goPackages(ctx)
	if err != nil {
		return tally{}, err
	}
	listed, err := r.output(ctx, "go", append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}\t{{.Dir}}{{end}}{{end}}"}, packages...)...)
	if err != nil {
		return tally{}, err
	}
	modules := strings.Split(strings.TrimSpace(listed), "\n")
	slices.Sort(modules)
	bad := 0
	for _, module := range slices.Compact(modules) {
		name, dir, found := strings.Cut(module, "\t")
		if !found {
			continue
		}
		under, err := licencesIn(dir)
		if err != nil {
			return tally{}, err
		}
		if problem := forbidden(under, security.Licences); problem != "" {
			bad++
			fmt.Fprintf(out, "%s: %s\n", name, problem)
		}
	}
	if bad > 0 {
		return tally{}, fmt.Errorf("%d modules under licences that are not allowed (%s): do without them, or allow the licence in security.licences of slipway.yaml",
			bad, strings.Join(security.Licences, ", "))
	}
	return tally{}, nil
}

// licencesIn names the licences that the files in a module's root state, as SPDX does; a file that is not known well
// enough counts as a licence named after it.
func licencesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) || notOfTheCode.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		known := licensecheck.Scan(text)
		if known.Percent < leastCoverage {
			names = append(names, "unknown text in "+entry.Name())
		}
		for _, match := range known.Match {
			if !match.IsURL {
				names = append(names, match.ID)
			}
		}
	}
	return names, nil
}

// forbidden says what is wrong with a module's licences, or nothing.
func forbidden(under, allowed []string) string {
	if len(under) == 0 {
		return "no licence file"
	}
	var others []string
	for _, name := range under {
		if !slices.Contains(allowed, name) {
			others = append(others, name)
		}
	}
	return strings.Join(others, ", ")
}
