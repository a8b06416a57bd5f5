package stacks

import (
	"fmt"

	"github.com/awslabs/goformation/v7/cloudformation/cloudformation"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// Root nests an environment's stacks and passes values between them; it holds nothing else.
func Root(cfg config.Config, env config.Environment) *cfn.Template {
	t := cfn.New(fmt.Sprintf("%s, environment %s: network, service%s.", cfg.Name, env.Name, andPipeline(cfg, env)))
	r := root{t: t, cfg: cfg, env: env, declared: map[string]string{}}
	network := r.nest(contract.NestedNetwork, contract.StackNetwork, contract.KeyNetworkTemplateURL, r.networkParameters())
	ecs := r.nest(contract.NestedECS, contract.StackECS, contract.KeyECSTemplateURL, r.ecsParameters(network))
	for _, key := range ecsOutputs {
		t.Output(key, outputDescriptions[key], ecs.Att("Outputs."+key))
	}
	if cfg.IsPipelineHome(env) {
		pipeline := r.nest(contract.NestedPipeline, contract.StackPipeline, contract.KeyPipelineTemplateURL, r.pipelineParameters(), ecs.ID())
		for _, key := range pipelineOutputs {
			t.Output(key, outputDescriptions[key], pipeline.Att("Outputs."+key))
		}
	}
	return t
}

func andPipeline(cfg config.Config, env config.Environment) string {
	if cfg.IsPipelineHome(env) {
		return ", delivery pipeline"
	}
	return ""
}

// Outputs that the root hands on under the child's key.
var (
	ecsOutputs = []string{
		contract.KeyServiceURL, contract.KeyLoadBalancerARN, contract.KeyTargetGroupARN, contract.KeyClusterName,
		contract.KeyServiceName, contract.KeyTaskDefinitionARN, contract.KeyLogGroupName,
	}
	pipelineOutputs    = []string{contract.KeyPipelineName, contract.KeyEventRuleName}
	outputDescriptions = map[string]string{
		contract.KeyServiceURL:        "Where the service answers.",
		contract.KeyLoadBalancerARN:   "The load balancer.",
		contract.KeyTargetGroupARN:    "The target group with the tasks.",
		contract.KeyClusterName:       "The ECS cluster.",
		contract.KeyServiceName:       "The ECS service.",
		contract.KeyTaskDefinitionARN: "The task definition that this stack deploys.",
		contract.KeyLogGroupName:      "The log group of the tasks.",
		contract.KeyPipelineName:      "The delivery pipeline.",
		contract.KeyEventRuleName:     "The event rule that starts the pipeline when the source is uploaded.",
	}
)

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

func (r root) networkParameters() map[string]string {
	parameters := map[string]string{}
	for i, zone := range zoneParameters(r.t, r.env.Network.Zones) {
		parameters[contract.KeyZone(i)] = zone
	}
	return parameters
}

func (r root) ecsParameters(network cfn.Handle) map[string]string {
	parameters := map[string]string{
		contract.KeyVPCID:                  network.Att("Outputs." + contract.KeyVPCID),
		contract.KeyImageURI:               r.parameter(contract.KeyImageURI, imageDescription),
		contract.KeyRepositoryARN:          r.parameter(contract.KeyRepositoryARN, repositoryDescription),
		contract.KeyPermissionsBoundaryARN: r.parameter(contract.KeyPermissionsBoundaryARN, boundaryDescription),
	}
	for _, key := range subnetKeys(r.env) {
		parameters[key] = network.Att("Outputs." + key)
	}
	return parameters
}

// subnetKeys are the subnets that the service needs: the load balancer's and, where they are others, the tasks'.
func subnetKeys(env config.Environment) []string {
	var keys []string
	for i := range env.Network.Zones {
		keys = append(keys, contract.KeyPublicSubnet(i))
		if env.Network.NAT != config.NATNone {
			keys = append(keys, contract.KeyPrivateSubnet(i))
		}
	}
	return keys
}

func (r root) pipelineParameters() map[string]string {
	parameters := map[string]string{}
	for _, p := range pipelineInputs {
		parameters[p.key] = r.parameter(p.key, p.description)
	}
	return parameters
}
