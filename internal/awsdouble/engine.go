package awsdouble

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// plan is what a stack is to become.
type plan struct {
	body         string
	template     *template
	parameters   map[string]string
	tags         map[string]string
	capabilities []string
}

func (d *Double) scope(s *stack, parameters map[string]string) *scope {
	return &scope{
		d: d, stack: s, parameters: parameters,
		ref: func(logical string) (string, bool) {
			if r := s.resources[logical]; r != nil {
				return r.physical, true
			}
			return "", false
		},
		att: func(logical, attribute string) (string, error) {
			return d.attribute(s.resources[logical], logical, attribute)
		},
	}
}

// attribute answers Fn::GetAtt.
func (d *Double) attribute(r *resource, logical, attribute string) (string, error) {
	if r == nil {
		return "", fail("ValidationError", "Template error: instance of Fn::GetAtt references undefined resource %s", logical)
	}
	if r.kind != stackType {
		if value, ok := r.thing.Attributes[attribute]; ok {
			return value, nil
		}
		if _, known := d.kinds[r.kind]; !known {
			return r.physical + "/" + attribute, nil
		}
		return "", fail("ValidationError", "Template error: resource %s does not support attribute type %s in Fn::GetAtt", logical, attribute)
	}
	name := strings.TrimPrefix(attribute, "Outputs.")
	for _, o := range d.child(r).outputs {
		if o["OutputKey"] == name {
			return text(o, "OutputValue"), nil
		}
	}
	return "", fail("ValidationError", "Template error: resource %s does not support attribute type %s in Fn::GetAtt", logical, attribute)
}

// start runs an operation on a root stack in the background.
func (d *Double) start(s *stack, op *operation, run func()) {
	s.op = op
	if op.role != "" {
		s.role = op.role
	}
	d.background(func() {
		d.step()
		run()
	})
}

func (d *Double) runCreate(s *stack, p plan) {
	said := d.converge(s, p)
	if s.op.removed {
		d.deleteStack(s, nil)
		return
	}
	if said == "" {
		s.before = nil
		d.set(s, "CREATE_COMPLETE", "")
		return
	}
	if s.op.noRollback || s.op.onFailure == "DO_NOTHING" {
		d.set(s, "CREATE_FAILED", said)
		return
	}
	if s.op.onFailure == "DELETE" {
		d.deleteStack(s, nil)
		return
	}
	d.set(s, "ROLLBACK_IN_PROGRESS", said+"Rollback requested by user.")
	d.step()
	if left := d.deleteResources(s, nil); len(left) > 0 {
		d.set(s, "ROLLBACK_FAILED", failedTo("delete", left))
		return
	}
	d.set(s, "ROLLBACK_COMPLETE", "")
}

func (d *Double) runUpdate(s *stack, p plan) {
	said := d.converge(s, p)
	if said == "" {
		d.set(s, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
		d.step()
		d.cleanUp(s, "UPDATE_COMPLETE")
		return
	}
	if s.op.cancelled {
		said = "User Initiated"
	}
	if s.op.noRollback {
		d.pause(s, said)
		return
	}
	d.rollBack(s, said)
}

// pause ends a failed update without taking it back: what was done stays, until the next update or RollbackStack
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html).
func (d *Double) pause(s *stack, said string) {
	for _, other := range d.tree(s) {
		if other.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" {
			d.set(other, "UPDATE_COMPLETE", "")
		}
	}
	d.set(s, "UPDATE_FAILED", said)
}

// failedTo is how CloudFormation names what failed; empty where nothing did.
func failedTo(verb string, failed []string) string {
	if len(failed) == 0 {
		return ""
	}
	return "The following resource(s) failed to " + verb + ": [" + strings.Join(failed, ", ") + "]. "
}

// rollBack undoes a root's update and cleans up after it.
func (d *Double) rollBack(s *stack, reason string) {
	if left := d.restore(s, reason); len(left) > 0 {
		return
	}
	d.set(s, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
	d.step()
	d.cleanUp(s, "UPDATE_ROLLBACK_COMPLETE")
}

// converge makes the stack's resources what the plan says. It returns what the stack's reason for having failed is, or
// nothing where it has not.
func (d *Double) converge(s *stack, p plan) string {
	s.remember()
	s.body, s.template, s.parameters, s.description = p.body, p.template, p.parameters, p.template.description
	s.tags, s.capabilities = p.tags, p.capabilities
	done := map[string]bool{}
	for len(done) < len(p.template.resources) {
		wave := p.template.ready(done)
		if said := d.convergeWave(s, wave); said != "" {
			return said
		}
		for _, r := range wave {
			done[r.logical] = true
		}
	}
	for _, logical := range slices.Clone(s.order) {
		if p.template.resource(logical) == nil {
			s.discard(s.resources[logical])
			delete(s.resources, logical)
			s.order = slices.DeleteFunc(s.order, func(l string) bool { return l == logical })
		}
	}
	outputs, err := d.outputs(s)
	if err != nil {
		return message(err)
	}
	s.outputs = outputs
	return ""
}

// remember keeps the last stable state: an update that follows one which failed, and was not taken back, has the same.
func (s *stack) remember() {
	if s.before != nil {
		return
	}
	before := &snapshot{
		body: s.body, template: s.template, parameters: s.parameters, tags: s.tags,
		resources: map[string]resource{}, order: slices.Clone(s.order), outputs: s.outputs,
	}
	for logical, r := range s.resources {
		before.resources[logical] = *r
	}
	s.before, s.touched, s.trash, s.rollbackStarted = before, nil, nil, false
}

func (s *stack) discard(r *resource) {
	gone := *r
	s.trash = append(s.trash, &gone)
}

func (d *Double) outputs(s *stack) ([]object, error) {
	var outputs []object
	for _, key := range slices.Sorted(maps.Keys(s.template.outputs)) {
		declared := sub(s.template.outputs, key)
		value, err := d.scope(s, s.parameters).resolve(declared["Value"])
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, object{
			"OutputKey": key, "OutputValue": fmt.Sprint(value), "Description": opt(text(declared, "Description")),
		})
	}
	return outputs, nil
}

// work is one resource on its way.
type work struct {
	declared   declared
	resource   *resource
	properties object
	verb       string // CREATE or UPDATE; empty where nothing changes
	replaces   bool
}

// convergeWave begins what can go on at the same time and finishes it one by one; the first failure cancels the rest.
func (d *Double) convergeWave(s *stack, wave []declared) string {
	var begun []*work
	failed := map[string][]string{} // logical ids by verb
	failWork := func(w *work, why string) {
		failed[w.verb] = append(failed[w.verb], w.declared.logical)
		d.mark(s, w.resource, w.verb+"_FAILED", why)
	}
	for _, r := range wave {
		w, err := d.begin(s, r)
		if err != nil {
			failWork(w, message(err))
			break
		}
		if w.verb != "" {
			begun = append(begun, w)
			d.step()
		}
	}
	for _, w := range begun {
		if len(failed) > 0 || s.op.stopped() {
			failWork(w, "Resource "+gerund(w.verb)+" cancelled")
			continue
		}
		if err := d.finish(s, w); err != nil {
			failWork(w, message(err))
		}
	}
	if len(failed) == 0 && s.op.stopped() {
		return "User Initiated"
	}
	return failedTo("create", failed["CREATE"]) + failedTo("update", failed["UPDATE"])
}

func (o *operation) stopped() bool { return o.cancelled || o.removed }

func gerund(verb string) string {
	if verb == "CREATE" {
		return "creation"
	}
	return "update"
}

func message(err error) string {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.Message
	}
	return err.Error()
}

// begin decides what is to be done with a resource and says that it starts.
func (d *Double) begin(s *stack, r declared) (*work, error) {
	w := &work{declared: r, resource: s.resources[r.logical], verb: "UPDATE"}
	if w.resource == nil {
		w.verb = "CREATE"
		w.resource = &resource{logical: r.logical, kind: r.kind}
		s.resources[r.logical] = w.resource
		s.order = append(s.order, r.logical)
	}
	properties, err := d.scope(s, s.parameters).object(r.properties)
	if err != nil {
		return w, err
	}
	w.properties = properties
	w.resource.retain = r.deletion == "Retain"
	if w.verb == "UPDATE" {
		if w.resource.kind == r.kind && reflect.DeepEqual(w.resource.properties, properties) {
			w.verb = ""
			return w, nil
		}
		w.replaces = d.mustReplace(w.resource, r.kind, properties)
	}
	s.touched = append(s.touched, r.logical)
	reason := ""
	if w.replaces {
		reason = "Requested update requires the creation of a new physical resource; hence creating one."
	}
	w.resource.properties = properties
	d.mark(s, w.resource, w.verb+"_IN_PROGRESS", reason)
	return w, nil
}

// mustReplace says whether an update changes a property that can be set only on creation.
func (d *Double) mustReplace(r *resource, kind string, properties object) bool {
	if r.kind != kind {
		return true
	}
	return slices.ContainsFunc(d.createOnly(kind), func(p string) bool {
		return !reflect.DeepEqual(r.properties[p], properties[p])
	})
}

// finish brings one resource to its end.
func (d *Double) finish(s *stack, w *work) error {
	d.step()
	r := w.resource
	why := d.failing["converge "+s.path+r.logical]
	switch {
	case r.kind == stackType:
		return d.finishChild(s, w)
	case w.verb == "CREATE" || w.replaces:
		if w.replaces && w.declared.replace != "Retain" {
			old := s.before.resources[r.logical]
			old.retain = false // DeletionPolicy does not count here
			s.discard(&old)
		}
		if why != "" && r.kind != "AWS::ECS::Service" {
			return fail("HandlerFailure", "%s", why)
		}
		if err := d.makeThing(s, w); err != nil {
			return err
		}
		d.mark(s, r, w.verb+"_IN_PROGRESS", "Resource creation Initiated")
		d.step()
	case why != "" && r.kind != "AWS::ECS::Service":
		return fail("HandlerFailure", "%s", why)
	default:
		if err := d.changeThing(r.thing, w.properties); err != nil {
			return err
		}
	}
	if err := d.settle(r.thing, why); err != nil {
		return err
	}
	d.mark(s, r, w.verb+"_COMPLETE", "")
	return nil
}

// finishChild makes or updates a nested stack.
func (d *Double) finishChild(s *stack, w *work) error {
	r := w.resource
	p, err := d.childPlan(s, w.properties)
	if err != nil {
		return err
	}
	if w.verb == "CREATE" {
		return d.createChild(s, r, p)
	}
	c := d.child(r)
	if c.same(p) {
		d.mark(s, r, "UPDATE_COMPLETE", "")
		return nil
	}
	c.op = s.op
	d.set(c, "UPDATE_IN_PROGRESS", "User Initiated")
	if said := d.converge(c, p); said != "" {
		status := "UPDATE_ROLLBACK_IN_PROGRESS"
		if s.op.noRollback {
			status = "UPDATE_FAILED"
		}
		d.set(c, status, said)
		c.rollbackStarted = !s.op.noRollback
		return fail("HandlerFailure", "Embedded stack %s was not successfully updated. Currently in %s with reason: %s", c.id, status, strings.TrimSpace(said))
	}
	d.set(c, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
	d.mark(s, r, "UPDATE_COMPLETE", "")
	return nil
}

func (s *stack) same(p plan) bool {
	return s.body == p.body && maps.Equal(s.parameters, p.parameters) && maps.Equal(s.tags, p.tags)
}

func (d *Double) createChild(s *stack, r *resource, p plan) error {
	c := d.stack(s.op.husks[s.path+r.logical])
	if c == nil {
		c = d.newStack(d.physicalName(s.name, r.logical, 128), s, r.logical)
	}
	c.op, c.role = s.op, s.role
	r.physical = c.id
	d.set(c, "CREATE_IN_PROGRESS", "User Initiated")
	d.mark(s, r, "CREATE_IN_PROGRESS", "Resource creation Initiated")
	if err := requireCapabilities(p.template, p.capabilities); err != nil {
		d.set(c, "CREATE_FAILED", message(err))
		return fail("HandlerFailure", "Embedded stack %s was not successfully created: %s", c.id, message(err))
	}
	if said := d.converge(c, p); said != "" {
		d.set(c, "CREATE_FAILED", said)
		return fail("HandlerFailure", "Embedded stack %s was not successfully created: %s", c.id, said)
	}
	c.before = nil
	d.set(c, "CREATE_COMPLETE", "")
	d.mark(s, r, "CREATE_COMPLETE", "")
	return nil
}

// childPlan reads the template and parameters of a nested stack's resolved properties.
func (d *Double) childPlan(s *stack, properties object) (plan, error) {
	body, err := d.templateAt(text(properties, "TemplateURL"))
	if err != nil {
		return plan{}, err
	}
	t, err := parseTemplate(body)
	if err != nil {
		return plan{}, err
	}
	var given []object
	for key, value := range sub(properties, "Parameters") {
		given = append(given, object{"ParameterKey": key, "ParameterValue": fmt.Sprint(value)})
	}
	values, err := t.parameterValues(given, nil)
	if err != nil {
		return plan{}, err
	}
	tags := maps.Clone(s.tags)
	maps.Copy(tags, tagMap(objects(properties, "Tags")))
	return plan{body, t, values, tags, s.capabilities}, nil
}

// restore takes a stack back to what it was before the running update; it returns what could not be taken back.
func (d *Double) restore(s *stack, reason string) []string {
	if !s.rollbackStarted {
		d.set(s, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
	}
	s.rollbackStarted = true
	d.step()
	if s.before == nil {
		return nil
	}
	var failed []string
	for _, logical := range slices.Clone(s.touched) {
		if !d.restoreResource(s, logical) {
			failed = append(failed, logical)
		}
	}
	b := s.before
	s.body, s.template, s.parameters, s.tags, s.order, s.outputs = b.body, b.template, b.parameters, b.tags, b.order, b.outputs
	for logical, old := range b.resources {
		if s.resources[logical] == nil { // discarded by the update, not yet deleted
			s.resources[logical] = new(old)
		}
	}
	s.trash = slices.DeleteFunc(s.trash, func(r *resource) bool { return b.resources[r.logical].physical == r.physical })
	if len(failed) > 0 {
		d.set(s, "UPDATE_ROLLBACK_FAILED", failedTo("update", failed))
	}
	return failed
}

// restoreResource takes one resource back and says whether it could.
func (d *Double) restoreResource(s *stack, logical string) bool {
	r := s.resources[logical]
	old, existed := s.before.resources[logical]
	if !existed {
		if r != nil {
			s.discard(r)
			delete(s.resources, logical)
		}
		return true
	}
	d.mark(s, r, "UPDATE_IN_PROGRESS", "")
	d.step()
	skipped := s.op.skip[s.skipName(logical)]
	if why := d.failing["rollback "+s.path+logical]; why != "" && !skipped {
		d.mark(s, r, "UPDATE_FAILED", why)
		return false
	}
	if r.kind == stackType && d.child(r) != nil && d.child(r).before != nil && !skipped {
		c := d.child(r)
		c.op = s.op
		if left := d.restore(c, "User Initiated"); len(left) > 0 {
			d.mark(s, r, "UPDATE_FAILED", "Embedded stack "+c.id+" was not successfully updated. Currently in UPDATE_ROLLBACK_FAILED with reason: "+strings.TrimSpace(c.reason))
			return false
		}
		d.set(c, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
	}
	if r.physical != old.physical && r.physical != "" {
		s.discard(r)
	}
	r.physical, r.properties, r.thing, r.kind = old.physical, old.properties, old.thing, old.kind
	if r.thing != nil && !skipped {
		_ = d.changeThing(r.thing, old.properties) // what it was before cannot be refused
		_ = d.settle(r.thing, "")
	}
	d.mark(s, r, "UPDATE_COMPLETE", "")
	return true
}

// cleanUp deletes what an update or its rollback left over, children first, and ends in the given status.
func (d *Double) cleanUp(s *stack, status string) {
	for _, logical := range s.order {
		if r := s.resources[logical]; r != nil && r.kind == stackType {
			if c := d.child(r); c != nil && (c.before != nil || strings.HasSuffix(c.status, "CLEANUP_IN_PROGRESS")) {
				d.cleanUp(c, status)
			}
		}
	}
	for _, r := range slices.Backward(s.trash) {
		d.deleteResource(s, r)
	}
	s.trash, s.before, s.touched = nil, nil, nil
	d.set(s, status, "")
}

// deleteStack deletes a stack with all that it holds, but for what is to be kept.
func (d *Double) deleteStack(s *stack, keep []string) bool {
	d.set(s, "DELETE_IN_PROGRESS", "User Initiated")
	d.step()
	if left := d.deleteResources(s, keep); len(left) > 0 {
		d.set(s, "DELETE_FAILED", failedTo("delete", left))
		return false
	}
	d.set(s, "DELETE_COMPLETE", "")
	return true
}

func (d *Double) deleteResources(s *stack, keep []string) []string {
	var left []string
	for _, logical := range slices.Backward(slices.Clone(s.order)) {
		r := s.resources[logical]
		if r == nil || r.status == "DELETE_COMPLETE" || r.status == "DELETE_SKIPPED" {
			continue
		}
		if slices.Contains(keep, logical) {
			r.retain = true
		}
		if !d.deleteResource(s, r) {
			left = append(left, logical)
		}
	}
	return left
}

// deleteResource deletes one resource and says whether it could.
func (d *Double) deleteResource(s *stack, r *resource) bool {
	if r.retain {
		d.mark(s, r, "DELETE_SKIPPED", "")
		return true
	}
	d.mark(s, r, "DELETE_IN_PROGRESS", "")
	d.step()
	if why := d.failing["delete "+s.path+r.logical]; why != "" {
		d.mark(s, r, "DELETE_FAILED", why)
		return false
	}
	if c := d.child(r); r.kind == stackType && c != nil && c.status != "DELETE_COMPLETE" {
		c.op = s.op
		if !d.deleteStack(c, nil) {
			d.mark(s, r, "DELETE_FAILED", "Embedded stack "+c.id+" was not successfully deleted: "+c.reason)
			return false
		}
	}
	if r.thing != nil {
		if err := d.removeThing(r.thing); err != nil {
			d.mark(s, r, "DELETE_FAILED", message(err))
			return false
		}
	}
	d.mark(s, r, "DELETE_COMPLETE", "")
	return true
}

func tagMap(tags []object) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[text(t, "Key")] = text(t, "Value")
	}
	return out
}
