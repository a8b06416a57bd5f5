package stacks

import (
	"fmt"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/cloudformation"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// Root nests an environment's stacks and passes values between them; it holds nothing else.
func Root(cfg config.Config, env config.Environment) *cfn.Template {
	t := cfn.New(fmt.Sprintf("%s, environment %s: %s.", cfg.Name, env.Name, strings.Join(children(cfg, env), ", ")))
	r := root{t: t, cfg: cfg, env: env, declared: map[string]string{}}
	ecs := r.nest(contract.NestedECS, contract.StackECS, contract.KeyECSTemplateURL, r.ecsParameters(r.network()))
	for _, key := range ecsOutputs(env) {
		t.Output(key, outputDescriptions[key], ecs.Att("Outputs."+key))
	}
	if cfg.Service.BeforeDeploy.Runs() {
		before := r.nest(contract.NestedBeforeDeploy, contract.StackBeforeDeploy, contract.KeyBeforeDeployTemplateURL, r.beforeDeployParameters(ecs))
		key := contract.KeyBeforeDeployTaskDefinitionARN
		t.Output(key, outputDescriptions[key], before.Att("Outputs."+key))
	}
	if cfg.IsPipelineHome(env) {
		pipeline := r.nest(contract.NestedPipeline, contract.StackPipeline, contract.KeyPipelineTemplateURL, r.pipelineParameters(ecs), r.pipelineDependsOn(ecs)...)
		for _, route := range cfg.Routes() {
			for _, key := range pipelineOutputs(cfg) {
				own := contract.OfBranch(key, route.Slug)
				t.Output(own, (delivery{Route: route}).said(outputDescriptions[key]), pipeline.Att("Outputs."+own))
			}
		}
	}
	return t
}

// children says in words what is nested.
func children(cfg config.Config, env config.Environment) []string {
	list := []string{"service"}
	if !env.Network.Exists() {
		list = []string{"network", "service"}
	}
	if cfg.Service.BeforeDeploy.Runs() {
		list = append(list, "task before a deployment")
	}
	if cfg.IsPipelineHome(env) {
		list = append(list, "delivery pipeline")
	}
	return list
}

// ecsOutputs are what the root hands on from ECS under the child's key.
func ecsOutputs(env config.Environment) []string {
	keys := []string{
		contract.KeyServiceURL, contract.KeyLoadBalancerName, contract.KeyLoadBalancerARN, contract.KeyTargetGroupARN,
		contract.KeyClusterName, contract.KeyServiceName, contract.KeyTaskDefinitionARN, contract.KeyLogGroupName,
	}
	if env.Entry.Visited() {
		keys = append(keys, contract.KeyVisitorTaskDefinitionARN, contract.KeyVisitorSecurityGroupID)
	}
	if env.Entry.AccessLogs {
		keys = append(keys, contract.KeyAccessLogBucket)
	}
	if ownsTopic(env) {
		keys = append(keys, contract.KeyTopicARN)
	}
	return keys
}

// pipelineOutputs are handed on likewise. Pushes to a git host need no event rule.
func pipelineOutputs(cfg config.Config) []string {
	if cfg.Pipeline.Source.Connected() {
		return []string{contract.KeyPipelineName}
	}
	return []string{contract.KeyPipelineName, contract.KeyEventRuleName}
}

var outputDescriptions = map[string]string{
	contract.KeyServiceURL:        "Where the service answers.",
	contract.KeyLoadBalancerName:  "The load balancer's own name, which answers also before the domain points at it.",
	contract.KeyLoadBalancerARN:   "The load balancer.",
	contract.KeyTargetGroupARN:    "The target group with the tasks.",
	contract.KeyClusterName:       "The ECS cluster.",
	contract.KeyServiceName:       "The ECS service.",
	contract.KeyTaskDefinitionARN: "The task definition that this stack deploys.",
	contract.KeyLogGroupName:      "The log group of the tasks.",
	contract.KeyAccessLogBucket:   "The load balancer's access logs.",
	contract.KeyTopicARN:          topicDescription,
	contract.KeyPipelineName:      "The delivery pipeline.",
	contract.KeyEventRuleName:     "The event rule that starts the pipeline when the source is uploaded.",

	contract.KeyVisitorTaskDefinitionARN: "The task definition of what asks the load balancer from inside the VPC.",
	contract.KeyVisitorSecurityGroupID:   "The security group of what asks the load balancer from inside the VPC.",

	contract.KeyBeforeDeployTaskDefinitionARN: "The task definition of what runs before a deployment.",
}

type root struct {
	t   *cfn.Template
	cfg config.Config
	env config.Environment

	declared map[string]string // parameters by key: two children may need the same one
}

func (r root) parameter(key, description string) string {
	if _, ok := r.declared[key]; !ok {
		r.declared[key] = given{r.t}.string(key, description)
	}
	return r.declared[key]
}

func (r root) nest(id, stack, urlKey string, parameters map[string]string, dependsOn ...string) cfn.Handle {
	return r.t.Add(id, &cloudformation.Stack{
		TemplateURL: r.parameter(urlKey, "Template of the stack "+stack+", in the foundation's bucket under its content's hash."),
		Parameters:  parameters,
		Tags: []tags.Tag{
			{Key: contract.TagName, Value: r.cfg.Name},
			{Key: contract.TagEnvironment, Value: r.env.Name},
			{Key: contract.TagStack, Value: stack},
		},
		AWSCloudFormationDependsOn:           dependsOn,
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	})
}

// network says where the VPC's id and the subnets come from: outputs of the nested network or, where the VPC exists
// already, the root's own parameters under the same keys.
func (r root) network() func(key, description string) string {
	if r.env.Network.Exists() {
		return r.parameter
	}
	nested := r.nest(contract.NestedNetwork, contract.StackNetwork, contract.KeyNetworkTemplateURL, r.networkParameters())
	return func(key, _ string) string { return nested.Att("Outputs." + key) }
}

func (r root) networkParameters() map[string]string {
	parameters := map[string]string{}
	for i, zone := range zoneParameters(r.t, r.env.Network.Zones) {
		parameters[contract.KeyZone(i)] = zone
	}
	if r.env.Network.FlowLogs && r.cfg.Security.Key != "" {
		parameters[contract.KeyEncryptionKeyARN] = r.parameter(contract.KeyEncryptionKeyARN, keyDescription)
	}
	if r.env.Network.FlowLogs {
		parameters[contract.KeyPermissionsBoundaryARN] = r.parameter(contract.KeyPermissionsBoundaryARN, boundaryDescription)
	}
	return parameters
}

func (r root) ecsParameters(fromNetwork func(key, description string) string) map[string]string {
	parameters := map[string]string{
		contract.KeyVPCID:                  fromNetwork(contract.KeyVPCID, vpcDescription),
		contract.KeyImageURI:               r.parameter(contract.KeyImageURI, imageDescription),
		contract.KeyRepositoryARN:          r.parameter(contract.KeyRepositoryARN, repositoryDescription),
		contract.KeyPermissionsBoundaryARN: r.parameter(contract.KeyPermissionsBoundaryARN, boundaryDescription),
	}
	if r.env.Entry.Visited() {
		parameters[contract.KeyVisitorImageURI] = r.parameter(contract.KeyVisitorImageURI, visitorDescription)
	}
	for _, subnet := range subnets(r.env) {
		parameters[subnet.key] = fromNetwork(subnet.key, subnet.description)
	}
	if r.env.Entry.Certificate != "" {
		parameters[contract.KeyCertificateARN] = r.parameter(contract.KeyCertificateARN, certificateDescription)
	}
	if r.env.Entry.HostedZone != "" {
		parameters[contract.KeyHostedZoneID] = r.parameter(contract.KeyHostedZoneID, hostedZoneDescription)
	}
	if r.env.Watch.Topic != "" {
		parameters[contract.KeyTopicARN] = r.parameter(contract.KeyTopicARN, topicDescription)
	}
	if r.cfg.Security.Key != "" {
		parameters[contract.KeyEncryptionKeyARN] = r.parameter(contract.KeyEncryptionKeyARN, keyDescription)
	}
	return parameters
}

func (r root) beforeDeployParameters(ecs cfn.Handle) map[string]string {
	parameters := map[string]string{
		contract.KeyBeforeDeployImageURI:   r.parameter(contract.KeyBeforeDeployImageURI, imageDescription),
		contract.KeyRepositoryARN:          r.parameter(contract.KeyRepositoryARN, repositoryDescription),
		contract.KeyPermissionsBoundaryARN: r.parameter(contract.KeyPermissionsBoundaryARN, boundaryDescription),
		contract.KeyLogGroupName:           ecs.Att("Outputs." + contract.KeyLogGroupName),
	}
	if decrypts(r.cfg) {
		parameters[contract.KeyEncryptionKeyARN] = r.parameter(contract.KeyEncryptionKeyARN, keyDescription)
	}
	return parameters
}

// pipelineDependsOn makes the pipeline come up last; where it is given the topic, that is already so.
func (r root) pipelineDependsOn(ecs cfn.Handle) []string {
	if ownsTopic(r.env) {
		return nil
	}
	return []string{ecs.ID()}
}

func (r root) pipelineParameters(ecs cfn.Handle) map[string]string {
	parameters := map[string]string{}
	for _, p := range pipelineInputs {
		parameters[p.key] = r.parameter(p.key, p.description)
	}
	if r.cfg.Pipeline.Source.Connected() {
		parameters[contract.KeyConnectionARN] = r.parameter(contract.KeyConnectionARN, connectionDescription)
	}
	if r.cfg.Security.Key != "" {
		parameters[contract.KeyEncryptionKeyARN] = r.parameter(contract.KeyEncryptionKeyARN, keyDescription)
	}
	switch {
	case ownsTopic(r.env):
		parameters[contract.KeyTopicARN] = ecs.Att("Outputs." + contract.KeyTopicARN)
	case r.env.Watch.Notifies():
		parameters[contract.KeyTopicARN] = r.parameter(contract.KeyTopicARN, topicDescription)
	}
	return parameters
}
