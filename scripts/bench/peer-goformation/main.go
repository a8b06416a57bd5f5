// Command peer-goformation writes templates of the same architecture as ours, about as many resources and as much text, in
// goformation's own way: its cloudformation package, intrinsics as base64, and Template.YAML. It is a module of its own,
// so that nothing of the product links that package.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation"
	"github.com/awslabs/goformation/v7/cloudformation/codebuild"
	"github.com/awslabs/goformation/v7/cloudformation/codepipeline"
	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecr"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/elasticloadbalancingv2"
	"github.com/awslabs/goformation/v7/cloudformation/events"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/logs"
	"github.com/awslabs/goformation/v7/cloudformation/s3"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	stack "github.com/awslabs/goformation/v7/cloudformation/cloudformation"
)

func main() {
	templates := map[string]*cloudformation.Template{
		"foundation.yaml": foundation(), "root.yaml": root(), "network.yaml": network(), "ecs.yaml": service(), "pipeline.yaml": pipeline(),
	}
	for name, t := range templates {
		text, err := t.YAML()
		if err == nil {
			err = os.WriteFile(name, text, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func ref(id string) *string       { return new(cloudformation.Ref(id)) }
func att(id, name string) *string { return new(cloudformation.GetAtt(id, name)) }
func sub(text string) string      { return cloudformation.Sub(text) }

func parameters(t *cloudformation.Template, names ...string) {
	for _, name := range names {
		t.Parameters[name] = cloudformation.Parameter{Type: "String", Description: new("The value of " + name + ".")}
	}
}

func outputs(t *cloudformation.Template, ids ...string) {
	for _, id := range ids {
		t.Outputs[id+"Name"] = cloudformation.Output{Description: new("The " + id + "."), Value: cloudformation.Ref(id)}
	}
}

func trust(service string) map[string]any {
	return map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": service}, "Action": "sts:AssumeRole",
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": sub("${AWS::AccountId}")}},
		}},
	}
}

// rights has as many statements as ours have on average.
func rights(statements int) map[string]any {
	var all []any
	for i := range statements {
		all = append(all, map[string]any{
			"Sid": "Statement" + strconv.Itoa(i), "Effect": "Allow",
			"Action":   []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetObjectVersion"},
			"Resource": []string{sub("arn:${AWS::Partition}:s3:::example-${AWS::Region}"), sub("arn:${AWS::Partition}:s3:::example-${AWS::Region}/*")},
		})
	}
	return map[string]any{"Version": "2012-10-17", "Statement": all}
}

func role(service string) *iam.Role {
	return &iam.Role{
		AssumeRolePolicyDocument: trust(service),
		Path:                     new("/example/"),
		Policies:                 []iam.Role_Policy{{PolicyName: "own", PolicyDocument: rights(3)}},
	}
}

func project(image string) *codebuild.Project {
	return &codebuild.Project{
		ServiceRole: *att("Role0", "Arn"),
		Artifacts:   &codebuild.Project_Artifacts{Type: "CODEPIPELINE"},
		Source:      &codebuild.Project_Source{Type: "CODEPIPELINE", BuildSpec: new("buildspec.yml")},
		Environment: &codebuild.Project_Environment{
			ComputeType: "BUILD_GENERAL1_SMALL", Image: image, Type: "LINUX_CONTAINER",
			EnvironmentVariables: []codebuild.Project_EnvironmentVariable{{Name: "STAGE", Value: "unit"}, {Name: "REPOSITORY", Value: *ref("Repository")}},
		},
		LogsConfig:       &codebuild.Project_LogsConfig{CloudWatchLogs: &codebuild.Project_CloudWatchLogsConfig{Status: "ENABLED", GroupName: ref("LogGroup0")}},
		TimeoutInMinutes: new(30),
	}
}

func foundation() *cloudformation.Template {
	t := cloudformation.NewTemplate()
	t.Resources["Bucket"] = &s3.Bucket{
		VersioningConfiguration:        &s3.Bucket_VersioningConfiguration{Status: "Enabled"},
		PublicAccessBlockConfiguration: &s3.Bucket_PublicAccessBlockConfiguration{BlockPublicAcls: new(true), BlockPublicPolicy: new(true), IgnorePublicAcls: new(true), RestrictPublicBuckets: new(true)},
	}
	t.Resources["BucketPolicy"] = &s3.BucketPolicy{Bucket: *ref("Bucket"), PolicyDocument: rights(2)}
	t.Resources["Repository"] = &ecr.Repository{ImageTagMutability: new("IMMUTABLE"), EmptyOnDelete: new(true)}
	t.Resources["LogGroup0"] = &logs.LogGroup{RetentionInDays: new(30)}
	t.Resources["Project"] = project("aws/codebuild/standard:7.0")
	for i := range 4 {
		t.Resources["ManagedPolicy"+strconv.Itoa(i)] = &iam.ManagedPolicy{PolicyDocument: rights(8)}
	}
	for i := range 3 {
		t.Resources["Role"+strconv.Itoa(i)] = role("cloudformation.amazonaws.com")
	}
	outputs(t, "Bucket", "Repository", "Project", "Role0", "Role1", "Role2")
	return t
}

func root() *cloudformation.Template {
	t := cloudformation.NewTemplate()
	parameters(t, "ImageURI", "NetworkTemplateURL", "ECSTemplateURL", "PipelineTemplateURL", "ZoneA", "ZoneB", "BucketName")
	for _, id := range []string{"Network", "ECS", "Pipeline"} {
		t.Resources[id] = &stack.Stack{
			TemplateURL: *ref(id + "TemplateURL"),
			Parameters:  map[string]string{"ZoneA": *ref("ZoneA"), "ZoneB": *ref("ZoneB"), "ImageURI": *ref("ImageURI")},
			Tags:        []tags.Tag{{Key: "stack", Value: id}},
		}
	}
	outputs(t, "Network", "ECS", "Pipeline")
	return t
}

func network() *cloudformation.Template {
	t := cloudformation.NewTemplate()
	parameters(t, "ZoneA", "ZoneB")
	t.Resources["VPC"] = &ec2.VPC{CidrBlock: new("10.0.0.0/16"), EnableDnsHostnames: new(true), EnableDnsSupport: new(true)}
	t.Resources["Gateway"] = &ec2.InternetGateway{}
	t.Resources["Attachment"] = &ec2.VPCGatewayAttachment{VpcId: *ref("VPC"), InternetGatewayId: ref("Gateway")}
	t.Resources["Table"] = &ec2.RouteTable{VpcId: *ref("VPC")}
	t.Resources["Route"] = &ec2.Route{RouteTableId: *ref("Table"), DestinationCidrBlock: new("0.0.0.0/0"), GatewayId: ref("Gateway"), AWSCloudFormationDependsOn: []string{"Attachment"}}
	for i, zone := range []string{"A", "B"} {
		t.Resources["Subnet"+zone] = &ec2.Subnet{VpcId: *ref("VPC"), CidrBlock: new(fmt.Sprintf("10.0.%d.0/24", i)), AvailabilityZone: ref("Zone" + zone), MapPublicIpOnLaunch: new(true)}
		t.Resources["Association"+zone] = &ec2.SubnetRouteTableAssociation{SubnetId: *ref("Subnet" + zone), RouteTableId: *ref("Table")}
	}
	t.Resources["Endpoint"] = &ec2.VPCEndpoint{VpcId: *ref("VPC"), ServiceName: sub("com.amazonaws.${AWS::Region}.s3"), RouteTableIds: []string{*ref("Table")}}
	outputs(t, "VPC", "SubnetA", "SubnetB")
	return t
}

func service() *cloudformation.Template {
	t := cloudformation.NewTemplate()
	parameters(t, "VPCID", "SubnetA", "SubnetB", "ImageURI")
	t.Resources["BalancerGroup"] = &ec2.SecurityGroup{GroupDescription: "Load balancer", VpcId: ref("VPCID"), SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{IpProtocol: "tcp", FromPort: new(80), ToPort: new(80), CidrIp: new("0.0.0.0/0"), Description: new("HTTP")}}}
	t.Resources["TaskGroup"] = &ec2.SecurityGroup{GroupDescription: "Tasks", VpcId: ref("VPCID"), SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{IpProtocol: "tcp", FromPort: new(8080), ToPort: new(8080), SourceSecurityGroupId: att("BalancerGroup", "GroupId"), Description: new("From the load balancer")}}}
	t.Resources["Balancer"] = &elasticloadbalancingv2.LoadBalancer{Scheme: new("internet-facing"), Type: new("application"), Subnets: []string{*ref("SubnetA"), *ref("SubnetB")}, SecurityGroups: []string{*att("BalancerGroup", "GroupId")}}
	t.Resources["Target"] = &elasticloadbalancingv2.TargetGroup{Port: new(80), Protocol: new("HTTP"), TargetType: new("ip"), VpcId: ref("VPCID"), HealthCheckPath: new("/healthz"), HealthCheckIntervalSeconds: new(10), HealthyThresholdCount: new(2)}
	t.Resources["Listener"] = &elasticloadbalancingv2.Listener{LoadBalancerArn: *ref("Balancer"), Port: new(80), Protocol: new("HTTP"), DefaultActions: []elasticloadbalancingv2.Listener_Action{{Type: "fixed-response", FixedResponseConfig: &elasticloadbalancingv2.Listener_FixedResponseConfig{StatusCode: "404"}}}}
	t.Resources["Rule"] = &elasticloadbalancingv2.ListenerRule{ListenerArn: ref("Listener"), Priority: 100, Actions: []elasticloadbalancingv2.ListenerRule_Action{{Type: "forward", TargetGroupArn: ref("Target")}}, Conditions: []elasticloadbalancingv2.ListenerRule_RuleCondition{{Field: new("path-pattern"), Values: []string{"/*"}}}}
	t.Resources["Cluster"] = &ecs.Cluster{CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, ClusterSettings: []ecs.Cluster_ClusterSettings{{Name: new("containerInsights"), Value: new("enabled")}}}
	t.Resources["LogGroup"] = &logs.LogGroup{RetentionInDays: new(30)}
	t.Resources["Task"] = &ecs.TaskDefinition{
		Family: new("example"), Cpu: new("256"), Memory: new("512"), NetworkMode: new("awsvpc"), RequiresCompatibilities: []string{"FARGATE"}, ExecutionRoleArn: att("Role0", "Arn"), TaskRoleArn: att("Role1", "Arn"),
		ContainerDefinitions: []ecs.TaskDefinition_ContainerDefinition{{
			Name: "app", Image: *ref("ImageURI"), Essential: new(true), ReadonlyRootFilesystem: new(true),
			PortMappings:     []ecs.TaskDefinition_PortMapping{{ContainerPort: new(8080)}},
			Environment:      []ecs.TaskDefinition_KeyValuePair{{Name: new("PORT"), Value: new("8080")}},
			LogConfiguration: &ecs.TaskDefinition_LogConfiguration{LogDriver: "awslogs", Options: map[string]string{"awslogs-group": *ref("LogGroup"), "awslogs-region": sub("${AWS::Region}"), "awslogs-stream-prefix": "app"}},
		}},
	}
	t.Resources["Service"] = &ecs.Service{
		Cluster: ref("Cluster"), TaskDefinition: ref("Task"), DesiredCount: new(2), AWSCloudFormationDependsOn: []string{"Rule"},
		CapacityProviderStrategy: []ecs.Service_CapacityProviderStrategyItem{{CapacityProvider: new("FARGATE"), Weight: new(1)}},
		DeploymentConfiguration:  &ecs.Service_DeploymentConfiguration{DeploymentCircuitBreaker: &ecs.Service_DeploymentCircuitBreaker{Enable: true, Rollback: true}},
		LoadBalancers:            []ecs.Service_LoadBalancer{{ContainerName: new("app"), ContainerPort: new(8080), TargetGroupArn: ref("Target")}},
		NetworkConfiguration:     &ecs.Service_NetworkConfiguration{AwsvpcConfiguration: &ecs.Service_AwsVpcConfiguration{AssignPublicIp: new("ENABLED"), Subnets: []string{*ref("SubnetA"), *ref("SubnetB")}, SecurityGroups: []string{*att("TaskGroup", "GroupId")}}},
	}
	t.Resources["Role0"], t.Resources["Role1"] = role("ecs-tasks.amazonaws.com"), role("ecs-tasks.amazonaws.com")
	t.Resources["Policy"] = &iam.Policy{PolicyName: "own", PolicyDocument: rights(2), Roles: []string{*ref("Role0")}}
	outputs(t, "Balancer", "Target", "Cluster", "Service", "Task", "LogGroup")
	return t
}

func pipeline() *cloudformation.Template {
	t := cloudformation.NewTemplate()
	parameters(t, "BucketName", "RepositoryName", "ImageProjectName")
	for i := range 4 {
		t.Resources["Role"+strconv.Itoa(i)] = role("codebuild.amazonaws.com")
	}
	for i := range 2 {
		t.Resources["Project"+strconv.Itoa(i)] = project("aws/codebuild/standard:7.0")
		t.Resources["LogGroup"+strconv.Itoa(i)] = &logs.LogGroup{RetentionInDays: new(30)}
	}
	t.Resources["Policy"] = &iam.Policy{PolicyName: "own", PolicyDocument: rights(6), Roles: []string{*ref("Role1")}}
	var stages []codepipeline.Pipeline_StageDeclaration
	for _, name := range []string{"Source", "Checks", "Image", "Deploy"} {
		stages = append(stages, codepipeline.Pipeline_StageDeclaration{Name: name, Actions: []codepipeline.Pipeline_ActionDeclaration{{
			Name: name, ActionTypeId: &codepipeline.Pipeline_ActionTypeId{Category: "Build", Owner: "AWS", Provider: "CodeBuild", Version: "1"},
			Configuration: map[string]any{"ProjectName": *ref("Project0"), "EnvironmentVariables": `[{"name":"STAGE","value":"unit"}]`},
		}}})
	}
	t.Resources["Pipeline"] = &codepipeline.Pipeline{RoleArn: *att("Role0", "Arn"), PipelineType: new("V2"), Stages: stages, ArtifactStore: &codepipeline.Pipeline_ArtifactStore{Type: "S3", Location: *ref("BucketName")}}
	t.Resources["Rule"] = &events.Rule{
		EventPattern: map[string]any{"source": []string{"aws.s3"}, "detail": map[string]any{"bucket": map[string]any{"name": []string{*ref("BucketName")}}}},
		Targets:      []events.Rule_Target{{Id: "pipeline", Arn: sub("arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"), RoleArn: att("Role3", "Arn")}},
	}
	outputs(t, "Pipeline", "Rule")
	return t
}
