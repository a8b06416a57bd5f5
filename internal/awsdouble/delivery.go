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
	Revision            string // of its source
	Actions             []ActionRun
}

// ActionRun is one action of a run.
type ActionRun struct {
	Stage, Action, Status   string // InProgress, Succeeded, Failed, Abandoned
	Build, Summary, Message string // the build that does the work; what is said of it, and of its failure
}

// SetRun makes the run of a pipeline that took this version of the source what it is told to be, and begins it where there is none.
func (d *Double) SetRun(pipeline, revision, status string, actions ...ActionRun) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.pipelines[pipeline] {
		if e.Revision == revision {
			e.Status, e.Actions, e.Updated = status, actions, d.now()
			return
		}
	}
	e := d.newExecution(pipeline, status, "CloudWatchEvent")
	e.Revision, e.Actions = revision, actions
}

// AnotherRun begins one more run of the same version of the source, as an event does that comes twice.
func (d *Double) AnotherRun(pipeline, revision, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newExecution(pipeline, status, "CloudWatchEvent").Revision = revision
}

func (d *Double) execution(in object) (*Execution, error) {
	t, err := d.pipeline(text(in, "pipelineName"))
	if err != nil {
		return nil, err
	}
	id := text(in, "pipelineExecutionId")
	if id == "" {
		id = text(sub(in, "filter"), "pipelineExecutionId")
	}
	for _, e := range d.pipelines[t.ID] {
		if e.ID == id {
			return e, nil
		}
	}
	return nil, fail("PipelineExecutionNotFoundException", "The pipeline execution %s does not exist", id)
}

func (d *Double) getPipelineExecution(in object) (object, error) {
	e, err := d.execution(in)
	if err != nil {
		return nil, err
	}
	return object{"pipelineExecution": object{"pipelineName": text(in, "pipelineName"), "pipelineExecutionId": e.ID, "status": e.Status}}, nil
}

func (d *Double) listActionExecutions(in object) (object, error) {
	e, err := d.execution(in)
	if err != nil {
		return nil, err
	}
	newest := slices.Clone(e.Actions)
	slices.Reverse(newest)
	newest, next := page(d, newest, text(in, "nextToken"), number(in, "maxResults"))
	members := list{}
	for _, a := range newest {
		category, provider := "Test", "Manual"
		switch {
		case a.Build != "":
			provider = "CodeBuild"
		case a.Action == "Approve":
			category = "Approval"
		}
		result := object{"externalExecutionId": opt(a.Build), "externalExecutionSummary": opt(a.Summary)}
		if a.Message != "" {
			result["errorDetails"] = object{"code": "JobFailed", "message": a.Message}
		}
		members = append(members, object{
			"pipelineExecutionId": e.ID, "stageName": a.Stage, "actionName": a.Action, "status": a.Status,
			"startTime": e.Started.Add(time.Duration(slices.Index(e.Actions, a)) * time.Millisecond),
			"input":     object{"actionTypeId": object{"category": category, "provider": provider}}, "output": object{"executionResult": result},
		})
	}
	return object{"actionExecutionDetails": members, "nextToken": opt(next)}, nil
}

func (d *Double) pipelineHandlers() map[string]handler {
	return map[string]handler{
		"GetPipeline": d.getPipeline, "ListPipelineExecutions": d.listPipelineExecutions,
		"GetPipelineState": d.getPipelineState, "DisableStageTransition": d.disableStageTransition, "EnableStageTransition": d.enableStageTransition,
		"GetPipelineExecution": d.getPipelineExecution, "ListActionExecutions": d.listActionExecutions,
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

// getPipelineState answers with the stages' transitions, and the runs that are in them or wait before them, in the order of the stages
// (docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html).
func (d *Double) getPipelineState(in object) (object, error) {
	t, err := d.pipeline(text(in, "name"))
	if err != nil {
		return nil, err
	}
	states, before := list{}, ""
	for _, stage := range objects(t.Properties, "Stages") {
		name := text(stage, "Name")
		inbound := object{"enabled": true}
		if h, is := d.heldStages[t.ID+"/"+name]; is {
			inbound = object{"enabled": false, "disabledReason": h.reason, "lastChangedAt": h.at, "lastChangedBy": d.caller()}
		}
		state := object{"stageName": name, "inboundTransitionState": inbound}
		waiting := list{}
		for _, e := range d.pipelines[t.ID] {
			if len(e.Actions) == 0 {
				continue
			}
			last := e.Actions[len(e.Actions)-1]
			one := object{"pipelineExecutionId": e.ID, "status": e.Status}
			switch {
			case last.Stage == name:
				state["latestExecution"] = one
			case last.Stage == before && e.Status == "InProgress" && last.Status == "Succeeded":
				waiting = append(waiting, one)
				state["inboundExecution"] = one
			}
		}
		state["inboundExecutions"] = waiting
		states, before = append(states, state), name
	}
	return object{"pipelineName": t.ID, "pipelineVersion": 1, "stageStates": states}, nil
}

// heldStage is a stage whose inbound transition is disabled.
type heldStage struct {
	reason string
	at     time.Time
}

func (d *Double) disableStageTransition(in object) (object, error) {
	key, err := d.stage(in)
	if err == nil {
		d.heldStages[key] = heldStage{text(in, "reason"), d.now()}
	}
	return object{}, err
}

func (d *Double) enableStageTransition(in object) (object, error) {
	key, err := d.stage(in)
	delete(d.heldStages, key)
	return object{}, err
}

// stage is the key of the stage that a call is about.
func (d *Double) stage(in object) (string, error) {
	t, err := d.pipeline(text(in, "pipelineName"))
	if err != nil {
		return "", err
	}
	name := text(in, "stageName")
	for _, stage := range objects(t.Properties, "Stages") {
		if text(stage, "Name") == name {
			return t.ID + "/" + name, nil
		}
	}
	return "", fail("StageNotFoundException", "Pipeline %s does not contain the stage %s", t.ID, name)
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
			"trigger": object{"triggerType": e.Trigger}, "sourceRevisions": revisions(e.Revision),
		})
	}
	return object{"pipelineExecutionSummaries": members, "nextToken": opt(next)}, nil
}

func revisions(of string) list {
	if of == "" {
		return list{}
	}
	return list{object{"actionName": "Source", "revisionId": of}}
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
