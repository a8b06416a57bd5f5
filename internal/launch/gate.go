package launch

import (
	"fmt"
	"slices"
	"strings"

	"slipway/internal/plan"
)

// gate stops what is risky until it is allowed by name.
type gate struct {
	allowed []string
	met     []string // the names of risks that there were
	decide  func(...plan.Risk) error
	refuse  func(...plan.Risk) error
}

// newGate is a gate with what the options allow. What somebody has deployed past slipway only a person takes back: a plan in
// the pipeline is made by itself.
func newGate(o DeployOptions) *gate {
	allowed := slices.Clone(o.Allow)
	if o.ByPipeline {
		allowed = slices.DeleteFunc(allowed, func(name string) bool { return strings.HasPrefix(name, string(plan.Drift)+":") })
	}
	return &gate{allowed: allowed, decide: o.Decide, refuse: o.refusal}
}

// unmet are the risks of plans that nobody has allowed yet.
func (g *gate) unmet(plans ...plan.Plan) []plan.Risk {
	return slices.DeleteFunc(plan.Stopping(plans...), func(r plan.Risk) bool { return slices.Contains(g.allowed, r.Name) })
}

// pass returns an error unless all that is risky in the plans is allowed, or somebody allows it now.
func (g *gate) pass(plans ...plan.Plan) error {
	for _, p := range plans {
		for _, r := range p.Risks {
			g.met = append(g.met, r.Name)
		}
	}
	risks := g.unmet(plans...)
	if len(risks) == 0 {
		return nil
	}
	ask := g.refuse
	if g.decide != nil {
		ask = g.decide
	}
	if err := ask(risks...); err != nil {
		return err
	}
	for _, r := range risks {
		g.allowed = append(g.allowed, r.Name)
	}
	return nil
}

// unknown are the allowed names of which there was no risk.
func (g *gate) unknown() []string {
	return slices.DeleteFunc(slices.Clone(g.allowed), func(name string) bool { return slices.Contains(g.met, name) })
}

// RiskError says that a deployment is risky in what nobody has allowed.
type RiskError struct {
	Risks []plan.Risk
	Next  string // what to do
}

func (e *RiskError) Error() string {
	lines := []string{"this deployment is risky, and nobody has allowed it:"}
	for _, r := range e.Risks {
		lines = append(lines, fmt.Sprintf("  %s: %s", r.Name, r.Text))
	}
	return strings.Join(append(lines, e.Next), "\n")
}

// refusal names each risk and the command that allows them.
func (o DeployOptions) refusal(risks ...plan.Risk) error {
	command := o.Command
	if command == "" {
		command = "./scripts/deploy.sh"
		for _, name := range o.Environments {
			command += " --environment " + name
		}
	}
	if o.ByPipeline {
		command += " --image keep"
	}
	command += plan.Allowing(risks...)
	next := "to go on, look at what would change and run: " + command
	if o.ByPipeline {
		next = "the plan that was approved does not have it. Release again, so that it is planned and approved anew, or have a person run: " + command
	}
	return &RiskError{Risks: risks, Next: next}
}
