package awsdouble

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func (d *Double) eventsHandlers() map[string]handler {
	return map[string]handler{
		"DescribeRule": d.describeRule, "DisableRule": d.switchRule("DISABLED"), "EnableRule": d.switchRule("ENABLED"),
		"ListRules": d.listRules,
	}
}

func (d *Double) rule(in object) (*thing, error) {
	if t := d.thing("AWS::Events::Rule", text(in, "Name")); t != nil {
		return t, nil
	}
	return nil, fail("ResourceNotFoundException", "Rule %s does not exist on EventBus default.", text(in, "Name"))
}

func ruleAnswer(t *thing) object {
	state := t.state
	if state == "" {
		state = text(t.Properties, "State")
	}
	if state == "" {
		state = "ENABLED"
	}
	return object{"Name": t.ID, "Arn": t.Attributes["Arn"], "State": state, "EventBusName": "default"}
}

func (d *Double) describeRule(in object) (object, error) {
	t, err := d.rule(in)
	if err != nil {
		return nil, err
	}
	return ruleAnswer(t), nil
}

func (d *Double) switchRule(state string) handler {
	return func(in object) (object, error) {
		t, err := d.rule(in)
		if err != nil {
			return nil, err
		}
		t.state = state
		return object{}, nil
	}
}

func (d *Double) listRules(in object) (object, error) {
	rules := list{}
	for _, t := range d.existing("AWS::Events::Rule") {
		if strings.HasPrefix(t.ID, text(in, "NamePrefix")) {
			rules = append(rules, ruleAnswer(t))
		}
	}
	return object{"Rules": rules}, nil
}

// Execution is one run of a pipeline.
type Execution struct {
	ID, Status, Trigger string // InProgress, Succeeded, Stopping, Stopped, Failed; CreatePipeline or StartPipelineExecution
	Started, Updated    time.Time
}

func (d *Double) pipelineHandlers() map[string]handler {
	return map[string]handler{
		"GetPipeline": d.getPipeline, "ListPipelineExecutions": d.listPipelineExecutions,
		"StopPipelineExecution": d.stopPipelineExecution, "StartPipelineExecution": d.startPipelineExecution,
	}
}

// PutExecution adds a run in this status to a pipeline and returns its id.
func (d *Double) PutExecution(pipeline, status string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newExecution(pipeline, status, "StartPipelineExecution").ID
}

// Executions lists a pipeline's runs, oldest first.
func (d *Double) Executions(pipeline string) []Execution {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Execution
	for _, e := range d.pipelines[pipeline] {
		out = append(out, *e)
	}
	return out
}

func (d *Double) newExecution(pipeline, status, trigger string) *Execution {
	e := &Execution{ID: d.uuid(), Status: status, Trigger: trigger, Started: d.now()}
	e.Updated = e.Started
	d.pipelines[pipeline] = append(d.pipelines[pipeline], e)
	return e
}

// pipelineCreated lets the pipeline run, as a new one does by itself.
func (d *Double) pipelineCreated(t *thing) error {
	d.run(d.newExecution(t.ID, "InProgress", "CreatePipeline"))
	return nil
}

func (d *Double) run(e *Execution) {
	d.background(func() {
		for range 5 {
			d.step()
		}
		if e.Status == "InProgress" {
			e.Status, e.Updated = "Succeeded", d.now()
		}
	})
}

func (d *Double) pipeline(name string) (*thing, error) {
	if t := d.thing("AWS::CodePipeline::Pipeline", name); t != nil {
		return t, nil
	}
	return nil, fail("PipelineNotFoundException", "Account '%s' does not have a pipeline with name '%s'", d.AccountID, name)
}

func (d *Double) getPipeline(in object) (object, error) {
	t, err := d.pipeline(text(in, "name"))
	if err != nil {
		return nil, err
	}
	return object{
		"pipeline": object{"name": t.ID, "roleArn": text(t.Properties, "RoleArn"), "version": 1, "stages": list{}},
		"metadata": object{"pipelineArn": d.arn("codepipeline", t.ID), "created": t.Created, "updated": t.Created},
	}, nil
}

func (d *Double) listPipelineExecutions(in object) (object, error) {
	t, err := d.pipeline(text(in, "pipelineName"))
	if err != nil {
		return nil, err
	}
	newest := slices.Clone(d.pipelines[t.ID])
	slices.Reverse(newest)
	newest, next := page(d, newest, text(in, "nextToken"), number(in, "maxResults"))
	members := list{}
	for _, e := range newest {
		members = append(members, object{
			"pipelineExecutionId": e.ID, "status": e.Status, "startTime": e.Started, "lastUpdateTime": e.Updated,
			"trigger": object{"triggerType": e.Trigger},
		})
	}
	return object{"pipelineExecutionSummaries": members, "nextToken": opt(next)}, nil
}

func (d *Double) stopPipelineExecution(in object) (object, error) {
	t, err := d.pipeline(text(in, "pipelineName"))
	if err != nil {
		return nil, err
	}
	for _, e := range d.pipelines[t.ID] {
		if e.ID != text(in, "pipelineExecutionId") {
			continue
		}
		if e.Status != "InProgress" {
			return nil, fail("PipelineExecutionNotStoppableException", "The pipeline execution %s is in the status %s and cannot be stopped", e.ID, e.Status)
		}
		e.Status, e.Updated = "Stopping", d.now()
		d.background(func() {
			d.step()
			e.Status, e.Updated = "Stopped", d.now()
		})
		return object{"pipelineExecutionId": e.ID}, nil
	}
	return nil, fail("PipelineExecutionNotFoundException", "The pipeline execution %s does not exist", text(in, "pipelineExecutionId"))
}

func (d *Double) startPipelineExecution(in object) (object, error) {
	t, err := d.pipeline(text(in, "name"))
	if err != nil {
		return nil, err
	}
	e := d.newExecution(t.ID, "InProgress", "StartPipelineExecution")
	d.run(e)
	return object{"pipelineExecutionId": e.ID}, nil
}

func (d *Double) scalingHandlers() map[string]handler {
	return map[string]handler{
		"DescribeScalableTargets": d.describeScalableTargets, "DescribeScalingPolicies": d.describeScalingPolicies,
	}
}

const scaling = "AWS::ApplicationAutoScaling::"

func (d *Double) describeScalableTargets(in object) (object, error) {
	wanted, members := texts(in, "ResourceIds"), list{}
	for _, t := range d.existing(scaling + "ScalableTarget") {
		id := text(t.Properties, "ResourceId")
		if len(wanted) == 0 || slices.Contains(wanted, id) {
			members = append(members, object{
				"ServiceNamespace": "ecs", "ResourceId": id, "ScalableDimension": text(t.Properties, "ScalableDimension"),
				"MinCapacity": number(t.Properties, "MinCapacity"), "MaxCapacity": number(t.Properties, "MaxCapacity"),
				"RoleARN":      "arn:aws:iam::" + d.AccountID + ":role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
				"CreationTime": t.Created,
			})
		}
	}
	return object{"ScalableTargets": members}, nil
}

// SetMinimum changes the least number of tasks of every scalable target, as a scheduled action does.
func (d *Double) SetMinimum(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.existing(scaling + "ScalableTarget") {
		t.Properties = maps.Clone(t.Properties)
		t.Properties["MinCapacity"] = n
	}
}

func (d *Double) describeScalingPolicies(in object) (object, error) {
	wanted, names, members := text(in, "ResourceId"), texts(in, "PolicyNames"), list{}
	for _, t := range d.existing(scaling + "ScalingPolicy") {
		id, _, _ := strings.Cut(text(t.Properties, "ScalingTargetId"), "|")
		name := text(t.Properties, "PolicyName")
		if (wanted == "" || id == wanted) && (len(names) == 0 || slices.Contains(names, name)) {
			members = append(members, object{
				"PolicyARN": t.ID, "PolicyName": name, "ServiceNamespace": "ecs", "ResourceId": id,
				"ScalableDimension": "ecs:service:DesiredCount", "PolicyType": text(t.Properties, "PolicyType"), "CreationTime": t.Created,
			})
		}
	}
	return object{"ScalingPolicies": members}, nil
}
