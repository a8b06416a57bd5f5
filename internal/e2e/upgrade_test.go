//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/progress"
	"slipway/internal/source"
)

// firstTemplates are those that slipway made of the committed slipway.yaml before there were options for production:
// what users of that time have in their accounts.
const firstTemplates = "testdata/upgrade/first"

// lasting are the types whose resources must outlive an update: they hold something, or others know them by name.
var lasting = []string{
	"AWS::EC2::Subnet", "AWS::EC2::VPC", "AWS::ECR::Repository", "AWS::ECS::Cluster", "AWS::ECS::Service", "AWS::ElasticLoadBalancingV2::LoadBalancer",
	"AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::Logs::LogGroup", "AWS::S3::Bucket",
}

// testUpgrade brings up foundation and environment as the first templates have them and updates them with today's,
// while requests come in.
func (s *system) testUpgrade(t *testing.T) {
	engine, err := local.Start(t.Context(), s.root, t.Output(), local.WithPipelines(local.PipelinesManual))
	if err != nil {
		t.Fatal(err)
	}
	url := s.launchFirst(t, engine)
	before := lastingResources(t, engine, s.name(t))
	if len(before) < len(lasting) {
		t.Fatalf("the first templates made only %v", before)
	}
	s.write(t, editionFile, edition("upgraded"))
	traffic := startLoad(t, url)
	s.deploy(t, s.allowing(t)...)
	wantVersion(t, url, "upgraded-")
	traffic.end(t)
	if s.url != url {
		t.Errorf("the service's URL was %s and is now %s", url, s.url)
	}
	after := lastingResources(t, engine, s.name(t))
	for path, id := range before {
		if after[path] != id {
			t.Errorf("%s was %s and is now %q: whoever updates loses it", path, id, after[path])
		}
	}
	destroy := s.run(t, s.env, "destroy.sh", "--local", "--yes")
	destroy.wantCode(t, 0)
}

// launchFirst launches the first templates with today's launcher, and returns the service's URL: the command itself refuses
// templates that are not what slipway.yaml says.
func (s *system) launchFirst(t *testing.T, engine *local.Engine) string {
	t.Helper()
	cfg, err := config.Load(filepath.Join(s.root, config.File))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := source.List(t.Context(), s.root)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	l := launch.New(launch.Options{
		Config: cfg, AWS: engine.AWSConfig(), Templates: os.DirFS(firstTemplates), Source: tree, Records: filepath.Join(s.root, ".slipway"),
		Progress: progress.New(t.Output(), progress.Screen{}), Output: io.MultiWriter(&said, t.Output()), Poll: 150 * time.Millisecond,
	})
	if err := l.Deploy(t.Context(), launch.DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(outcome{stdout: said.String()}.outputs(t)["ServiceURL"], "/")
}

func (s *system) name(t *testing.T) string {
	t.Helper()
	cfg, err := config.Load(filepath.Join(s.root, config.File))
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Name
}

// lastingResources are the physical ids of what must last, by stack and logical ids.
func lastingResources(t *testing.T, engine *local.Engine, name string) map[string]string {
	t.Helper()
	found := map[string]string{}
	client := cloudformation.NewFromConfig(engine.AWSConfig())
	var visit func(path, stack string)
	visit = func(path, stack string) {
		for pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &stack}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.StackResourceSummaries {
				place := path + "." + aws.ToString(r.LogicalResourceId)
				switch kind := aws.ToString(r.ResourceType); {
				case kind == "AWS::CloudFormation::Stack":
					visit(place, aws.ToString(r.PhysicalResourceId))
				case slices.Contains(lasting, kind):
					found[place] = aws.ToString(r.PhysicalResourceId)
				}
			}
		}
	}
	for _, stack := range []string{contract.FoundationStackName(name), contract.EnvironmentStackName(name, "prod")} {
		visit(strings.TrimPrefix(stack, name+"-"), stack)
	}
	return found
}
