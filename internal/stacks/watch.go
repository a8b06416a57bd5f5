package stacks

import (
	"fmt"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/events"
	"github.com/awslabs/goformation/v7/cloudformation/sns"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

const topicDescription = "The SNS topic that alarms and failures are published to."

// ownsTopic says whether the environment's topic is one of its own. Where nobody is told, there is none.
func ownsTopic(env config.Environment) bool { return env.Watch.Email != "" }

// addTopic finds or makes the topic of the environment. One of its own is encrypted only with the user's key: alarms and
// events cannot publish to a topic under the key that AWS manages, whose policy nobody can change
// (docs.aws.amazon.com/sns/latest/dg/sns-key-management.html, repost.aws/knowledge-center/cloudwatch-configure-alarm-sns).
func (s *service) addTopic() {
	if s.env.Watch.Topic != "" {
		s.topic = given{s.t}.string(contract.KeyTopicARN, topicDescription)
	}
	if !ownsTopic(s.env) {
		return
	}
	topic := s.t.Add("Topic", &sns.Topic{
		DisplayName:               new(s.cfg.Name + " " + s.env.Name), // who the mails are from
		KmsMasterKeyId:            orNone(s.key),
		AWSCloudFormationMetadata: accept(withoutKey(s.key, plainTopic)...),
		// A topic without its stack would still send mail, about nothing.
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	})
	s.topic = topic.Ref()
	s.t.Add("TopicPolicy", &sns.TopicPolicy{Topics: []string{s.topic}, PolicyDocument: s.topicPolicy()})
	s.t.Add("EmailSubscription", &sns.Subscription{
		TopicArn: s.topic, Protocol: "email", Endpoint: new(cfn.Text(s.env.Watch.Email)),
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete, // another address, and no more to the first
	})
}

// topicPolicy lets this stack's alarms publish, and this application's event rules. EventBridge is said to send no source
// with what it publishes to a topic, so that a plain condition would refuse every event
// (docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html): IfExists, as in trustSameAccount.
func (s *service) topicPolicy() any {
	return cfn.Document(
		s.mayPublish("Alarms", "cloudwatch.amazonaws.com", cfn.Condition{
			"StringEquals": sameAccount,
			"ArnLike":      {"aws:SourceArn": arns("cloudwatch", "alarm:${AWS::StackName}-*")[0]},
		}),
		s.mayPublish("Events", "events.amazonaws.com", cfn.Condition{
			"StringEqualsIfExists": sameAccount,
			"ArnLikeIfExists":      {"aws:SourceArn": arns("events", "rule/"+s.cfg.Name+"-*")[0]},
		}),
	)
}

func (s *service) mayPublish(sid, service string, condition cfn.Condition) cfn.Statement {
	return cfn.Statement{Sid: sid, Effect: cfn.Allow, Principal: cfn.Principal{"Service": {service}}, Action: []string{"sns:Publish"},
		Resource: []string{s.topic}, Condition: condition}
}

// addWatch looks after what is there by now.
func (s *service) addWatch() {
	if s.env.Watch.Alarms {
		s.addAlarms()
	}
	if s.env.Watch.Notifies() {
		s.addDeploymentRule()
	}
	if s.env.Watch.Dashboard {
		s.addDashboard()
	}
}

// addDeploymentRule tells of every deployment that failed, whoever began it. Of the very first one the launcher alone tells:
// the rule names the service, which does not exist before.
func (s *service) addDeploymentRule() {
	s.t.Add("FailureRule", &events.Rule{
		Name:        new(ruleName(s.cfg.Name, s.env.Name, deploymentRule)),
		Description: new("Tells when a deployment of the service failed."),
		State:       new("ENABLED"),
		// docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
		EventPattern: map[string]any{
			"source":      []string{"aws.ecs"},
			"detail-type": []string{"ECS Deployment State Change"},
			"resources":   []string{s.ecsService.Ref()},
			"detail":      map[string]any{"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"}},
		},
		Targets: []events.Rule_Target{told(s.topic,
			fmt.Sprintf("A deployment of %s in the environment %s failed: <reason> (<deployment>)", s.cfg.Name, s.env.Name),
			map[string]string{"reason": "$.detail.reason", "deployment": "$.detail.deploymentId"})},
	})
}

// Ends of the names of event rules, by which rights tell them apart.
const (
	deploymentRule = "failed-deploy"
	runRule        = "failed-run"
	sourceRule     = "source"
)

// ruleName is a rule's own name. One that CloudFormation makes is cut to 64 characters, and need not say any more whose it is:
// the pipeline's execution role makes the service's rules and may not touch the pipeline's.
func ruleName(name, environment, rule string) string {
	return contract.EnvironmentStackName(name, environment) + "-" + rule
}

// sourceRuleOf ends the name of the rule that starts the pipeline of the branch with this slug.
func sourceRuleOf(slug string) string {
	if slug == "" {
		return sourceRule
	}
	return slug + "-" + sourceRule
}

// addFailureRule tells of every action of a pipeline that failed: which, why, and where its log is. A rejected approval has
// no log, and its summary is what the person said.
func (p *pipeline) addFailureRule(topic string, pipelines []string) {
	p.t.Add("FailureRule", &events.Rule{
		Name:        new(ruleName(p.cfg.Name, p.cfg.Pipeline.Environment, runRule)),
		Description: new("Tells when an action of the pipeline failed."),
		State:       new("ENABLED"),
		// docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
		EventPattern: map[string]any{
			"source":      []string{"aws.codepipeline"},
			"detail-type": []string{"CodePipeline Action Execution State Change"},
			"detail":      map[string]any{"pipeline": pipelines, "state": []string{"FAILED"}},
		},
		Targets: []events.Rule_Target{told(topic, failedRun, map[string]string{
			"pipeline": "$.detail.pipeline", "execution": "$.detail.execution-id", "stage": "$.detail.stage", "action": "$.detail.action",
			"region": "$.detail.region", "code": "$.detail.execution-result.error-code",
			"summary": "$.detail.execution-result.external-execution-summary", "url": "$.detail.execution-result.external-execution-url",
		})},
	})
}

const failedRun = `The action <action> of the stage <stage> failed, in the run <execution> of the pipeline <pipeline>
cause: <code> <summary>
its log: <url>
the run: https://console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions/<execution>/timeline?region=<region>`

// told is the target of a rule that publishes lines, in which <name> stands for what is found in the event. It has no
// role: a topic's own policy decides (docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html).
func told(topic, lines string, paths map[string]string) events.Rule_Target {
	return events.Rule_Target{Id: "topic", Arn: topic, InputTransformer: &events.Rule_InputTransformer{
		InputPathsMap: paths, InputTemplate: `"` + strings.ReplaceAll(lines, "\n", "\"\n\"") + `"`, // each line is quoted by itself
	}}
}
