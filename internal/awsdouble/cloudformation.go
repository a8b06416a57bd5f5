package awsdouble

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
)

func (d *Double) cloudFormationHandlers() map[string]handler {
	return map[string]handler{
		"CreateChangeSet": d.createChangeSet, "DescribeChangeSet": d.describeChangeSet, "ListChangeSets": d.listChangeSets,
		"DeleteChangeSet": d.deleteChangeSet, "ExecuteChangeSet": d.executeChangeSet,
		"CreateStack": d.createStack, "UpdateStack": d.updateStack, "DeleteStack": d.deleteStackCall,
		"CancelUpdateStack": d.cancelUpdateStack, "ContinueUpdateRollback": d.continueUpdateRollback, "RollbackStack": d.rollbackStack,
		"UpdateTerminationProtection": d.updateTerminationProtection,
		"DescribeStacks":              d.describeStacks, "ListStacks": d.listStacks, "DescribeStackEvents": d.describeStackEvents, "DescribeEvents": d.describeEvents,
		"DescribeStackResource": d.describeStackResource, "DescribeStackResources": d.describeStackResources,
		"ListStackResources": d.listStackResources, "GetTemplate": d.getTemplate, "ValidateTemplate": d.validateTemplate,
	}
}

func (d *Double) mustStack(nameOrID string) (*stack, error) {
	if s := d.stack(nameOrID); s != nil {
		return s, nil
	}
	return nil, fail("ValidationError", "Stack with id %s does not exist", nameOrID)
}

// templateAt reads a template that a URL names: in one of the double's buckets.
func (d *Double) templateAt(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", fail("ValidationError", "TemplateURL must be a supported URL.")
	}
	bucketName, key := "", strings.TrimPrefix(u.Path, "/")
	switch host, _, _ := strings.Cut(u.Host, "."); {
	case strings.HasSuffix(u.Host, ".amazonaws.com") && host != "s3" && strings.Contains(u.Host, ".s3"):
		bucketName, _, _ = strings.Cut(u.Host, ".s3")
	case "http://"+u.Host == d.URL || host == "s3":
		bucketName, key, _ = strings.Cut(key, "/")
	default:
		return "", fail("ValidationError", "TemplateURL must be a supported URL.")
	}
	b := d.buckets[bucketName]
	if b == nil {
		return "", fail("ValidationError", "S3 error: The specified bucket does not exist\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
	}
	v := b.latest(key)
	if v == nil {
		return "", fail("ValidationError", "S3 error: Access Denied\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
	}
	return string(v.body), nil
}

func (d *Double) createStack(in object) (object, error) {
	if d.stack(text(in, "StackName")) != nil {
		return nil, fail("AlreadyExistsException", "Stack [%s] already exists", text(in, "StackName"))
	}
	p, err := d.planFor(nil, in)
	if err != nil {
		return nil, err
	}
	s := d.newStack(text(in, "StackName"), nil, "")
	s.protected = flag(in, "EnableTerminationProtection")
	op := &operation{
		token: text(in, "ClientRequestToken"), role: text(in, "RoleARN"),
		noRollback: flag(in, "DisableRollback"), onFailure: text(in, "OnFailure"),
	}
	d.begun(s, op, "CREATE")
	d.start(s, op, func() { d.runCreate(s, p) })
	return object{"StackId": s.id}, nil
}

func (d *Double) updateStack(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, fail("ValidationError", "Stack [%s] does not exist", text(in, "StackName"))
	}
	if !s.updatable() {
		return nil, fail("ValidationError", "Stack:%s is in %s state and can not be updated.", s.id, s.status)
	}
	p, err := d.planFor(s, in)
	if err != nil {
		return nil, err
	}
	changes, err := d.compare(&changeSet{stack: s, plan: p})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, fail("ValidationError", "No updates are to be performed.")
	}
	op := &operation{token: text(in, "ClientRequestToken"), role: text(in, "RoleARN"), noRollback: flag(in, "DisableRollback")}
	d.begun(s, op, "UPDATE")
	d.start(s, op, func() { d.runUpdate(s, p) })
	return object{"StackId": s.id}, nil
}

func (d *Double) deleteStackCall(in object) (object, error) {
	s := d.stack(text(in, "StackName"))
	if s == nil || s.status == "DELETE_COMPLETE" || s.status == "DELETE_IN_PROGRESS" {
		return object{}, nil // deleting what is gone is no error
	}
	switch {
	case s.protected:
		return nil, fail("ValidationError", "Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
	case s.inProgress() && s.status != "CREATE_IN_PROGRESS":
		return nil, fail("ValidationError", "Stack [%s] cannot be deleted while in status %s", s.id, s.status)
	case s.status == "REVIEW_IN_PROGRESS":
		s.op = &operation{token: text(in, "ClientRequestToken")}
		for _, cs := range slices.Clone(s.changeSets) {
			d.forget(cs)
		}
		d.set(s, "DELETE_COMPLETE", "")
		return object{}, nil
	case s.status == "CREATE_IN_PROGRESS" && s.op != nil:
		s.op.removed, s.op.token = true, text(in, "ClientRequestToken")
		return object{}, nil
	}
	keep := texts(in, "RetainResources")
	if len(keep) > 0 && s.status != "DELETE_FAILED" {
		return nil, fail("ValidationError", "Invalid operation on stack [%s]. Retained resources can be specified only when the stack is in the DELETE_FAILED state.", s.id)
	}
	op := &operation{token: text(in, "ClientRequestToken"), role: text(in, "RoleARN")}
	// Without one, CloudFormation acts with the role of the stack's last operation.
	if role := cmp.Or(op.role, s.role); role != "" && d.thing("AWS::IAM::Role", lastPart(role, "/")) == nil {
		return nil, fail("ValidationError", "Role %s is invalid or cannot be assumed", role)
	}
	s.op, s.status = op, "DELETE_IN_PROGRESS"
	d.start(s, op, func() { d.deleteStack(s, keep) })
	return object{}, nil
}

func (d *Double) cancelUpdateStack(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	if s.status != "UPDATE_IN_PROGRESS" {
		return nil, fail("ValidationError", "CancelUpdateStack cannot be called from current stack status")
	}
	s.op.cancelled = true
	return object{}, nil
}

func (d *Double) continueUpdateRollback(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	switch {
	case s.status != "UPDATE_ROLLBACK_FAILED":
		return nil, fail("ValidationError", "Stack:%s is in %s state and can not continue rollback.", s.id, s.status)
	case s.parent != "":
		return nil, fail("ValidationError", "RollbackUpdatedStack cannot be invoked on child stacks")
	}
	op := &operation{token: text(in, "ClientRequestToken"), role: text(in, "RoleARN"), skip: map[string]bool{}}
	for _, name := range texts(in, "ResourcesToSkip") {
		if !d.skippable(s, name) {
			return nil, fail("ValidationError", "Resource [%s] cannot be skipped", name)
		}
		op.skip[name] = true
	}
	s.op = op
	d.set(s, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	s.rollbackStarted = true
	for _, other := range d.tree(s) {
		if other != s {
			other.rollbackStarted = false
		}
	}
	d.start(s, op, func() { d.rollBack(s, "") })
	return object{}, nil
}

// rollbackStack takes a paused update back, and deletes a stack that never was stable. That is documented
// (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html), the words of the refusals are not.
func (d *Double) rollbackStack(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	switch {
	case s.status != "UPDATE_FAILED" && s.status != "CREATE_FAILED":
		return nil, fail("ValidationError", "Stack:%s is in %s state and can not be rolled back.", s.id, s.status)
	case s.parent != "":
		return nil, fail("ValidationError", "RollbackStack cannot be invoked on child stacks")
	}
	s.op = &operation{token: text(in, "ClientRequestToken"), role: text(in, "RoleARN")}
	if s.status == "CREATE_FAILED" || s.before != nil && s.before.template == nil {
		s.status = "DELETE_IN_PROGRESS"
		d.start(s, s.op, func() { d.deleteStack(s, nil) })
		return object{"StackId": s.id}, nil
	}
	d.set(s, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	s.rollbackStarted = true
	d.start(s, s.op, func() { d.rollBack(s, "") })
	return object{"StackId": s.id}, nil
}

// skippable says whether a continued rollback may leave out a resource: one that failed to go back, of a nested stack with
// that stack's name before it; a nested stack itself only once it is being deleted. That is documented
// (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html), the words of the refusal are not.
func (d *Double) skippable(root *stack, name string) bool {
	for _, s := range d.tree(root) {
		for logical, r := range s.resources {
			if s.skipName(logical) != name {
				continue
			}
			if c := d.child(r); r.kind == stackType && c != nil && !strings.HasPrefix(c.status, "DELETE_") {
				return false
			}
			return r.status == "UPDATE_FAILED" && !strings.HasSuffix(r.reason, " cancelled")
		}
	}
	return false
}

// skipName is how ContinueUpdateRollback calls a resource that is to be left out.
func (s *stack) skipName(logical string) string {
	if s.parent == "" {
		return logical
	}
	return s.name + "." + logical
}

func (d *Double) updateTerminationProtection(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	s.protected = flag(in, "EnableTerminationProtection")
	return object{"StackId": s.id}, nil
}

func (d *Double) describeStacks(in object) (object, error) {
	var found []*stack
	if name := text(in, "StackName"); name != "" {
		s, err := d.mustStack(name)
		if err != nil {
			return nil, err
		}
		found = []*stack{s}
	} else {
		for _, s := range slices.Backward(d.stacks) {
			if s.status != "DELETE_COMPLETE" {
				found = append(found, s)
			}
		}
	}
	found, next := page(d, found, text(in, "NextToken"), 0)
	members := list{}
	for _, s := range found {
		members = append(members, s.described())
	}
	return object{"Stacks": members, "NextToken": opt(next)}, nil
}

func (s *stack) described() object {
	outputs := list{}
	for _, o := range s.outputs {
		outputs = append(outputs, o)
	}
	out := s.summary()
	maps.Copy(out, object{
		"ChangeSetId": opt(s.changeSet), "Description": opt(s.description), "RoleARN": opt(s.role),
		"Parameters": parameterList(s.parameters), "Outputs": outputs, "Tags": tagPairs(s.tags),
		"Capabilities": asList(s.capabilities), "DisableRollback": false, "EnableTerminationProtection": s.protected,
		"NotificationARNs": list{}, "RollbackConfiguration": object{},
	})
	return out
}

func (s *stack) summary() object {
	return object{
		"StackId": s.id, "StackName": s.name, "StackStatus": s.status, "StackStatusReason": opt(s.reason),
		"CreationTime": s.created, "LastUpdatedTime": optTime(s.updated), "DeletionTime": optTime(s.deleted),
		"ParentId": opt(s.parent), "RootId": opt(s.root), "DriftInformation": object{"StackDriftStatus": "NOT_CHECKED"},
	}
}

func parameterList(values map[string]string) list {
	out := list{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, object{"ParameterKey": key, "ParameterValue": values[key]})
	}
	return out
}

func tagPairs(tags map[string]string) list {
	out := list{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, object{"Key": key, "Value": tags[key]})
	}
	return out
}

func (d *Double) listStacks(in object) (object, error) {
	wanted := texts(in, "StackStatusFilter")
	var found []*stack
	for _, s := range slices.Backward(d.stacks) {
		if len(wanted) == 0 || slices.Contains(wanted, s.status) {
			found = append(found, s)
		}
	}
	found, next := page(d, found, text(in, "NextToken"), 0)
	members := list{}
	for _, s := range found {
		members = append(members, s.summary())
	}
	return object{"StackSummaries": members, "NextToken": opt(next)}, nil
}

// describeStackEvents answers newest first; the token counts from the oldest, so that pages do not shift while events
// come in.
func (d *Double) describeStackEvents(in object) (object, error) {
	s := d.stack(text(in, "StackName"))
	if s == nil {
		return nil, fail("ValidationError", "Stack [%s] does not exist", text(in, "StackName"))
	}
	end := len(s.events)
	if token := number(in, "NextToken"); token > 0 {
		end = min(end, token)
	}
	start := max(0, end-d.pageSize)
	members := list{}
	for _, e := range slices.Backward(s.events[start:end]) {
		members = append(members, object{
			"EventId": e.id, "StackId": s.id, "StackName": s.name, "LogicalResourceId": e.logical,
			"PhysicalResourceId": opt(e.physical), "ResourceType": e.kind, "Timestamp": e.time, "ResourceStatus": e.status,
			"ResourceStatusReason": opt(e.cause), "ResourceProperties": opt(e.properties), "ClientRequestToken": opt(e.token),
		})
	}
	out := object{"StackEvents": members}
	if start > 0 {
		out["NextToken"] = start
	}
	return out, nil
}

func (s *stack) resourceList(timeKey string) []object {
	var out []object
	for _, logical := range s.order {
		r := s.resources[logical]
		if r == nil {
			continue
		}
		out = append(out, object{
			"LogicalResourceId": logical, "PhysicalResourceId": opt(r.physical), "ResourceType": r.kind,
			"ResourceStatus": r.status, "ResourceStatusReason": opt(r.reason), timeKey: r.changed,
			"DriftInformation": object{"StackResourceDriftStatus": "NOT_CHECKED"},
		})
	}
	return out
}

func (d *Double) listStackResources(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	found, next := page(d, s.resourceList("LastUpdatedTimestamp"), text(in, "NextToken"), 0)
	members := list{}
	for _, r := range found {
		members = append(members, r)
	}
	return object{"StackResourceSummaries": members, "NextToken": opt(next)}, nil
}

func (d *Double) describeStackResources(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	members := list{}
	for _, r := range s.resourceList("Timestamp") {
		if wanted := text(in, "LogicalResourceId"); wanted == "" || wanted == r["LogicalResourceId"] {
			r["StackId"], r["StackName"] = s.id, s.name
			members = append(members, r)
		}
	}
	return object{"StackResources": members}, nil
}

func (d *Double) describeStackResource(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	for _, r := range s.resourceList("LastUpdatedTimestamp") {
		if r["LogicalResourceId"] == text(in, "LogicalResourceId") {
			r["StackId"], r["StackName"] = s.id, s.name
			return object{"StackResourceDetail": r}, nil
		}
	}
	return nil, fail("ValidationError", "Resource %s does not exist for stack %s", text(in, "LogicalResourceId"), s.name)
}

func (d *Double) getTemplate(in object) (object, error) {
	if name := text(in, "ChangeSetName"); name != "" {
		cs, err := d.changeSet(name, text(in, "StackName"))
		if err != nil {
			return nil, err
		}
		return object{"TemplateBody": cs.plan.body, "StagesAvailable": list{"Original", "Processed"}}, nil
	}
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	return object{"TemplateBody": s.body, "StagesAvailable": list{"Original", "Processed"}}, nil
}

func (d *Double) validateTemplate(in object) (object, error) {
	body, err := d.bodyFor(nil, in)
	if err != nil {
		return nil, err
	}
	t, err := parseTemplate(body)
	if err != nil {
		return nil, err
	}
	return object{"Description": opt(t.description)}, nil
}
