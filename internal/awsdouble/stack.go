package awsdouble

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

const stackType = "AWS::CloudFormation::Stack"

type stack struct {
	id, name        string
	parent, root    string // ids; empty for a root
	path            string // logical ids below the root, each with a dot behind it
	status, reason  string
	role            string
	description     string
	body            string
	template        *template
	parameters      map[string]string
	tags            map[string]string
	capabilities    []string
	protected       bool
	created         time.Time
	updated         time.Time
	deleted         time.Time
	outputs         []object
	resources       map[string]*resource
	order           []string // logical ids as they were made
	events          []event  // oldest first
	changeSets      []*changeSet
	changeSet       string // id of the last one that was executed
	op              *operation
	before          *snapshot // while an update can be rolled back
	touched         []string  // logical ids, in the running update
	trash           []*resource
	rollbackStarted bool
}

type resource struct {
	logical, kind, physical string
	properties              object // resolved
	status, reason          string
	retain                  bool // DeletionPolicy
	changed                 time.Time
	thing                   *thing // nil for nested stacks, and where nothing was made
}

// snapshot is what an update may have to go back to.
type snapshot struct {
	body       string
	template   *template
	parameters map[string]string
	tags       map[string]string
	resources  map[string]resource
	order      []string
	outputs    []object
}

type event struct {
	id                                     string
	logical, physical, kind, status, cause string
	properties, token                      string
	time                                   time.Time
}

// operation is one create, update or delete of a whole tree.
type operation struct {
	token      string
	role       string
	noRollback bool
	onFailure  string            // DO_NOTHING, ROLLBACK or DELETE; empty as ROLLBACK
	husks      map[string]string // path of a new child -> the stack that its change set left in review
	cancelled  bool              // by CancelUpdateStack
	removed    bool              // by DeleteStack while creating
	skip       map[string]bool   // by ContinueUpdateRollback: STACKNAME.LogicalId
}

func (d *Double) newStack(name string, parent *stack, logical string) *stack {
	s := &stack{
		name: name, created: d.now(), resources: map[string]*resource{}, tags: map[string]string{},
		id: d.arn("cloudformation", "stack/"+name+"/"+d.uuid()),
	}
	if parent != nil {
		s.parent, s.root, s.path = parent.id, parent.rootID(), parent.path+logical+"."
		s.role, s.capabilities, s.protected = parent.role, parent.capabilities, parent.protected
	}
	d.stacks = append(d.stacks, s)
	return s
}

func (s *stack) rootID() string {
	if s.root != "" {
		return s.root
	}
	return s.id
}

// stack finds a stack by name, where deleted ones are not found, or by id.
func (d *Double) stack(nameOrID string) *stack {
	for _, s := range slices.Backward(d.stacks) {
		if s.id == nameOrID || s.name == nameOrID && s.status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

// tree is a stack and all that are nested in it.
func (d *Double) tree(root *stack) []*stack {
	return slices.DeleteFunc(slices.Clone(d.stacks), func(s *stack) bool { return s.rootID() != root.rootID() })
}

// set changes a stack's status, with the event that says so.
func (d *Double) set(s *stack, status, reason string) {
	s.status, s.reason = status, reason
	d.emit(s, event{logical: s.name, physical: s.id, kind: stackType, status: status, cause: reason})
	switch {
	case status == "DELETE_COMPLETE":
		s.deleted = d.now()
	case strings.HasPrefix(status, "UPDATE_") || strings.HasPrefix(status, "ROLLBACK_"):
		s.updated = d.now()
	}
}

// mark changes a resource's status, with the event that says so.
func (d *Double) mark(s *stack, r *resource, status, reason string) {
	r.status, r.reason, r.changed = status, reason, d.now()
	properties, _ := json.Marshal(r.properties) // of maps and scalars: cannot fail
	d.emit(s, event{
		logical: r.logical, physical: r.physical, kind: r.kind, status: status, cause: reason, properties: string(properties),
	})
}

func (d *Double) emit(s *stack, e event) {
	e.id, e.time = d.uuid(), d.now()
	if s.op != nil {
		e.token = s.op.token
	}
	s.events = append(s.events, e)
}

func (s *stack) inProgress() bool {
	return strings.HasSuffix(s.status, "_IN_PROGRESS") && s.status != "REVIEW_IN_PROGRESS"
}

// updatable says whether an update may begin.
func (s *stack) updatable() bool {
	switch s.status {
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
		"CREATE_FAILED", "UPDATE_FAILED":
		return true
	}
	return false
}

func (d *Double) child(r *resource) *stack { return d.stack(r.physical) }

// StackSpec is a stack that a test puts in place without any operation having run.
type StackSpec struct {
	Name   string
	Status string // any of CloudFormation's
	Reason string
	Body   string // its template; no resource of it exists

	Tags, Parameters, Outputs map[string]string
	Protected                 bool // termination protection
	Unstable                  bool // it never was in a stable state
}

// PutStack puts a stack in place as it is said, and returns its ARN.
func (d *Double) PutStack(spec StackSpec) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.newStack(spec.Name, nil, "")
	s.body, s.parameters, s.protected = spec.Body, maps.Clone(spec.Parameters), spec.Protected
	maps.Copy(s.tags, spec.Tags)
	for _, key := range slices.Sorted(maps.Keys(spec.Outputs)) {
		s.outputs = append(s.outputs, object{"OutputKey": key, "OutputValue": spec.Outputs[key]})
	}
	if t, err := parseTemplate(spec.Body); err == nil {
		s.template = t
	}
	if spec.Unstable {
		s.before = &snapshot{}
	}
	d.set(s, spec.Status, spec.Reason)
	return s.id
}

// SetStackStatus changes the status of a stack, found by name or ARN, and says whether there is one.
func (d *Double) SetStackStatus(nameOrID, status, reason string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stack(nameOrID)
	if s == nil {
		return false
	}
	d.set(s, status, reason)
	return true
}

// StackStatus is the status of a stack, found by name or ARN, or "" where there is none.
func (d *Double) StackStatus(nameOrID string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.stack(nameOrID); s != nil {
		return s.status
	}
	return ""
}

// PhysicalID is the id of a resource by root stack name and path of logical ids ("ECS.Service"), or "".
func (d *Double) PhysicalID(root, path string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stack(root)
	for part := range strings.SplitSeq(path, ".") {
		if s == nil || s.resources[part] == nil {
			return ""
		}
		if r := s.resources[part]; strings.HasSuffix(path, part) && s.path+part == path {
			return r.physical
		}
		s = d.child(s.resources[part])
	}
	return ""
}
