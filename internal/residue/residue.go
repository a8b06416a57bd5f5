// Package residue proves that nothing is left: it asks each service for each physical id that was recorded before the
// stacks were deleted. Silence, a refusal or an unknown type is never taken for "gone".
package residue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// Resource is one entry of a stack, as CloudFormation lists it.
type Resource struct {
	StackName  string
	LogicalID  string
	Type       string // AWS::EC2::VPC
	PhysicalID string // empty where nothing was ever made; there is nothing to ask for then
}

func (r Resource) String() string {
	return fmt.Sprintf("%s %s (%s/%s)", r.Type, r.PhysicalID, r.StackName, r.LogicalID)
}

// Finding is a resource that has not gone.
type Finding struct {
	Resource
	State string // what the service said, in its own word; empty where it has none
	Note  string // what to know about it, or why it could not be checked; may be empty
}

// Types lists the types that can be checked, sorted.
func Types() []string { return slices.Sorted(maps.Keys(kinds(services{}))) }

// Left asks for all resources and returns those that are still there and, apart, those whose end is certain but lies in
// the future, both in the order given. What cannot be checked is among those left, with the reason. Where a
// service refuses to answer, the error names resource and call, and the findings of the others are still returned.
func (c *Checker) Left(ctx context.Context, resources []Resource) (left, pending []Finding, err error) {
	answers, err := c.ask(ctx, resources)
	for _, resource := range resources {
		found, there := answers[resource]
		switch {
		case !there:
		case found.pending:
			pending = append(pending, Finding{resource, found.state, found.note})
		default:
			left = append(left, Finding{resource, found.state, found.note})
		}
	}
	return left, pending, err
}

// Wait asks as Left does, and asks again every interval for what is still there, until nothing is left, only what cannot
// be checked remains, or the timeout has passed: services list a resource for a while after it has been deleted. A
// service's refusal ends it at once, since the calls have been repeated already.
func (c *Checker) Wait(ctx context.Context, resources []Resource, timeout, interval time.Duration) (left, pending []Finding, err error) {
	deadline := time.Now().Add(timeout)
	for {
		var later []Finding
		left, later, err = c.Left(ctx, resources)
		pending = append(pending, later...)
		if err != nil || !anyCheckable(left) || time.Now().Add(interval).After(deadline) {
			return left, pending, err
		}
		if err := smithytime.SleepWithContext(ctx, interval); err != nil {
			return left, pending, fmt.Errorf("wait until %d resources are gone: %w", len(left), err)
		}
		resources = resources[:0:0]
		for _, finding := range left {
			resources = append(resources, finding.Resource)
		}
	}
}

func anyCheckable(left []Finding) bool {
	return slices.ContainsFunc(left, func(f Finding) bool { return f.State != uncheckable })
}

// ask returns what is still there, or cannot be checked, of the resources.
func (c *Checker) ask(ctx context.Context, resources []Resource) (map[Resource]status, error) {
	plan := newPlan(kinds(c.services), resources)
	results := make([]map[string]status, len(plan.questions))
	failures := make([]error, len(plan.questions))
	c.each(len(plan.questions), func(i int) {
		results[i], failures[i] = plan.questions[i].put(ctx)
	})
	answers := plan.uncheckable
	for i, question := range plan.questions {
		for _, resource := range question.resources {
			if found, there := results[i][resource.PhysicalID]; there {
				answers[resource] = found
			}
		}
	}
	plan.addParts(answers)
	return answers, errors.Join(failures...)
}
