package launch

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"slipway/internal/awsdouble"
)

// build runs a build of a project's that makes a report, to its end.
func (b *bench) build(t *testing.T, project string) {
	t.Helper()
	b.double.OnBuild(func(awsdouble.Build) awsdouble.BuildResult { return awsdouble.BuildResult{Reports: []string{"own"}} })
	defer b.double.OnBuild(nil)
	client := codebuild.NewFromConfig(b.double.Config())
	started, err := client.StartBuild(t.Context(), &codebuild.StartBuildInput{
		ProjectName: &project, SourceTypeOverride: types.SourceTypeS3, SourceLocationOverride: new("nowhere"),
		ArtifactsOverride: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		got, err := client.BatchGetBuilds(t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{*started.Build.Id}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Builds[0].BuildComplete {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Report groups that builds made go with the projects; those of the foundation's with the foundation.
func TestReportGroupsGo(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
	b.mayEverything()
	checks, image := b.double.PhysicalID("shop-prod", "Pipeline.ChecksProject"), b.double.PhysicalID("shop-foundation", "ImageProject")
	b.build(t, checks)
	b.build(t, image)
	b.asking(t, twoEnvironments).vanishing = time.Second
	b.mustDestroyOnly(t, "prod")
	if left := b.double.LivingOf("shop-foundation"); !strings.Contains(strings.Join(left, "\n"), image+"-own") {
		t.Errorf("that of the foundation's project is gone; left: %v", left)
	}
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// A log group that a late line has made again is deleted again.
func TestLogGroupMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
	group := b.double.PhysicalID("shop-prod", "ECS.LogGroup")
	b.asking(t, twoEnvironments)
	go func(progress *said) {
		for !strings.Contains(progress.String(), "shop-prod.ECS.LogGroup: DELETE_COMPLETE") && t.Context().Err() == nil {
			time.Sleep(100 * time.Microsecond)
		}
		b.double.Put(logGroupType, group, nil)
	}(b.progress)
	b.vanishing = 100 * time.Millisecond
	b.mustDestroy(t)
	if b.double.Delete(group) {
		t.Error("the log group is left")
	}
}

// The record that proved a domain goes with the last certificate that it proves, and stays where that cannot be told.
func TestProofsOfCertificates(t *testing.T) {
	t.Parallel()
	const slipway = "name: shop\nenvironments: [{name: prod, entry: {domain: www.example.com, hostedZone: Z0123456789ABCDEFGHIJ}}]\n"
	for name, c := range map[string]struct {
		given func(*bench)
		stays string
	}{
		"the last one": {func(*bench) {}, ""},
		"another one, with a key that is not listed unless asked for": {func(b *bench) {
			b.double.Put(certificateType, "arn:aws:acm:us-east-1:123456789012:certificate/other", map[string]any{"DomainName": "*.www.example.com", "KeyAlgorithm": "EC_prime256v1"})
		}, "certificate/other is proven by it, too"},
		"one for another domain": {func(b *bench) {
			b.double.Put(certificateType, "arn:aws:acm:us-east-1:123456789012:certificate/other", map[string]any{"DomainName": "example.com"})
		}, ""},
		"who cannot be asked": {func(b *bench) {
			b.double.Fail("ListCertificates", "AccessDeniedException", "You have no access here", 100)
		}, "cannot be told"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).given().asking(t, slipway).trusting()
			b.mustDeploy(t, DeployOptions{})
			if len(b.double.Proofs()) != 1 {
				t.Fatalf("the certificate has the records %v", b.double.Proofs())
			}
			c.given(b)
			var report DestroyReport
			b.asking(t, slipway).vanishing = time.Second
			if err := b.Destroy(t.Context(), DestroyOptions{Told: func(d DestroyReport) { report = d }}); err != nil {
				t.Fatalf("%v\n%s", err, b.progress)
			}
			proofs := b.double.Proofs()
			if c.stays == "" && len(proofs) > 0 {
				t.Errorf("left: %v", proofs)
			}
			if c.stays != "" {
				if len(proofs) != 1 {
					t.Error("the record is gone")
				}
				wantSaid(t, report.text(t), c.stays)
			}
		})
	}
}
