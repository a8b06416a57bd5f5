package launch

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	buildtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	pipelinetypes "github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"slipway/internal/contract"
)

// stopWriters stops what could still write while its destination is being deleted, or deploy again what was: the trigger,
// the pipeline's executions, builds. What cannot be stopped is said; deleting goes on, and tries again where a writer came
// late. The pipeline of an environment that stays ends what it is at, and begins nothing after it.
func (r *removal) stopWriters(ctx context.Context) {
	tell := func(what string, err error) {
		if err != nil && !is(err, notFound) {
			r.Progress.Line("could not stop %s: %v", what, err)
		}
	}
	for _, rule := range r.record.ids("AWS::Events::Rule") {
		bus, name := "default", rule
		if i := strings.IndexByte(rule, '|'); i >= 0 { // CloudFormation's id of a rule on another bus
			bus, name = rule[:i], rule[i+1:]
		}
		_, err := r.aws.events.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: aws.String(name), EventBusName: aws.String(bus)})
		tell("the event rule "+name, err)
	}
	for _, pipeline := range r.record.ids(pipelineType) {
		tell("the pipeline "+pipeline, r.stopExecutions(ctx, pipeline, true))
	}
	for _, s := range r.staying() {
		for _, key := range contract.PipelineKeys(s.outputs) {
			tell("the pipeline "+s.outputs[key], r.stopExecutions(ctx, s.outputs[key], false))
		}
	}
	for _, project := range r.record.ids("AWS::CodeBuild::Project") {
		tell("the builds of "+project, r.stopBuilds(ctx, project))
	}
	for _, s := range r.going() {
		tell("the tasks that "+s.name+" runs once", r.stopOneTasks(ctx, s))
	}
}

// stopExecutions stops a pipeline's runs: at once, or when the actions that are at work have ended
// (docs.aws.amazon.com/codepipeline/latest/userguide/concepts.html, "Stopped executions").
func (l *Launcher) stopExecutions(ctx context.Context, pipeline string, abandon bool) error {
	pages := codepipeline.NewListPipelineExecutionsPaginator(l.aws.pipeline, &codepipeline.ListPipelineExecutionsInput{PipelineName: aws.String(pipeline)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, e := range page.PipelineExecutionSummaries {
			if e.Status != pipelinetypes.PipelineExecutionStatusInProgress {
				continue
			}
			_, err := l.aws.pipeline.StopPipelineExecution(ctx, &codepipeline.StopPipelineExecutionInput{
				PipelineName: aws.String(pipeline), PipelineExecutionId: e.PipelineExecutionId, Abandon: abandon, Reason: aws.String("slipway destroy"),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// stopBuilds looks at the newest page only: builds are listed newest first, and older ones have long ended.
func (l *Launcher) stopBuilds(ctx context.Context, project string) error {
	list, err := l.aws.builds.ListBuildsForProject(ctx, &codebuild.ListBuildsForProjectInput{ProjectName: aws.String(project)})
	if err != nil || len(list.Ids) == 0 {
		return err
	}
	builds, err := l.aws.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: list.Ids[:min(len(list.Ids), 100)]})
	if err != nil {
		return err
	}
	for _, b := range builds.Builds {
		if b.BuildStatus != buildtypes.StatusTypeInProgress {
			continue
		}
		if _, err := l.aws.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: b.Id}); err != nil {
			return err
		}
	}
	return nil
}

// sweepTaskDefinitions deregisters and deletes every revision of the families that the stacks had: replaced revisions
// are retained by their stack, so that a rollback finds them.
func (r *removal) sweepTaskDefinitions(ctx context.Context) error {
	for _, family := range families(r.record) {
		for _, status := range []ecstypes.TaskDefinitionStatus{ecstypes.TaskDefinitionStatusActive, ecstypes.TaskDefinitionStatusInactive} {
			revisions, err := r.revisions(ctx, family, status)
			if err != nil {
				return fmt.Errorf("list the task definitions of family %s: %w", family, Explain(err))
			}
			if err := r.deleteRevisions(ctx, revisions, status); err != nil {
				return fmt.Errorf("delete the task definitions of family %s: %w", family, Explain(err))
			}
		}
	}
	return nil
}

// families are the names before the revision in the recorded task definitions' ARNs.
func families(r *record) []string {
	var list []string
	for _, arn := range r.ids(definitionType) {
		family, _, _ := strings.Cut(lastPart(arn), ":")
		list = append(list, family)
	}
	return list
}

func (l *Launcher) revisions(ctx context.Context, family string, status ecstypes.TaskDefinitionStatus) ([]string, error) {
	var arns []string
	// FamilyPrefix names a whole family in spite of its name (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html).
	pages := ecs.NewListTaskDefinitionsPaginator(l.aws.ecs, &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String(family), Status: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, arn := range page.TaskDefinitionArns {
			if strings.HasPrefix(lastPart(arn), family+":") {
				arns = append(arns, arn)
			}
		}
	}
	return arns, nil
}

// deleteRevisions deregisters active revisions; they are then listed as inactive ones, which alone can be deleted, at
// most ten a call.
func (l *Launcher) deleteRevisions(ctx context.Context, arns []string, status ecstypes.TaskDefinitionStatus) error {
	if status == ecstypes.TaskDefinitionStatusActive {
		for _, arn := range arns {
			if _, err := l.aws.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(arn)}); err != nil {
				return err
			}
		}
		return nil
	}
	for len(arns) > 0 {
		n := min(len(arns), 10)
		if _, err := l.aws.ecs.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: arns[:n]}); err != nil {
			return err
		}
		arns = arns[n:]
	}
	return nil
}

// emptyBuckets deletes all versions, delete markers and unfinished uploads of the buckets in the stack's tree.
func (r *removal) emptyBuckets(ctx context.Context, s stack) error {
	for _, resource := range r.record.of(s) {
		if resource.Type != bucketType || s.tags[contract.TagName] == "" {
			continue
		}
		r.Progress.Line("emptying bucket %s", resource.PhysicalID)
		if err := r.emptyBucket(ctx, resource.PhysicalID); err != nil && !is(err, notFound) {
			return fmt.Errorf("empty bucket %s: %w", resource.PhysicalID, Explain(err))
		}
	}
	return nil
}

func (l *Launcher) emptyBucket(ctx context.Context, bucket string) error {
	uploads := s3.NewListMultipartUploadsPaginator(l.aws.s3, &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket)})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			_, err := l.aws.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: u.Key, UploadId: u.UploadId})
			if err != nil && !is(err, notFound) {
				return err
			}
		}
	}
	return l.deleteVersions(ctx, bucket)
}

// deleteVersions asks for the first page again and again until it is empty, rather than for the next: what is deleted meanwhile
// is no place to go on from, and what somebody writes meanwhile is found.
func (l *Launcher) deleteVersions(ctx context.Context, bucket string) error {
	for before := ""; ; {
		page, err := l.aws.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
		if err != nil {
			return err
		}
		var objects []s3types.ObjectIdentifier
		for _, v := range page.Versions {
			objects = append(objects, s3types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			objects = append(objects, s3types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(objects) == 0 {
			return nil
		}
		first := aws.ToString(objects[0].Key) + " in version " + aws.ToString(objects[0].VersionId)
		if first == before {
			return fmt.Errorf("%s is listed still, though S3 said that it is deleted: run the command again", first)
		}
		before = first
		if err := l.deleteObjects(ctx, bucket, objects); err != nil {
			return err
		}
	}
}

// deleteObjects deletes a page of versions, at most 1,000, and says which one refused.
func (l *Launcher) deleteObjects(ctx context.Context, bucket string, objects []s3types.ObjectIdentifier) error {
	out, err := l.aws.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &s3types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
	if err != nil {
		return err
	}
	for _, e := range out.Errors {
		return fmt.Errorf("delete %s: %s: %s", aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message))
	}
	return nil
}
