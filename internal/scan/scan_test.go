package scan

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
)

// answers are what the registry says, one after the other; the last again and again.
type answers []any

func (a *answers) DescribeImageScanFindings(_ context.Context, in *ecr.DescribeImageScanFindingsInput, _ ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error) {
	answer := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	if err, failed := answer.(error); failed {
		return nil, err
	}
	return answer.(*ecr.DescribeImageScanFindingsOutput), nil
}

func status(s types.ScanStatus, description string) *ecr.DescribeImageScanFindingsOutput {
	return &ecr.DescribeImageScanFindingsOutput{ImageScanStatus: &types.ImageScanStatus{Status: s, Description: aws.String(description)}}
}

func found(next string, list ...types.ImageScanFinding) *ecr.DescribeImageScanFindingsOutput {
	out := status(types.ScanStatusComplete, "")
	out.ImageScanFindings = &types.ImageScanFindings{Findings: list}
	if next != "" {
		out.NextToken = aws.String(next)
	}
	return out
}

var openssl = types.ImageScanFinding{Name: aws.String("CVE-2026-1"), Severity: types.FindingSeverityHigh, Attributes: []types.Attribute{
	{Key: aws.String("package_name"), Value: aws.String("openssl")}, {Key: aws.String("package_version"), Value: aws.String("3.0")}}}

var quick = Waits{Tick: time.Millisecond, Begin: 20 * time.Millisecond, Finish: 40 * time.Millisecond}

func TestWait(t *testing.T) {
	notFound := &types.ScanNotFoundException{}
	enhanced := status(types.ScanStatusActive, "")
	enhanced.ImageScanFindings = &types.ImageScanFindings{EnhancedFindings: []types.EnhancedImageScanFinding{{
		Severity: aws.String("CRITICAL"), PackageVulnerabilityDetails: &types.PackageVulnerabilityDetails{
			VulnerabilityId: aws.String("CVE-2026-2"), VulnerablePackages: []types.VulnerablePackage{{Name: aws.String("zlib"), Version: aws.String("1.2")}}},
	}}}
	tests := map[string]struct {
		answers answers
		want    Result
		said    string
		err     string
	}{
		"begins, and takes its time": {answers{notFound, status(types.ScanStatusPending, ""), status(types.ScanStatusInProgress, ""), found("")},
			Result{Status: "COMPLETE"}, "the registry's scan: 0 findings", ""},
		"on two pages": {answers{found("more", openssl), found("", types.ImageScanFinding{Name: aws.String("CVE-2026-3"), Severity: types.FindingSeverityLow})},
			Result{Status: "COMPLETE", Findings: []Finding{{"CVE-2026-1", "high", "openssl 3.0"}, {"CVE-2026-3", "low", ""}}}, "2 findings", ""},
		"by Inspector": {answers{enhanced}, Result{Status: "ACTIVE", Findings: []Finding{{"CVE-2026-2", "critical", "zlib 1.2"}}}, "1 findings", ""},
		"from scratch": {answers{status(types.ScanStatusFailed, "UnsupportedImageError: The operating system '' version '' is not supported.")},
			Result{Status: "FAILED", Description: "UnsupportedImageError: The operating system '' version '' is not supported."}, "has not scanned the image: UnsupportedImageError", ""},
		"no scan":     {answers{notFound}, Result{Status: "NOT_FOUND"}, "has not scanned the image: NOT_FOUND", ""},
		"never ends":  {answers{status(types.ScanStatusInProgress, "")}, Result{}, "", "has not ended its scan of shop@sha256:1 within"},
		"not allowed": {answers{errors.New("AccessDenied")}, Result{}, "", "ask for the scan of shop@sha256:1: AccessDenied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Wait(t.Context(), &test.answers, "shop", "sha256:1", quick)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if !strings.Contains(got.String(), test.said) {
				t.Errorf("said %q, want %q", got, test.said)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	result := Result{Status: "COMPLETE", Findings: []Finding{{"CVE-1", "critical", "a 1"}, {"CVE-2", "high", "b 1"}, {"CVE-3", "medium", ""}, {"CVE-4", "undefined", ""}}}
	tests := map[string]struct {
		from     config.Severity
		accepted map[string]string
		want     string // the IDs that refuse the image
	}{
		"critical":            {config.Critical, nil, "CVE-1"},
		"high":                {config.High, nil, "CVE-1, CVE-2"},
		"low":                 {config.Low, nil, "CVE-1, CVE-2, CVE-3"},
		"none":                {config.NoSeverity, nil, ""},
		"high, one accepted":  {config.High, map[string]string{"CVE-1": "no way in"}, "CVE-2"},
		"high, both accepted": {config.High, map[string]string{"CVE-1": "no way in", "CVE-2": "not used"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			err := Judge(&said, result, test.from, test.accepted)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), ": "+test.want+":") {
				t.Errorf("error %v, want one that names %q", err, test.want)
			}
			if !strings.Contains(said.String(), "high CVE-2 b 1") {
				t.Errorf("the findings are not shown:\n%s", said.String())
			}
		})
	}
}
