package stacks

import (
	"fmt"
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation/applicationautoscaling"
	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/elasticloadbalancingv2"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/logs"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

const (
	imageDescription      = "The image as registry/repository@sha256:..., never a tag."
	repositoryDescription = "The image repository."
	boundaryDescription   = "The permissions boundary of every role of an environment."

	deliveryBoundaryDescription = "The permissions boundary of every role of builds and pipeline."

	// targetGroupPort is create-only and overruled by each task's registration, so it never follows the container's.
	targetGroupPort = 80

	logRetentionDays = 30

	// A task is stopped in this order: deregistered, deregistrationDelay waited for, SIGTERM, stopTimeout, SIGKILL
	// (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html). Both in seconds.
	deregistrationDelay = 15
	stopTimeout         = 30

	// healthCheckGrace is how long, in seconds, a starting task may fail its health checks. The default, 0, kills
	// every task that is not up within two checks.
	healthCheckGrace = 60

	// scalingCPUTarget is the average CPU use, in percent, that scaling keeps.
	scalingCPUTarget = 60

	// containerUser is a number, since a scratch image has no user database; the Dockerfile's own user.
	containerUser = "65532:65532"
)

// ECS is the load balancer, the cluster and the service with its task definition.
func ECS(cfg config.Config, env config.Environment) *cfn.Template {
	t := cfn.New(fmt.Sprintf("Service of the environment %s: load balancer, ECS cluster, Fargate service.", env.Name))
	s := service{t: t, cfg: cfg, env: env, public: map[int]string{}, private: map[int]string{}}
	s.declareParameters()
	s.addSecurityGroups()
	s.addLoadBalancer()
	s.addTaskDefinition(s.addLogGroup())
	s.addService()
	if env.Tasks.Max > env.Tasks.Min {
		s.addScaling()
	}
	s.addOutputs()
	return t
}

type service struct {
	t   *cfn.Template
	cfg config.Config
	env config.Environment

	vpc, image, repositoryARN, boundary string
	public, private                     map[int]string // subnets by zone

	balancerGroup, taskGroup            cfn.Handle
	balancer, targetGroup, rule         cfn.Handle
	logGroup, cluster, task, ecsService cfn.Handle
}

func (s *service) declareParameters() {
	g := given{s.t}
	s.vpc = g.string(contract.KeyVPCID, "The VPC.")
	for i := range s.env.Network.Zones {
		s.public[i] = g.string(contract.KeyPublicSubnet(i), "Public subnet of zone "+contract.ZoneLetter(i)+".")
		if s.privateTasks() {
			s.private[i] = g.string(contract.KeyPrivateSubnet(i), "Private subnet of zone "+contract.ZoneLetter(i)+".")
		}
	}
	s.image = g.string(contract.KeyImageURI, imageDescription)
	s.repositoryARN = g.string(contract.KeyRepositoryARN, repositoryDescription)
	s.boundary = g.string(contract.KeyPermissionsBoundaryARN, boundaryDescription)
}

func (s *service) privateTasks() bool { return s.env.Network.NAT != config.NATNone }

// subnets lists the subnets of each zone, in order.
func (s *service) subnets(byZone map[int]string) []string {
	var list []string
	for i := range s.env.Network.Zones {
		list = append(list, byZone[i])
	}
	return list
}

// addSecurityGroups lets the world reach the load balancer and the load balancer alone reach the tasks. The balancer's
// way out is given as the VPC's range and not as the tasks' group: the two groups would otherwise need each other.
func (s *service) addSecurityGroups() {
	port := s.cfg.Service.Port
	s.balancerGroup = s.t.Add("LoadBalancerSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Load balancer: HTTP from anywhere, to the tasks inside the VPC",
		VpcId:            new(s.vpc),
		SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{
			Description: new("HTTP from anywhere: the service is public"),
			CidrIp:      new(anywhere), IpProtocol: "tcp", FromPort: new(80), ToPort: new(80),
		}},
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To the tasks"),
			CidrIp:      new(s.env.Network.CIDR.String()), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		}},
	})
	s.taskGroup = s.t.Add("TaskSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Tasks: reachable from the load balancer only",
		VpcId:            new(s.vpc),
		SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{
			Description:           new("From the load balancer"),
			SourceSecurityGroupId: new(s.balancerGroup.Att("GroupId")), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		}},
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To anywhere: the registry, the logs and whatever the application calls"),
			CidrIp:      new(anywhere), IpProtocol: "-1",
		}},
	})
}

func (s *service) addLoadBalancer() {
	s.balancer = s.t.Add("LoadBalancer", &elasticloadbalancingv2.LoadBalancer{
		Type:           new("application"),
		Scheme:         new("internet-facing"),
		SecurityGroups: []string{s.balancerGroup.Att("GroupId")},
		Subnets:        s.subnets(s.public),
		LoadBalancerAttributes: []elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute{
			{Key: new("deletion_protection.enabled"), Value: new("false")},
			{Key: new("idle_timeout.timeout_seconds"), Value: new("60")},
			{Key: new("routing.http.drop_invalid_header_fields.enabled"), Value: new("true")},
		},
	})
	s.targetGroup = s.t.Add("TargetGroup", &elasticloadbalancingv2.TargetGroup{
		VpcId:                      new(s.vpc),
		TargetType:                 new("ip"),
		Protocol:                   new("HTTP"),
		Port:                       new(targetGroupPort),
		HealthCheckPath:            new(s.cfg.Service.HealthPath),
		HealthCheckIntervalSeconds: new(10),
		HealthCheckTimeoutSeconds:  new(5),
		HealthyThresholdCount:      new(2),
		UnhealthyThresholdCount:    new(3),
		Matcher:                    &elasticloadbalancingv2.TargetGroup_Matcher{HttpCode: new("200")},
		TargetGroupAttributes: []elasticloadbalancingv2.TargetGroup_TargetGroupAttribute{
			{Key: new("deregistration_delay.timeout_seconds"), Value: new(strconv.Itoa(deregistrationDelay))},
		},
	})
	listener := s.t.Add("HTTPListener", &elasticloadbalancingv2.Listener{
		LoadBalancerArn: s.balancer.Ref(),
		Port:            new(80),
		Protocol:        new("HTTP"),
		DefaultActions: []elasticloadbalancingv2.Listener_Action{{
			Type: "fixed-response",
			FixedResponseConfig: &elasticloadbalancingv2.Listener_FixedResponseConfig{
				StatusCode: "404", ContentType: new("text/plain"), MessageBody: new("not found"),
			},
		}},
	})
	// A rule of its own, since CloudFormation gives no ARN for a default one and later strategies need it.
	s.rule = s.t.Add("HTTPListenerRule", &elasticloadbalancingv2.ListenerRule{
		ListenerArn: new(listener.Ref()),
		Priority:    100,
		Conditions: []elasticloadbalancingv2.ListenerRule_RuleCondition{{
			Field:             new("path-pattern"),
			PathPatternConfig: &elasticloadbalancingv2.ListenerRule_PathPatternConfig{Values: []string{"/*"}},
		}},
		Actions: []elasticloadbalancingv2.ListenerRule_Action{{Type: "forward", TargetGroupArn: new(s.targetGroup.Ref())}},
	})
}

func (s *service) addLogGroup() cfn.Handle {
	s.logGroup = s.t.Add("LogGroup", logGroup())
	return s.logGroup
}

// logGroup keeps lines for logRetentionDays and goes with its stack: nothing that outlives the stack may be left behind.
func logGroup() *logs.LogGroup {
	return &logs.LogGroup{
		RetentionInDays:                      new(logRetentionDays),
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	}
}

func (s *service) addTaskDefinition(logGroup cfn.Handle) {
	executionRole := s.addExecutionRole(logGroup)
	taskRole := s.t.Add("TaskRole", &iam.Role{
		Description:              new("What the application itself may do in AWS: nothing, until it needs something."),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
	})
	s.task = s.t.Add("TaskDefinition", &ecs.TaskDefinition{
		// The nested stack's name is unique in the Region, so the family names this service's revisions and no others.
		Family:                  new(cfn.StackName),
		RequiresCompatibilities: []string{"FARGATE"},
		NetworkMode:             new("awsvpc"),
		Cpu:                     new(strconv.Itoa(s.cfg.Service.CPU)),
		Memory:                  new(strconv.Itoa(s.cfg.Service.Memory)),
		RuntimePlatform: &ecs.TaskDefinition_RuntimePlatform{
			CpuArchitecture: new(taskArchitecture[s.cfg.Service.Architecture]), OperatingSystemFamily: new("LINUX"),
		},
		ExecutionRoleArn:     new(executionRole.Att("Arn")),
		TaskRoleArn:          new(taskRole.Att("Arn")),
		ContainerDefinitions: []ecs.TaskDefinition_ContainerDefinition{s.container(logGroup)},
		// Tasks of a rollback still run the revision before; it must stay registered until the launcher's sweep.
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceRetain,
	})
}

var taskArchitecture = map[config.Architecture]string{config.X86: "X86_64", config.ARM64: "ARM64"}

func (s *service) container(logGroup cfn.Handle) ecs.TaskDefinition_ContainerDefinition {
	return ecs.TaskDefinition_ContainerDefinition{
		Name:      contract.ContainerName,
		Image:     s.image,
		Essential: new(true),
		PortMappings: []ecs.TaskDefinition_PortMapping{{
			ContainerPort: new(s.cfg.Service.Port), Protocol: new("tcp"),
		}},
		Environment:            s.variables(),
		User:                   new(containerUser),
		ReadonlyRootFilesystem: new(true),
		LinuxParameters: &ecs.TaskDefinition_LinuxParameters{
			InitProcessEnabled: new(true),
			Capabilities:       &ecs.TaskDefinition_KernelCapabilities{Drop: []string{"ALL"}},
		},
		StopTimeout: new(stopTimeout),
		LogConfiguration: &ecs.TaskDefinition_LogConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{
				"awslogs-group":         logGroup.Ref(),
				"awslogs-region":        cfn.Region,
				"awslogs-stream-prefix": contract.LogStreamPrefix,
			},
		},
	}
}

func (s *service) variables() []ecs.TaskDefinition_KeyValuePair {
	pairs := []ecs.TaskDefinition_KeyValuePair{{Name: new("PORT"), Value: new(strconv.Itoa(s.cfg.Service.Port))}}
	for _, v := range s.cfg.Service.Environment {
		pairs = append(pairs, ecs.TaskDefinition_KeyValuePair{Name: new(v.Name), Value: new(cfn.Text(v.Value))})
	}
	return pairs
}

// addExecutionRole is what ECS itself uses to start a task: this one repository, this one log group.
func (s *service) addExecutionRole(logGroup cfn.Handle) cfn.Handle {
	return s.t.Add("TaskExecutionRole", &iam.Role{
		Description:              new("What ECS needs to start a task: pull the image, write the log."),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
		Policies: []iam.Role_Policy{{
			PolicyName: "start-tasks",
			PolicyDocument: cfn.Document(
				registryLogin(),
				cfn.Statement{Sid: "PullImage", Effect: cfn.Allow, Action: pullActions, Resource: []string{s.repositoryARN}},
				cfn.Statement{Sid: "WriteLog", Effect: cfn.Allow, Action: writeLogActions, Resource: []string{logGroup.Att("Arn")}},
			),
		}},
	})
}

func (s *service) addService() {
	s.cluster = s.t.Add("Cluster", &ecs.Cluster{
		// On the cluster itself: a separate association would have to outlive the service when everything is deleted.
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
		ClusterSettings:   []ecs.Cluster_ClusterSettings{{Name: new("containerInsights"), Value: new("disabled")}},
	})
	assignPublicIP, taskSubnets := "ENABLED", s.public
	if s.privateTasks() {
		assignPublicIP, taskSubnets = "DISABLED", s.private
	}
	s.ecsService = s.t.Add("Service", &cfn.Extended{
		Base: &ecs.Service{
			Cluster:        new(s.cluster.Ref()),
			TaskDefinition: new(s.task.Ref()),
			DesiredCount:   s.desiredCount(),
			// By strategy from the start: a later switch from LaunchType would replace the service.
			CapacityProviderStrategy: []ecs.Service_CapacityProviderStrategyItem{{CapacityProvider: new("FARGATE"), Weight: new(1)}},
			DeploymentConfiguration: &ecs.Service_DeploymentConfiguration{
				MinimumHealthyPercent:    new(100),
				MaximumPercent:           new(200),
				DeploymentCircuitBreaker: &ecs.Service_DeploymentCircuitBreaker{Enable: true, Rollback: true},
			},
			HealthCheckGracePeriodSeconds: new(healthCheckGrace),
			EnableECSManagedTags:          new(true),
			PropagateTags:                 new("SERVICE"),
			LoadBalancers: []ecs.Service_LoadBalancer{{
				ContainerName: new(contract.ContainerName), ContainerPort: new(s.cfg.Service.Port), TargetGroupArn: new(s.targetGroup.Ref()),
			}},
			NetworkConfiguration: &ecs.Service_NetworkConfiguration{AwsvpcConfiguration: &ecs.Service_AwsVpcConfiguration{
				AssignPublicIp: new(assignPublicIP), SecurityGroups: []string{s.taskGroup.Att("GroupId")}, Subnets: s.subnets(taskSubnets),
			}},
			// ECS refuses a target group that no load balancer uses yet, and nothing above refers to the rule:
			// github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1868
			AWSCloudFormationDependsOn: []string{s.rule.ID()},
		},
		Properties: map[string]any{
			"AvailabilityZoneRebalancing": "ENABLED",
			// By default a small service fails only after three tasks and a large one after half of its tasks; three
			// failures are enough to know (docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
			"DeploymentConfiguration": map[string]any{"DeploymentCircuitBreaker": map[string]any{
				"ThresholdConfiguration": map[string]any{"Type": "COUNT", "Value": 3},
			}},
		},
	})
}

// desiredCount is left out where the scaler owns it: written in the template it would reset the scaler at each update.
func (s *service) desiredCount() *int {
	if s.env.Tasks.Max > s.env.Tasks.Min {
		return nil
	}
	return new(s.env.Tasks.Min)
}

func (s *service) addScaling() {
	target := s.t.Add("ScalableTarget", &applicationautoscaling.ScalableTarget{
		ServiceNamespace:  "ecs",
		ScalableDimension: "ecs:service:DesiredCount",
		ResourceId:        cfn.Sub("service/${" + s.cluster.ID() + "}/${" + s.ecsService.ID() + ".Name}"),
		MinCapacity:       s.env.Tasks.Min,
		MaxCapacity:       s.env.Tasks.Max,
	})
	s.t.Add("CPUScalingPolicy", &applicationautoscaling.ScalingPolicy{
		PolicyName:      "cpu",
		PolicyType:      "TargetTrackingScaling",
		ScalingTargetId: new(target.Ref()),
		TargetTrackingScalingPolicyConfiguration: &applicationautoscaling.ScalingPolicy_TargetTrackingScalingPolicyConfiguration{
			PredefinedMetricSpecification: &applicationautoscaling.ScalingPolicy_PredefinedMetricSpecification{
				PredefinedMetricType: "ECSServiceAverageCPUUtilization",
			},
			TargetValue:      scalingCPUTarget,
			ScaleInCooldown:  new(300),
			ScaleOutCooldown: new(60),
		},
	})
}

func (s *service) addOutputs() {
	values := map[string]string{
		contract.KeyServiceURL:        cfn.Sub("http://${" + s.balancer.ID() + ".DNSName}"),
		contract.KeyLoadBalancerARN:   s.balancer.Ref(),
		contract.KeyTargetGroupARN:    s.targetGroup.Ref(),
		contract.KeyClusterName:       s.cluster.Ref(),
		contract.KeyServiceName:       s.ecsService.Att("Name"),
		contract.KeyTaskDefinitionARN: s.task.Ref(),
		contract.KeyLogGroupName:      s.logGroup.Ref(),
	}
	for _, key := range ecsOutputs {
		s.t.Output(key, outputDescriptions[key], values[key])
	}
}
