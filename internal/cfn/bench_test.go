package cfn_test

import (
	"fmt"
	"testing"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
)

// BenchmarkRender500 composes and renders the largest template that CloudFormation takes.
func BenchmarkRender500(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := services(500).Render("Generated."); err != nil {
			b.Fatal(err)
		}
	}
}

func services(n int) *cfn.Template {
	template := cfn.New("Many services")
	cluster := template.Add("Cluster", &ecs.Cluster{})
	for i := range n - 1 {
		template.Add(fmt.Sprintf("Service%d", i), &ecs.Service{
			Cluster:       new(cluster.Ref()),
			DesiredCount:  new(2),
			LoadBalancers: []ecs.Service_LoadBalancer{{ContainerName: new("web"), ContainerPort: new(8080)}},
			NetworkConfiguration: &ecs.Service_NetworkConfiguration{AwsvpcConfiguration: &ecs.Service_AwsVpcConfiguration{
				AssignPublicIp: new("ENABLED"), Subnets: []string{"subnet-1", "subnet-2"},
			}},
			ServiceName: new(cfn.Sub("${AWS::StackName}-" + fmt.Sprint(i))),
			Tags:        []tags.Tag{{Key: "Name", Value: "web"}},
		})
	}
	return template
}
