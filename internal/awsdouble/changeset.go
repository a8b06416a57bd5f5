package awsdouble

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

type changeSet struct {
	id, name        string
	kind            string // CREATE or UPDATE
	stack           *stack
	parent, root    string // ids; empty for a root's
	description     string
	status, reason  string
	execution       string
	nested          bool
	plan            plan
	role, onFailure string
	changes         []object
	children        []*changeSet
	husks           map[string]string
	validations     []object
	created         time.Time
}

const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

func (d *Double) newChangeSet(s *stack, name, kind string, p plan) *changeSet {
	cs := &changeSet{
		name: name, kind: kind, stack: s, plan: p, status: "CREATE_PENDING", execution: "UNAVAILABLE", created: d.now(),
		id: d.arn("cloudformation", "changeSet/"+name+"/"+d.uuid()), husks: map[string]string{},
	}
	s.changeSets = append(s.changeSets, cs)
	return cs
}

func (cs *changeSet) rootID() string {
	if cs.root != "" {
		return cs.root
	}
	return cs.id
}

// runChangeSet computes what would change; with nested ones the children's change sets come first.
func (d *Double) runChangeSet(cs *changeSet) {
	d.step()
	cs.status = "CREATE_IN_PROGRESS"
	d.step()
	changes, err := d.compare(cs)
	switch {
	case err != nil:
		cs.status, cs.reason = "FAILED", message(err)
	case len(changes) == 0:
		cs.status, cs.reason = "FAILED", noChanges
	default:
		cs.changes = changes
		cs.status, cs.execution = "CREATE_COMPLETE", "AVAILABLE"
		d.validate(cs)
	}
	if cs.parent != "" && cs.execution == "AVAILABLE" {
		cs.execution = "UNAVAILABLE" // only a root's can be executed
	}
}

// compare lists the changes between the stack and the plan. Where a value will be known only afterwards the change is
// reported as one that may happen, as AWS does.
func (d *Double) compare(cs *changeSet) ([]object, error) {
	c := &comparison{d: d, cs: cs, changing: map[string]bool{}}
	var changes []object
	done := map[string]bool{}
	for len(done) < len(cs.plan.template.resources) {
		for _, r := range cs.plan.template.ready(done) {
			done[r.logical] = true
			change, err := c.resource(r)
			if err != nil {
				return nil, err
			}
			if change != nil {
				changes = append(changes, change)
			}
		}
	}
	for _, logical := range slices.Sorted(maps.Keys(cs.stack.resources)) {
		if cs.plan.template.resource(logical) == nil {
			r := cs.stack.resources[logical]
			changes = append(changes, object{
				"Action": "Remove", "LogicalResourceId": logical, "PhysicalResourceId": r.physical, "ResourceType": r.kind,
				"PolicyAction": policyAction(r.retain, "Delete"), "Details": list{}, "Scope": list{},
			})
		}
	}
	return changes, nil
}

func policyAction(retain bool, otherwise string) string {
	if retain {
		return "Retain"
	}
	return otherwise
}

type comparison struct {
	d        *Double
	cs       *changeSet
	changing map[string]bool // logical ids whose Ref and attributes are not known yet
}

func (c *comparison) scope() *scope {
	s := c.d.scope(c.cs.stack, c.cs.plan.parameters)
	ref, att := s.ref, s.att
	s.ref = func(logical string) (string, bool) {
		if c.changing[logical] || c.cs.stack.resources[logical] == nil {
			return afterApply, c.cs.plan.template.resource(logical) != nil
		}
		return ref(logical)
	}
	s.att = func(logical, attribute string) (string, error) {
		r := c.cs.stack.resources[logical]
		if c.changing[logical] || r == nil {
			return afterApply, nil
		}
		return att(logical, attribute)
	}
	return s
}

func (c *comparison) resource(r declared) (object, error) {
	properties, err := c.scope().object(r.properties)
	if err != nil {
		return nil, err
	}
	old := c.cs.stack.resources[r.logical]
	if r.kind == stackType {
		return c.nested(r, old, properties)
	}
	if old == nil {
		c.changing[r.logical] = true
		return object{
			"Action": "Add", "LogicalResourceId": r.logical, "ResourceType": r.kind, "Details": list{}, "Scope": list{},
		}, nil
	}
	change := c.modify(r, old, properties)
	if change != nil && change["Replacement"] != "False" {
		c.changing[r.logical] = true
	}
	return change, nil
}

func (c *comparison) modify(r declared, old *resource, properties object) object {
	var details list
	replacement := "False"
	names := slices.Sorted(maps.Keys(properties))
	for name := range old.properties {
		if _, kept := properties[name]; !kept {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if reflect.DeepEqual(old.properties[name], properties[name]) {
			continue
		}
		recreation := "Never"
		dynamic := strings.Contains(fmt.Sprint(properties[name]), afterApply) && !c.fromParameter(r.properties[name])
		if slices.Contains(c.d.createOnly(r.kind), name) {
			recreation = "Always"
			if replacement != "True" {
				replacement = map[bool]string{true: "Conditional", false: "True"}[dynamic]
			}
		}
		details = append(details, detail(name, recreation, dynamic, old.properties[name], properties[name], r.properties[name]))
	}
	if details == nil {
		return nil
	}
	return object{
		"Action": "Modify", "LogicalResourceId": r.logical, "PhysicalResourceId": old.physical, "ResourceType": r.kind,
		"Replacement": replacement, "Scope": list{"Properties"}, "Details": details,
		"PolicyAction": replaceAction(replacement, r.replace),
	}
}

func replaceAction(replacement, policy string) any {
	switch {
	case replacement == "False":
		return nil
	case policy == "Retain":
		return "ReplaceAndRetain"
	}
	return "ReplaceAndDelete"
}

// fromParameter says whether a value depends on a parameter that the parent stack cannot know yet: in a nested change
// set AWS takes such a value for a changed one.
func (c *comparison) fromParameter(v any) bool {
	return slices.ContainsFunc(references(v), func(name string) bool { return c.cs.plan.parameters[name] == afterApply })
}

func detail(name, recreation string, dynamic bool, before, after, declared any) object {
	evaluation, source := "Static", "DirectModification"
	names := references(declared)
	if len(names) > 0 {
		source = "ParameterReference"
	}
	if dynamic {
		evaluation, source = "Dynamic", "ResourceAttribute"
	}
	out := object{
		"Evaluation": evaluation, "ChangeSource": source,
		"Target": object{
			"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation, "Path": "/Properties/" + name,
			"BeforeValue": shown(before), "AfterValue": shown(after), "AttributeChangeType": "Modify",
		},
	}
	if len(names) > 0 {
		out["CausingEntity"] = names[0]
	}
	return out
}

func shown(v any) any {
	switch v.(type) {
	case nil:
		return nil
	case object, list:
		text, _ := json.Marshal(v) // of maps and scalars: cannot fail
		return string(text)
	}
	return fmt.Sprint(v)
}

// nested compares a nested stack, through a change set of its own where that was asked for.
func (c *comparison) nested(r declared, old *resource, properties object) (object, error) {
	if old == nil {
		c.changing[r.logical] = true
	} else if reflect.DeepEqual(old.properties, properties) {
		return nil, nil
	}
	change := object{"Action": "Add", "LogicalResourceId": r.logical, "ResourceType": r.kind, "Details": list{}, "Scope": list{}}
	if old != nil {
		change = c.modify(r, old, properties)
	}
	if !c.cs.nested {
		c.changing[r.logical] = true
		return change, nil
	}
	child := c.child(r, old, properties)
	if child.status == "FAILED" && child.reason == noChanges {
		c.d.forget(child)
		return nil, nil
	}
	if child.status == "FAILED" {
		return nil, fail("NestedFailed", "Nested change set %s was not successfully created: Currently in FAILED.", child.id)
	}
	c.changing[r.logical] = true
	change["ChangeSetId"], change["PhysicalResourceId"] = child.id, child.stack.id
	return change, nil
}

// child makes the change set of a nested stack; for a new one a stack comes to be that is only in review.
func (c *comparison) child(r declared, old *resource, properties object) *changeSet {
	d, parent := c.d, c.cs
	p, err := d.childPlan(parent.stack, properties)
	kind, s := "UPDATE", (*stack)(nil)
	if old != nil {
		s = d.child(old)
	} else {
		kind, s = "CREATE", d.newStack(d.physicalName(parent.stack.name, r.logical, 128), parent.stack, r.logical)
		parent.husks[s.path[:len(s.path)-1]] = s.id
		d.set(s, "REVIEW_IN_PROGRESS", "User Initiated")
	}
	p.tags = maps.Clone(parent.plan.tags)
	maps.Copy(p.tags, tagMap(objects(properties, "Tags")))
	p.capabilities = parent.plan.capabilities
	cs := d.newChangeSet(s, parent.name+"-"+r.logical+"-"+d.chars(upper, 12), kind, p)
	cs.parent, cs.root, cs.nested = parent.id, parent.rootID(), true
	cs.husks = parent.husks
	parent.children = append(parent.children, cs)
	switch {
	case err == nil && d.nestedCS != "":
		err = fail("NestedFailed", "%s", d.nestedCS)
	case err == nil:
		err = requireCapabilities(p.template, p.capabilities)
	}
	if err != nil {
		cs.status, cs.reason = "FAILED", message(err)
		return cs
	}
	d.runChangeSet(cs)
	return cs
}

// forget removes a change set and those nested in it; stacks that were only in review for it go too.
func (d *Double) forget(cs *changeSet) {
	for _, child := range cs.children {
		d.forget(child)
	}
	cs.stack.changeSets = slices.DeleteFunc(cs.stack.changeSets, func(other *changeSet) bool { return other == cs })
	if cs.parent != "" && cs.stack.status == "REVIEW_IN_PROGRESS" {
		d.set(cs.stack, "DELETE_COMPLETE", "")
	}
}

func (d *Double) changeSet(nameOrID, stackName string) (*changeSet, error) {
	for _, s := range d.stacks {
		for _, cs := range s.changeSets {
			if cs.id == nameOrID || cs.name == nameOrID && s == d.stack(stackName) {
				return cs, nil
			}
		}
	}
	if !strings.HasPrefix(nameOrID, "arn:") && d.stack(stackName) == nil {
		return nil, fail("ValidationError", "Stack [%s] does not exist", stackName)
	}
	return nil, &apiError{Code: "ChangeSetNotFound", Message: "ChangeSet [" + nameOrID + "] does not exist", Status: 404}
}

func (d *Double) createChangeSet(in object) (object, error) {
	s := d.stack(text(in, "StackName"))
	kind := text(in, "ChangeSetType")
	if kind == "" {
		kind = "UPDATE"
	}
	if err := d.mayChange(s, kind, in); err != nil {
		return nil, err
	}
	p, err := d.planFor(s, in)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = d.newStack(text(in, "StackName"), nil, "")
		s.role = text(in, "RoleARN")
		d.set(s, "REVIEW_IN_PROGRESS", "User Initiated")
	}
	cs := d.newChangeSet(s, text(in, "ChangeSetName"), kind, p)
	cs.nested, cs.role, cs.onFailure = flag(in, "IncludeNestedStacks"), text(in, "RoleARN"), text(in, "OnStackFailure")
	cs.description = text(in, "Description")
	d.background(func() { d.runChangeSet(cs) })
	return object{"Id": cs.id, "StackId": s.id}, nil
}

func (d *Double) mayChange(s *stack, kind string, in object) error {
	name, label := text(in, "StackName"), text(in, "ChangeSetName")
	switch {
	case kind == "CREATE" && s != nil && s.status != "REVIEW_IN_PROGRESS":
		return fail("ValidationError", "Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, label)
	case kind == "UPDATE" && s == nil:
		return fail("ValidationError", "Stack [%s] does not exist", name)
	case kind == "UPDATE" && !s.updatable():
		return fail("ValidationError", "Stack:%s is in %s state and can not be updated.", s.id, s.status)
	case s != nil && slices.ContainsFunc(s.changeSets, func(cs *changeSet) bool { return cs.name == label }):
		return fail("AlreadyExistsException", "ChangeSet %s already exists", label)
	}
	return nil
}

// planFor reads template, parameters, tags and capabilities of a request; what it leaves out stays as the stack has it.
func (d *Double) planFor(s *stack, in object) (plan, error) {
	body, err := d.bodyFor(s, in)
	if err != nil {
		return plan{}, err
	}
	t, err := parseTemplate(body)
	if err != nil {
		return plan{}, err
	}
	var previous map[string]string
	tags := tagMap(objects(in, "Tags"))
	if s != nil {
		previous = s.parameters
		if in["Tags"] == nil {
			tags = s.tags
		}
	}
	values, err := t.parameterValues(objects(in, "Parameters"), previous)
	if err != nil {
		return plan{}, err
	}
	p := plan{body, t, values, tags, texts(in, "Capabilities")}
	return p, requireCapabilities(t, p.capabilities)
}

func (d *Double) bodyFor(s *stack, in object) (string, error) {
	switch {
	case len(text(in, "TemplateBody")) > 51200:
		return "", fail("ValidationError", "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200")
	case text(in, "TemplateBody") != "":
		return text(in, "TemplateBody"), nil
	case text(in, "TemplateURL") != "":
		return d.templateAt(text(in, "TemplateURL"))
	case flag(in, "UsePreviousTemplate") && s != nil:
		return s.body, nil
	}
	return "", fail("ValidationError", "Either Template URL or Template Body must be specified.")
}

func (d *Double) describeChangeSet(in object) (object, error) {
	cs, err := d.changeSet(text(in, "ChangeSetName"), text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	changes, next := page(d, cs.changes, text(in, "NextToken"), 0)
	members := list{}
	for _, change := range changes {
		members = append(members, object{"Type": "Resource", "ResourceChange": change})
	}
	out := cs.summary()
	out["Changes"], out["NextToken"], out["OnStackFailure"] = members, opt(next), opt(cs.onFailure)
	out["Parameters"], out["Tags"] = parameterList(cs.plan.parameters), tagPairs(cs.plan.tags)
	out["Capabilities"] = asList(cs.plan.capabilities)
	return out, nil
}

func (cs *changeSet) summary() object {
	return object{
		"ChangeSetId": cs.id, "ChangeSetName": cs.name, "StackId": cs.stack.id, "StackName": cs.stack.name,
		"Status": cs.status, "StatusReason": opt(cs.reason), "ExecutionStatus": cs.execution, "Description": opt(cs.description),
		"CreationTime": cs.created, "IncludeNestedStacks": cs.nested,
		"ParentChangeSetId": opt(cs.parent), "RootChangeSetId": opt(cs.root),
	}
}

func (d *Double) listChangeSets(in object) (object, error) {
	s, err := d.mustStack(text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	sets, next := page(d, s.changeSets, text(in, "NextToken"), 0)
	members := list{}
	for _, cs := range sets {
		members = append(members, cs.summary())
	}
	return object{"Summaries": members, "NextToken": opt(next)}, nil
}

func (d *Double) deleteChangeSet(in object) (object, error) {
	cs, err := d.changeSet(text(in, "ChangeSetName"), text(in, "StackName"))
	if err != nil {
		if e, ok := errors.AsType[*apiError](err); ok && e.Code == "ChangeSetNotFound" {
			return object{}, nil // deleting what is gone is no error
		}
		return nil, err
	}
	switch {
	case cs.parent != "":
		return nil, fail("InvalidChangeSetStatus", "ChangeSet [%s] is nested: delete its root change set", cs.id)
	case strings.HasSuffix(cs.status, "_IN_PROGRESS") || cs.status == "CREATE_PENDING" || cs.execution == "EXECUTE_IN_PROGRESS":
		return nil, fail("InvalidChangeSetStatus", "ChangeSet [%s] cannot be deleted in its current status of [%s]", cs.id, cs.status)
	case !cs.nested:
		d.forget(cs)
		return object{}, nil
	}
	cs.status, cs.execution = "DELETE_PENDING", "UNAVAILABLE"
	d.background(func() {
		d.step()
		cs.status = "DELETE_IN_PROGRESS"
		d.step()
		d.forget(cs)
	})
	return object{}, nil
}

func (d *Double) executeChangeSet(in object) (object, error) {
	cs, err := d.changeSet(text(in, "ChangeSetName"), text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	s := cs.stack
	switch {
	case cs.parent != "":
		return nil, fail("InvalidChangeSetStatus", "ChangeSet [%s] is nested: only its root change set can be executed", cs.id)
	case cs.execution != "AVAILABLE":
		return nil, fail("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", cs.id, cs.status)
	case s.status != "REVIEW_IN_PROGRESS" && !s.updatable():
		return nil, fail("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed: stack is in %s state", cs.id, s.status)
	}
	op := &operation{
		token: text(in, "ClientRequestToken"), role: cs.role, noRollback: flag(in, "DisableRollback"),
		onFailure: cs.onFailure, husks: cs.husks,
	}
	cs.execution, s.changeSet = "EXECUTE_IN_PROGRESS", cs.id
	run := d.runUpdate
	if cs.kind == "CREATE" {
		run, s.tags = d.runCreate, cs.plan.tags // nobody sees a stack in creation that has no tags yet
	}
	d.begun(s, op, cs.kind)
	d.start(s, op, func() {
		run(s, cs.plan)
		d.executed(cs)
	})
	return object{}, nil
}

// begun sets the status that a root stack has from the moment an operation was accepted.
func (d *Double) begun(s *stack, op *operation, kind string) {
	s.op = op
	d.set(s, kind+"_IN_PROGRESS", "User Initiated")
}

// executed settles the change sets: all but the executed ones are gone.
func (d *Double) executed(cs *changeSet) {
	result := "EXECUTE_COMPLETE"
	if strings.Contains(cs.stack.status, "ROLLBACK") || strings.HasSuffix(cs.stack.status, "FAILED") {
		result = "EXECUTE_FAILED"
	}
	cs.execution = result
	for _, child := range cs.children {
		child.execution = result
	}
	for _, other := range slices.Clone(cs.stack.changeSets) {
		if other != cs {
			d.forget(other)
		}
	}
}
