package awsdouble

import (
	"slices"
	"strings"
)

// Validation is what CloudFormation's early validation finds in a change set
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html).
type Validation struct {
	Resource string // path of logical ids below the root stack, as in "ECS.LoadBalancer"
	Name     string // such as NAME_CONFLICT_VALIDATION
	Path     string // in the template, where it is about a property
	Reason   string
	Warns    bool // the change set is made all the same
}

// Validations are found in every change set from now on that changes their resources; without any, nothing is.
func (d *Double) Validations(found ...Validation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = found
}

// validate fails a change set in words as they were recorded (github.com/aws/aws-cdk-cli/issues/1000).
func (d *Double) validate(cs *changeSet) {
	for _, v := range d.found {
		logical, here := strings.CutPrefix(v.Resource, cs.stack.path)
		i := slices.IndexFunc(cs.changes, func(change object) bool { return change["LogicalResourceId"] == logical })
		if !here || i < 0 {
			continue
		}
		mode := "FAIL"
		if v.Warns {
			mode = "WARN"
		} else {
			cs.status, cs.execution = "FAILED", "UNAVAILABLE"
			cs.reason = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. " +
				"To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
		}
		cs.validations = append(cs.validations, object{
			"EventId": d.uuid(), "EventType": "VALIDATION_ERROR", "StackId": cs.stack.id, "LogicalResourceId": logical, "ResourceType": cs.changes[i]["ResourceType"],
			"ValidationName": v.Name, "ValidationPath": opt(v.Path), "ValidationStatus": "FAILED", "ValidationStatusReason": v.Reason,
			"ValidationFailureMode": mode, "Timestamp": d.now(),
		})
	}
}

// describeEvents knows the events of change sets.
func (d *Double) describeEvents(in object) (object, error) {
	cs, err := d.changeSet(text(in, "ChangeSetName"), text(in, "StackName"))
	if err != nil {
		return nil, err
	}
	events, next := page(d, cs.validations, text(in, "NextToken"), 0)
	members := list{}
	for _, e := range events {
		members = append(members, e)
	}
	return object{"OperationEvents": members, "NextToken": opt(next)}, nil
}
