package launch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"slipway/internal/ec2query"
	"slipway/internal/residue"
)

// What stacks leave behind: nobody deletes it with them, or a writer has made it again.

const (
	certificateType = "AWS::CertificateManager::Certificate"
	logGroupType    = "AWS::Logs::LogGroup"
	projectType     = "AWS::CodeBuild::Project"
	reportGroupType = "AWS::CodeBuild::ReportGroup"
)

// recordLeftovers notes what the stacks' resources will leave behind, as long as those can tell.
func (r *removal) recordLeftovers(ctx context.Context) error {
	for _, resource := range r.there {
		switch resource.Type {
		case projectType:
			// Of a project that is gone its tag cannot be seen, by which rights are given: that is refused, and not "not found".
			if err := r.recordReports(ctx, resource); err != nil && ctx.Err() == nil {
				r.Progress.Line("report groups that builds of %s may have made are not looked for: %v", resource.PhysicalID, Explain(err))
			}
		case certificateType:
			if err := r.recordProofs(ctx, resource); err != nil {
				return fmt.Errorf("find the records that prove the domain of %s: %w", resource.PhysicalID, Explain(err))
			}
		}
	}
	return nil
}

// sweep deletes what is left when the roots are gone.
func (r *removal) sweep(ctx context.Context) error {
	if err := r.sweepTaskDefinitions(ctx); err != nil {
		return err
	}
	for _, group := range r.record.ids(logGroupType) { // made again by a late line
		if r.foundationsOwn(group) {
			continue
		}
		_, err := r.aws.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(group)})
		if err != nil && !is(err, notFound) {
			// Who may not delete it may not be told either that it is gone; the proof is.
			r.Progress.Line("log group %s could not be deleted once more, in case that it was made again: %v", group, err)
		}
	}
	for groups := range slices.Chunk(r.record.ids(reportGroupType), 100) { // as many as one call takes
		found, err := r.aws.builds.BatchGetReportGroups(ctx, &codebuild.BatchGetReportGroupsInput{ReportGroupArns: groups})
		if err != nil {
			return fmt.Errorf("find the report groups that builds made: %w", Explain(err))
		}
		for _, group := range found.ReportGroups {
			if _, err := r.aws.builds.DeleteReportGroup(ctx, &codebuild.DeleteReportGroupInput{Arn: group.Arn, DeleteReports: true}); err != nil {
				return fmt.Errorf("delete report group %s: %w", aws.ToString(group.Arn), Explain(err))
			}
		}
	}
	for _, proof := range r.record.ofType(residue.ProofRecord) {
		if err := r.sweepProof(ctx, proof); err != nil {
			return err
		}
	}
	return r.record.save()
}

// foundationsOwn says whether a log group is still that of a foundation, whose stack deletes it later.
func (r *removal) foundationsOwn(group string) bool {
	return slices.ContainsFunc(r.going(), func(s stack) bool {
		return s.isFoundation() && slices.ContainsFunc(r.record.of(s), func(resource residue.Resource) bool { return resource.PhysicalID == group })
	})
}

// recordReports notes the report groups that builds of a project made: an ARN of a report ends in its group's name, a colon
// and an id (docs.aws.amazon.com/codebuild/latest/userguide/test-report-group-naming.html).
func (r *removal) recordReports(ctx context.Context, project residue.Resource) error {
	pages := codebuild.NewListBuildsForProjectPaginator(r.aws.builds, &codebuild.ListBuildsForProjectInput{ProjectName: aws.String(project.PhysicalID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if is(err, notFound) || err == nil && len(page.Ids) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		builds, err := r.aws.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: page.Ids})
		if err != nil {
			return err
		}
		for _, b := range builds.Builds {
			for _, report := range b.ReportArns {
				group := strings.Replace(report[:strings.LastIndex(report, ":")], ":report/", ":report-group/", 1)
				if !slices.Contains(r.record.ids(reportGroupType), group) {
					r.record.add(entry{Resource: residue.Resource{StackName: project.StackName, LogicalID: project.LogicalID, Type: reportGroupType, PhysicalID: group}})
				}
			}
		}
	}
	return nil
}

// recordProofs notes the records that CloudFormation made to prove a certificate's domains, in the hosted zone of its record.
func (r *removal) recordProofs(ctx context.Context, certificate residue.Resource) error {
	var answer struct {
		Certificate struct {
			DomainValidationOptions []struct {
				ResourceRecord struct{ Name string }
			}
		}
	}
	acm := ec2query.NewJSON(r.aws.config, "ACM", "acm", "CertificateManager")
	err := acm.Call(ctx, "DescribeCertificate", map[string]string{"CertificateArn": certificate.PhysicalID}, &answer)
	if is(err, notFound) {
		return nil
	}
	if err != nil {
		return err
	}
	zone := r.zoneOf(certificate.StackName)
	for _, option := range answer.Certificate.DomainValidationOptions {
		if name := option.ResourceRecord.Name; name != "" && zone != "" {
			r.record.add(entry{Resource: residue.Resource{
				StackName: certificate.StackName, LogicalID: certificate.LogicalID, Type: residue.ProofRecord, PhysicalID: zone + "|" + name,
			}})
		}
	}
	return nil
}

// zoneOf is the hosted zone of a stack's domain record; a certificate of a stack's own always has one.
func (r *removal) zoneOf(stackName string) string {
	for _, record := range r.record.ofType("AWS::Route53::RecordSet") {
		if zone, _, found := strings.Cut(record.PhysicalID, "|"); found && record.StackName == stackName {
			return zone
		}
	}
	return ""
}

// sweepProof deletes a record that proves no certificate any more. The record is the same for every certificate of a domain in
// the account, in whatever Region (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html): where another one needs it,
// or where that cannot be told, it stays, since that one could not be renewed without.
func (r *removal) sweepProof(ctx context.Context, proof residue.Resource) error {
	zone, name, _ := strings.Cut(proof.PhysicalID, "|")
	_, domain, _ := strings.Cut(strings.TrimSuffix(name, "."), ".")
	why, err := r.provenBesides(ctx, domain)
	if err != nil {
		why = fmt.Sprintf("whether another certificate needs it cannot be told (%v)", err)
	}
	if why != "" {
		r.record.add(entry{Resource: proof, Keep: why})
		return nil
	}
	dns := route53.NewFromConfig(r.aws.config)
	found, err := dns.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), StartRecordName: aws.String(name), StartRecordType: dnstypes.RRTypeCname, MaxItems: aws.Int32(1),
	})
	if err != nil {
		return fmt.Errorf("find the record %s: %w", name, Explain(err))
	}
	for _, set := range found.ResourceRecordSets {
		if set.Type != dnstypes.RRTypeCname || strings.TrimSuffix(aws.ToString(set.Name), ".") != strings.TrimSuffix(name, ".") {
			continue
		}
		_, err := dns.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: aws.String(zone),
			ChangeBatch:  &dnstypes.ChangeBatch{Changes: []dnstypes.Change{{Action: dnstypes.ChangeActionDelete, ResourceRecordSet: &set}}},
		})
		if err != nil {
			return fmt.Errorf("delete the record %s: %w", name, Explain(err))
		}
	}
	return nil
}

// provenBesides says which certificate of the account there still is for a domain, in any Region.
func (r *removal) provenBesides(ctx context.Context, domain string) (string, error) {
	var regions struct {
		Names []string `xml:"regionInfo>item>regionName"`
	}
	if err := r.aws.ec2.Call(ctx, "DescribeRegions", url.Values{}, &regions); err != nil {
		return "", err
	}
	if len(regions.Names) == 0 {
		return "", errors.New("EC2 lists no Region")
	}
	for _, region := range regions.Names {
		arn, err := r.certificateFor(ctx, region, domain)
		if err != nil {
			return "", fmt.Errorf("list the certificates in %s: %w", region, err)
		}
		if arn != "" {
			return "certificate " + arn + " is proven by it, too", nil
		}
	}
	return "", nil
}

// keyTypes are all that a certificate may have: unless they are named only the first two are listed
// (docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html).
var keyTypes = []string{"RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"}

// certificateFor finds a certificate that covers a domain, or all names below it, in one Region. Where names are left out of
// the list it counts as one that does.
func (r *removal) certificateFor(ctx context.Context, region, domain string) (string, error) {
	cfg := r.aws.config.Copy()
	cfg.Region = region
	acm, token := ec2query.NewJSON(cfg, "ACM", "acm", "CertificateManager"), ""
	for {
		var answer struct {
			CertificateSummaryList []struct {
				CertificateArn, DomainName           string
				SubjectAlternativeNameSummaries      []string
				HasAdditionalSubjectAlternativeNames bool
			}
			NextToken string
		}
		in := map[string]any{"Includes": map[string]any{"keyTypes": keyTypes}}
		if token != "" {
			in["NextToken"] = token
		}
		if err := acm.Call(ctx, "ListCertificates", in, &answer); err != nil {
			return "", err
		}
		for _, c := range answer.CertificateSummaryList {
			names := append([]string{c.DomainName}, c.SubjectAlternativeNameSummaries...)
			if c.HasAdditionalSubjectAlternativeNames || slices.Contains(names, domain) || slices.Contains(names, "*."+domain) {
				return c.CertificateArn, nil
			}
		}
		if token = answer.NextToken; token == "" {
			return "", nil
		}
	}
}
