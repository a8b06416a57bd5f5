package stacks

import (
	"encoding/json"

	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// The smallest that Fargate has: the task makes a few requests.
const (
	visitorCPU    = "256"
	visitorMemory = "512"
)

// addVisitorGroup is that of the task that asks where not everybody may: nobody reaches it, and it reaches what it asks, the load
// balancer or the tasks behind it, and the registry and the logs over HTTPS.
func (s *service) addVisitorGroup() {
	if !s.env.Entry.Visited() {
		return
	}
	https := "To the load balancer, the registry and the logs"
	asked := ec2.SecurityGroup_Egress{Description: new("To the load balancer"), FromPort: new(80), ToPort: new(80)}
	if s.env.Entry.Behind() {
		https = "To the registry and the logs"
		port := s.cfg.Service.Port
		asked = ec2.SecurityGroup_Egress{Description: new("To the tasks"), FromPort: new(port), ToPort: new(port)}
	}
	asked.CidrIp, asked.IpProtocol = new(s.env.Network.CIDR.String()), "tcp"
	s.visitorGroup = s.t.Add("VisitorSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Acceptance task: to the load balancer, the registry and the logs",
		VpcId:            new(s.vpc),
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{
			asked,
			{Description: new(https), CidrIp: new(anywhere), IpProtocol: "tcp", FromPort: new(443), ToPort: new(443)},
		},
	})
}

// addVisitor is the task that asks, where not everybody may, what slipway.yaml lists, once a release is up. It has no rights in AWS.
func (s *service) addVisitor() {
	if !s.env.Entry.Visited() {
		return
	}
	role := s.executionRole("VisitorExecutionRole", "What ECS needs to start the acceptance task: pull the image, write the log.")
	visitor := *s
	visitor.streamPrefix = contract.VisitorStreamPrefix
	c := visitor.container(contract.ContainerName, s.visitorImage, 0, true)
	c.Essential = new(true)
	c.User = new(config.DefaultUser)
	c.Environment = pairs([]config.Variable{{Name: contract.VarChecks, Value: checks(s.cfg.Service.Acceptance)}})
	s.visitor = s.t.Add("VisitorTaskDefinition", &ecs.TaskDefinition{
		Family:                  new(cfn.Sub("${AWS::StackName}" + contract.VisitorFamily)),
		RequiresCompatibilities: []string{"FARGATE"},
		NetworkMode:             new("awsvpc"),
		Cpu:                     new(visitorCPU),
		Memory:                  new(visitorMemory),
		RuntimePlatform: &ecs.TaskDefinition_RuntimePlatform{
			CpuArchitecture: new(taskArchitecture[s.cfg.Service.Architecture]), OperatingSystemFamily: new("LINUX"),
		},
		ExecutionRoleArn:     new(role.Att("Arn")),
		ContainerDefinitions: []ecs.TaskDefinition_ContainerDefinition{c},

		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	})
}

// checks are what slipway.yaml lists, for the task; empty for what the service in web/ promises.
func checks(list []config.Check) string {
	if len(list) == 0 {
		list = []config.Check{}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(text)
}
