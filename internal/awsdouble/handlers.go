package awsdouble

// allHandlers is the table of operations, by the name that a service signs with.
func (d *Double) allHandlers() map[string]handler {
	all := map[string]handler{}
	for service, handlers := range map[string]map[string]handler{
		"cloudformation": d.cloudFormationHandlers(), "sts": d.stsHandlers(), "iam": d.iamHandlers(),
		"elasticloadbalancing": d.balancerHandlers(), "ec2": d.ec2Handlers(), "ecs": d.ecsHandlers(), "ecr": d.ecrHandlers(),
		"codebuild": d.codeBuildHandlers(), "logs": d.logsHandlers(), "codepipeline": d.pipelineHandlers(),
		"events": d.eventsHandlers(), "application-autoscaling": d.scalingHandlers(), "acm": d.certificateHandlers(), "route53": d.dnsHandlers(),
		"wafv2": d.firewallHandlers(), "monitoring": d.metricHandlers(), "sns": d.topicHandlers(), "kms": d.keyHandlers(),
		"ssm": d.parameterHandlers(), "secretsmanager": d.secretHandlers(), "servicequotas": d.quotaHandlers(), "tagging": d.taggingHandlers(), "codeconnections": d.connectionHandlers(), "codestar-connections": d.connectionHandlers(),
	} {
		for operation, handle := range handlers {
			all[service+"."+operation] = handle
		}
	}
	return all
}
