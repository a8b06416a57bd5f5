package override

// reasons say why a place in a resource, keys down to it, stays as slipway has it.
type reasons map[string]string

const (
	namesAreMade  = "CloudFormation makes the name: roles and policies go by it, several copies of the application live side by side, and a resource of a fixed name cannot be replaced"
	rightsAreKept = "what CloudFormation's roles may do, and the most that any role can do, is what keeps a commit from widening its own rights; attach a policy of your own to ExecutionRole (ManagedPolicyArns), or name a boundary of your own: security.boundary in slipway.yaml"
	tasksSay      = "tasks in slipway.yaml says how many there are, and an update never resets what scaling has set"
	networkSays   = "network in slipway.yaml says it, and other resources and stacks go by it"
	entrySays     = "entry in slipway.yaml says it, and listeners, target group and launcher go by it"
	serviceSays   = "service in slipway.yaml says it, where sizes and architectures that Fargate has are known"
	emptied       = "destroy.sh empties it before it is deleted: what stays would be empty"
	pipelineSays  = "the image's digest, the rights of the builds and the launcher go by it"
)

// fixed are the places that an override leaves as they are, by resource type.
var fixed = map[string]reasons{
	"AWS::ApplicationAutoScaling::ScalableTarget": {
		"Properties.MaxCapacity": tasksSay,
		"Properties.MinCapacity": tasksSay,
	},
	"AWS::CloudFormation::Stack": {
		"DeletionPolicy":        "a nested stack that stays is one that nobody cares for",
		"UpdateReplacePolicy":   "a nested stack that stays is one that nobody cares for",
		"Properties.Parameters": "it gives the nested stack what its template declares",
	},
	"AWS::CloudWatch::Alarm": {
		"Properties.AlarmName": namesAreMade,
	},
	"AWS::CloudWatch::CompositeAlarm": {
		"Properties.AlarmName": namesAreMade,
	},
	"AWS::CloudWatch::Dashboard": {
		"Properties.DashboardName": namesAreMade,
	},
	"AWS::CodeBuild::Project": {
		"Properties.Artifacts": pipelineSays,
		"Properties.Name":      namesAreMade,
		"Properties.Source":    pipelineSays,
	},
	"AWS::CodeBuild::ReportGroup": {
		"Properties.Name": "a build finds it by the project's name",
		"Properties.Type": "the builds' reports are of this type",
	},
	"AWS::CodePipeline::Pipeline": {
		"Properties.Name":         namesAreMade,
		"Properties.PipelineType": pipelineSays,
		"Properties.Stages":       pipelineSays,
	},
	"AWS::EC2::SecurityGroup": {
		"Properties.GroupName": namesAreMade,
	},
	"AWS::EC2::Subnet": {
		"Properties.CidrBlock": networkSays,
	},
	"AWS::EC2::VPC": {
		"Properties.CidrBlock": networkSays,
	},
	"AWS::ECR::Repository": {
		"DeletionPolicy":                emptied,
		"Properties.EmptyOnDelete":      "destroy.sh deletes the repository with its images",
		"Properties.ImageTagMutability": "an image is built once for one state of the source, and its tag never moves",
		"Properties.LifecyclePolicy":    "no image that a release names may expire",
		"Properties.RepositoryName":     namesAreMade,
	},
	"AWS::ECS::Cluster": {
		"Properties.ClusterName": namesAreMade,
	},
	"AWS::ECS::Service": {
		"Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Enable":   "a version that does not work would never be given up",
		"Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback": "a version that does not work is rolled back by it",
		"Properties.DeploymentConfiguration.Strategy":                          "the launcher follows rolling deployments and no others",
		"Properties.DeploymentController":                                      "the launcher follows ECS's own deployments and no others",
		"Properties.DesiredCount":                                              tasksSay,
		"Properties.LaunchType":                                                "tasks run by capacity provider, which tasks.spot in slipway.yaml divides; a launch type would replace the service",
		"Properties.LoadBalancers":                                             "the port is service.port in slipway.yaml, and the target group is the load balancer's",
		"Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp":   networkSays,
		"Properties.SchedulingStrategy":                                        tasksSay,
		"Properties.ServiceName":                                               namesAreMade,
	},
	"AWS::ECS::TaskDefinition": {
		"Properties.Cpu":                     serviceSays,
		"Properties.Family":                  namesAreMade,
		"Properties.Memory":                  serviceSays,
		"Properties.NetworkMode":             "Fargate has no other",
		"Properties.RequiresCompatibilities": "tasks run on Fargate",
		"Properties.RuntimePlatform":         serviceSays,
		"UpdateReplacePolicy":                "tasks of a rollback still run the revision before; the launcher sweeps it away",
	},
	"AWS::ElasticLoadBalancingV2::Listener": {
		"Properties.Port":     entrySays,
		"Properties.Protocol": entrySays,
	},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {
		"Properties.Name":   namesAreMade,
		"Properties.Scheme": entrySays,
		"Properties.Type":   entrySays,
	},
	"AWS::ElasticLoadBalancingV2::TargetGroup": {
		"Properties.Name":       namesAreMade,
		"Properties.TargetType": "tasks on Fargate are registered by their addresses",
	},
	"AWS::Events::Rule": {
		"Properties.EventPattern": "it is what starts the pipeline, or what people are told of",
		"Properties.Name":         namesAreMade,
		"Properties.State":        "destroy.sh stops the pipeline by it",
	},
	"AWS::IAM::ManagedPolicy": {
		"Properties": rightsAreKept,
	},
	"AWS::IAM::Policy": {
		"Properties": rightsAreKept,
	},
	"AWS::IAM::Role": {
		"Properties.AssumeRolePolicyDocument": "who may take a role is part of what keeps the application and the pipeline within their rights",
		"Properties.Path":                     "the rights of CloudFormation's roles go by it",
		"Properties.PermissionsBoundary":      "it is the most that the role can do, and CloudFormation's role makes no role without it; security.boundary in slipway.yaml names one of your own",
		"Properties.RoleName":                 namesAreMade,
	},
	"AWS::Logs::LogGroup": {
		"Properties.LogGroupName": namesAreMade,
	},
	"AWS::S3::Bucket": {
		"DeletionPolicy":                            emptied,
		"Properties.BucketName":                     namesAreMade,
		"Properties.BucketNamePrefix":               namesAreMade,
		"Properties.OwnershipControls":              "the bucket is open to nobody",
		"Properties.PublicAccessBlockConfiguration": "the bucket is open to nobody",
	},
	"AWS::SNS::Topic": {
		"Properties.TopicName": namesAreMade,
	},
	"AWS::WAFv2::WebACL": {
		"Properties.Name": namesAreMade,
	},
}

// fixedIn are those of single resources, by logical id.
var fixedIn = map[string]reasons{
	"Bucket": {
		"Properties.LifecycleConfiguration":                             "templates stay for a rollback and releases for good, and the rest goes by the pipeline's folder",
		"Properties.NotificationConfiguration.EventBridgeConfiguration": "it is what starts the pipeline",
		"Properties.VersioningConfiguration":                            "CodePipeline takes its source from a bucket with versions only",
	},
	"PipelineExecutionRole": {
		"Properties": "the pipeline deploys with it and cannot widen its own rights: what needs more is deployed by a person, with ExecutionRole",
	},
}

// extensible are lists to which an override may add, while slipway's own items stay, by resource type.
var extensible = map[string]reasons{
	"AWS::CodeBuild::Project": {
		"Properties.Environment.EnvironmentVariables": pipelineSays,
	},
	"AWS::S3::BucketPolicy": {
		"Properties.PolicyDocument.Statement": "requests without TLS are refused, and access logs are let in, by these",
	},
	"AWS::SNS::TopicPolicy": {
		"Properties.PolicyDocument.Statement": "alarms and event rules publish by these",
	},
}
