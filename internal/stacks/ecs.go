package stacks

import (
	"fmt"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

const (
	imageDescription      = "The image as registry/repository@sha256:..., never a tag."
	visitorDescription    = "The acceptance task's image as registry/repository@sha256:..., never a tag."
	repositoryDescription = "The image repository."
	boundaryDescription   = "Boundary of an environment's roles."

	vpcDescription         = "The VPC."
	certificateDescription = "The certificate of the service's domain."
	hostedZoneDescription  = "The Route 53 hosted zone of the service's domain."
	keyDescription         = "The KMS key that logs, the bucket's objects, secrets and messages are encrypted with."
	ownBoundaryDescription = "The permissions boundary of every role, in place of the application's own two."

	deliveryBoundaryDescription = "Boundary of the roles of builds and pipeline."

	// targetGroupPort is create-only and overruled by each task's registration, so it never follows the container's.
	targetGroupPort = 80

	logRetentionDays = 30
)

// ECS is the load balancer, the cluster and the service with its task definition.
func ECS(cfg config.Config, env config.Environment) *cfn.Template {
	t := cfn.New(fmt.Sprintf("Service of the environment %s: load balancer, ECS cluster, Fargate service.", env.Name))
	s := service{t: t, cfg: cfg, env: env, streamPrefix: contract.LogStreamPrefix}
	s.declareParameters()
	s.addTopic()
	s.addVisitorGroup()
	s.addSecurityGroups()
	s.addEntry()
	s.addLogGroup()
	s.addTaskDefinition()
	if env.Watch.Alarms {
		s.addDeploymentAlarm()
	}
	s.addService()
	s.addRecord()
	s.addVisitor()
	if env.Tasks.Scales() {
		s.addScaling()
	}
	s.addWatch()
	s.addOutputs()
	return t
}

type service struct {
	t   *cfn.Template
	cfg config.Config
	env config.Environment

	vpc, image, repositoryARN, boundary string
	certificate, hostedZone, key        string   // where slipway.yaml names them
	public, private                     []string // subnets
	visitorImage                        string   // where a task asks
	topic                               string   // that alarms and failures are published to; empty where nobody is told

	accessLogs                  cfn.Handle // bucket, where there are access logs
	errors                      cfn.Handle // the alarm that ends a deployment
	alarms                      []cfn.Handle
	balancerGroup, taskGroup    cfn.Handle
	visitorGroup, visitor       cfn.Handle // where a task asks
	balancer, targetGroup, rule cfn.Handle
	cluster, task, ecsService   cfn.Handle

	logGroup, logGroupARN string
	streamPrefix          string // of the containers' log streams
}

func (s *service) declareParameters() {
	g := given{s.t}
	s.vpc = g.string(contract.KeyVPCID, vpcDescription)
	for _, subnet := range subnets(s.env) {
		value := g.string(subnet.key, subnet.description)
		if subnet.private {
			s.private = append(s.private, value)
		} else {
			s.public = append(s.public, value)
		}
	}
	s.image = g.string(contract.KeyImageURI, imageDescription)
	if s.env.Entry.Visited() {
		s.visitorImage = g.string(contract.KeyVisitorImageURI, visitorDescription)
	}
	s.repositoryARN = g.string(contract.KeyRepositoryARN, repositoryDescription)
	s.boundary = g.string(contract.KeyPermissionsBoundaryARN, boundaryDescription)
	if s.env.Entry.Certificate != "" {
		s.certificate = g.string(contract.KeyCertificateARN, certificateDescription)
	}
	if s.env.Entry.HostedZone != "" {
		s.hostedZone = g.string(contract.KeyHostedZoneID, hostedZoneDescription)
	}
	if s.cfg.Security.Key != "" {
		s.key = g.string(contract.KeyEncryptionKeyARN, keyDescription)
	}
}

// subnet is one that the service needs: the load balancer's and, where they are others, the tasks'.
type subnet struct {
	key, description string
	private          bool
}

func subnets(env config.Environment) []subnet {
	var list []subnet
	if env.UsesPublicSubnets() {
		for i := range env.Network.PublicCount() {
			list = append(list, subnet{contract.KeyPublicSubnet(i), "Public subnet " + contract.ZoneLetter(i) + ".", false})
		}
	}
	for i := range env.Network.PrivateCount() {
		list = append(list, subnet{contract.KeyPrivateSubnet(i), "Private subnet " + contract.ZoneLetter(i) + ".", true})
	}
	return list
}

func (s *service) addService() {
	s.cluster = s.t.Add("Cluster", &ecs.Cluster{
		// On the cluster itself: a separate association would have to outlive the service when everything is deleted.
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
		ClusterSettings:   []ecs.Cluster_ClusterSettings{{Name: new("containerInsights"), Value: new(s.insights())}},

		AWSCloudFormationMetadata: accept(s.clusterFindings()...),
	})
	insights := s.addInsightsLogGroup()
	assignPublicIP, taskSubnets := "ENABLED", s.public
	if s.env.Network.Private() {
		assignPublicIP, taskSubnets = "DISABLED", s.private
	}
	s.ecsService = s.t.Add(contract.ServiceResource, &cfn.Extended{
		Base: &ecs.Service{
			Cluster:        new(s.cluster.Ref()),
			TaskDefinition: new(s.task.Ref()),
			DesiredCount:   s.desiredCount(),
			// By strategy from the start: a later switch from LaunchType would replace the service.
			CapacityProviderStrategy: capacity(s.env.Tasks.Spot),
			EnableExecuteCommand:     s.exec(),
			DeploymentConfiguration: &ecs.Service_DeploymentConfiguration{
				MinimumHealthyPercent:    new(100),
				MaximumPercent:           new(200),
				DeploymentCircuitBreaker: &ecs.Service_DeploymentCircuitBreaker{Enable: true, Rollback: true},
				Alarms:                   s.deploymentAlarms(),
			},
			HealthCheckGracePeriodSeconds: new(s.cfg.Service.HealthGrace),
			EnableECSManagedTags:          new(true),
			PropagateTags:                 new("SERVICE"),
			LoadBalancers: []ecs.Service_LoadBalancer{{
				ContainerName: new(contract.ContainerName), ContainerPort: new(s.cfg.Service.Port), TargetGroupArn: new(s.targetGroup.Ref()),
			}},
			NetworkConfiguration: &ecs.Service_NetworkConfiguration{AwsvpcConfiguration: &ecs.Service_AwsVpcConfiguration{
				AssignPublicIp: new(assignPublicIP), SecurityGroups: []string{s.taskGroup.Att("GroupId")}, Subnets: taskSubnets,
			}},
			// ECS refuses a target group that no load balancer uses yet, and nothing above refers to the rule:
			// github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1868
			AWSCloudFormationDependsOn: []string{insights.ID(), s.rule.ID()},
		},
		Properties: map[string]any{
			"AvailabilityZoneRebalancing": "ENABLED",
			// ECS refuses another strategy without a new deployment, and without one turns ECS Exec on for no task that runs
			// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html, github.com/aws/aws-cdk/issues/36563).
			"ForceNewDeployment": map[string]any{"EnableForceNewDeployment": true, "ForceNewDeploymentNonce": s.started()},
			// By default a small service fails only after three tasks and a large one after half of its tasks; three
			// failures are enough to know (docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
			"DeploymentConfiguration": map[string]any{"DeploymentCircuitBreaker": map[string]any{
				"ThresholdConfiguration": map[string]any{"Type": "COUNT", "Value": 3},
			}},
		},
	})
}

// capacity divides the tasks between Fargate on demand and Spot, of which there are this many percent. The first task is on
// demand, so that not all go at once when AWS wants its capacity back, unless all are to be on Spot
// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html).
func capacity(spot int) []ecs.Service_CapacityProviderStrategyItem {
	onDemand := ecs.Service_CapacityProviderStrategyItem{CapacityProvider: new("FARGATE"), Weight: new(1)}
	onSpot := ecs.Service_CapacityProviderStrategyItem{CapacityProvider: new("FARGATE_SPOT"), Weight: new(1)}
	switch spot {
	case 0:
		return []ecs.Service_CapacityProviderStrategyItem{onDemand}
	case 100:
		return []ecs.Service_CapacityProviderStrategyItem{onSpot}
	}
	onDemand.Base, onDemand.Weight, onSpot.Weight = new(1), new(100-spot), new(spot)
	return []ecs.Service_CapacityProviderStrategyItem{onDemand, onSpot}
}

// exec is left out where it is off, which is what ECS takes for no.
func (s *service) exec() *bool {
	if s.cfg.Service.Exec {
		return new(true)
	}
	return nil
}

// started says what of the service decides how a task is started: another text starts all anew.
func (s *service) started() string {
	return fmt.Sprintf("spot %d, exec %t", s.env.Tasks.Spot, s.cfg.Service.Exec)
}

// desiredCount is left out where the scaler owns it: written in the template it would reset the scaler at each update.
func (s *service) desiredCount() *int {
	if s.env.Tasks.Scales() {
		return nil
	}
	return new(s.env.Tasks.Min)
}

func (s *service) addOutputs() {
	values := map[string]string{
		contract.KeyServiceURL:        s.url(),
		contract.KeyLoadBalancerName:  s.balancer.Att("DNSName"),
		contract.KeyLoadBalancerARN:   s.balancer.Ref(),
		contract.KeyTargetGroupARN:    s.targetGroup.Ref(),
		contract.KeyClusterName:       s.cluster.Ref(),
		contract.KeyServiceName:       s.ecsService.Att("Name"),
		contract.KeyTaskDefinitionARN: s.task.Ref(),
		contract.KeyLogGroupName:      s.logGroup,
		contract.KeyAccessLogBucket:   s.accessLogs.Ref(),
		contract.KeyTopicARN:          s.topic,

		contract.KeyVisitorTaskDefinitionARN: s.visitor.Ref(),
		contract.KeyVisitorSecurityGroupID:   s.visitorGroup.Att("GroupId"),
	}
	for _, key := range ecsOutputs(s.env) {
		s.t.Output(key, outputDescriptions[key], values[key])
	}
}
