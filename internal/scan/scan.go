// Package scan asks the image registry what its own scan has found in an image that was just pushed, and judges it.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"slipway/internal/config"
)

// Registry is what is asked of Amazon ECR.
type Registry interface {
	DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error)
}

// Finding is one vulnerability of one package in the image.
type Finding struct {
	ID       string // CVE-2026-1234
	Severity string // as the registry grades it, in lower case
	Package  string // with its version; empty where the registry does not say
}

// Result is the end of a scan.
type Result struct {
	Status      string // as the registry says it: COMPLETE, UNSUPPORTED_IMAGE, ...; NOT_FOUND where there was no scan
	Description string
	Findings    []Finding
}

// Scanned says whether the registry has looked at the image at all.
func (r Result) Scanned() bool {
	return r.Status == string(types.ScanStatusComplete) || r.Status == string(types.ScanStatusActive)
}

func (r Result) String() string {
	switch {
	case !r.Scanned() && r.Description != "":
		return fmt.Sprintf("the registry has not scanned the image: %s (%s)", r.Description, r.Status)
	case !r.Scanned():
		return "the registry has not scanned the image: " + r.Status
	default:
		return fmt.Sprintf("the registry's scan: %d findings", len(r.Findings))
	}
}

// statusNotFound is ours, for the registry's ScanNotFoundException.
const statusNotFound = "NOT_FOUND"

// Waits bound how long a result is waited for.
type Waits struct {
	Tick   time.Duration // between two questions
	Begin  time.Duration // until there is a scan: one on push begins by itself, soon after
	Finish time.Duration // until it has ended
}

// Default fits a scan on push, of which AWS's documents give no time; most end within a minute.
var Default = Waits{Tick: 3 * time.Second, Begin: 30 * time.Second, Finish: 10 * time.Minute}

// Wait asks until the scan of the image has ended. That an image cannot be scanned, as one FROM scratch, which has neither
// a distribution nor packages, is a result and no error
// (docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html).
func Wait(ctx context.Context, registry Registry, repository, digest string, waits Waits) (Result, error) {
	begin := time.Now()
	for {
		result, err := ask(ctx, registry, repository, digest)
		if err != nil {
			return Result{}, fmt.Errorf("ask for the scan of %s@%s: %w", repository, digest, err)
		}
		passed := time.Since(begin)
		switch result.Status {
		case statusNotFound:
			if passed >= waits.Begin {
				return result, nil
			}
		case string(types.ScanStatusInProgress), string(types.ScanStatusPending):
			if passed >= waits.Finish {
				return Result{}, fmt.Errorf("the registry has not ended its scan of %s@%s within %s", repository, digest, waits.Finish)
			}
		default:
			return result, nil
		}
		select {
		case <-ctx.Done():
			return Result{}, ctx.Err()
		case <-time.After(waits.Tick):
		}
	}
}

// ask reads the state of the scan, and all findings if it has ended.
func ask(ctx context.Context, registry Registry, repository, digest string) (Result, error) {
	input := &ecr.DescribeImageScanFindingsInput{RepositoryName: aws.String(repository), ImageId: &types.ImageIdentifier{ImageDigest: aws.String(digest)}}
	var result Result
	for {
		out, err := registry.DescribeImageScanFindings(ctx, input)
		if _, missing := errors.AsType[*types.ScanNotFoundException](err); missing {
			return Result{Status: statusNotFound}, nil
		}
		if err != nil {
			return Result{}, err
		}
		if out.ImageScanStatus != nil {
			result.Status, result.Description = string(out.ImageScanStatus.Status), aws.ToString(out.ImageScanStatus.Description)
		}
		if out.ImageScanFindings != nil {
			result.Findings = append(result.Findings, findings(*out.ImageScanFindings)...)
		}
		if aws.ToString(out.NextToken) == "" {
			return result, nil
		}
		input.NextToken = out.NextToken
	}
}

// findings are those of basic scanning, or of enhanced scanning by Inspector.
func findings(all types.ImageScanFindings) []Finding {
	var list []Finding
	for _, f := range all.Findings {
		attributes := map[string]string{}
		for _, a := range f.Attributes {
			attributes[aws.ToString(a.Key)] = aws.ToString(a.Value)
		}
		list = append(list, Finding{aws.ToString(f.Name), strings.ToLower(string(f.Severity)), strings.TrimSpace(attributes["package_name"] + " " + attributes["package_version"])})
	}
	for _, f := range all.EnhancedFindings {
		if f.PackageVulnerabilityDetails == nil {
			continue
		}
		var packages []string
		for _, p := range f.PackageVulnerabilityDetails.VulnerablePackages {
			packages = append(packages, aws.ToString(p.Name)+" "+aws.ToString(p.Version))
		}
		list = append(list, Finding{aws.ToString(f.PackageVulnerabilityDetails.VulnerabilityId), strings.ToLower(aws.ToString(f.Severity)), strings.Join(packages, ", ")})
	}
	return list
}

// ranks are the severities from the least on. Of others, such as undefined and informational, none refuses an image.
var ranks = []string{string(config.Low), string(config.Medium), string(config.High), string(config.Critical)}

// Judge writes what the scan has found to out, and fails for a finding of at least the severity that is not accepted;
// accepted has the reasons by ID.
func Judge(out io.Writer, result Result, from config.Severity, accepted map[string]string) error {
	fmt.Fprintln(out, result)
	least := slices.Index(ranks, string(from))
	var bad []string
	for _, f := range result.Findings {
		line := fmt.Sprintf("%s %s %s", f.Severity, f.ID, f.Package)
		if reason, ok := accepted[f.ID]; ok {
			line += " (accepted: " + reason + ")"
		} else if rank := slices.Index(ranks, f.Severity); least >= 0 && rank >= least {
			bad = append(bad, f.ID)
		}
		fmt.Fprintln(out, strings.TrimSpace(line))
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return fmt.Errorf("the registry's scan has findings of severity %s or above: %s: build on newer packages, or accept them with their reasons in security.accept of slipway.yaml",
			from, strings.Join(slices.Compact(bad), ", "))
	}
	return nil
}
