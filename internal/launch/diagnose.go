package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/internal/preflight"
	"slipway/internal/regions"
)

// Check is one thing that a launch depends on, as it was found.
type Check struct {
	Name    string // what was looked at
	Found   string // what it is like
	Fix     string // what to do, where it does not do
	Refused bool   // a launch would be refused, or fail, for it
	Warned  bool   // a launch warns of it and goes on
}

// Diagnose looks at all that a launch looks at before it creates anything, changes nothing, and goes on after what it finds.
// Without credentials or a Region there is nobody to ask, and it ends there.
func (l *Launcher) Diagnose(ctx context.Context) []Check {
	var d diagnosis
	d.note("parameters of the templates", "each has its value", "run `go run ./gen`", l.parametersFit())
	err := l.identify(ctx, l.regionGiven)
	if errors.Is(err, ErrNoCredentials) {
		d.note("credentials", "", "give some (AWS_PROFILE or --profile, `aws sso login`, AWS_ACCESS_KEY_ID)", err)
		return d.checks
	}
	d.note("account and Region", fmt.Sprintf("account %s, Region %s, as %s", l.account, l.AWS.Region, l.caller), "see the AWS configuration", err)
	if err != nil {
		return d.checks
	}
	d.note("Region", l.AWS.Region+" has every resource type of the templates", "name one of those with --region", l.regionHasAll())
	d.note("names of the stacks", "free, or this application's", "choose another name in slipway.yaml", l.namesFree(ctx))
	l.diagnoseEnvironments(ctx, &d)
	l.diagnoseRoles(ctx, &d)
	return d.checks
}

type diagnosis struct{ checks []Check }

// note tells what was found, or the error with what to do about it.
func (d *diagnosis) note(name, found, fix string, err error) {
	if err != nil {
		d.checks = append(d.checks, Check{Name: name, Found: err.Error(), Fix: fix, Refused: true})
		return
	}
	d.checks = append(d.checks, Check{Name: name, Found: found})
}

// diagnoseEnvironments looks at the zones of those that are not up yet, and at what slipway.yaml names for all.
func (l *Launcher) diagnoseEnvironments(ctx context.Context, d *diagnosis) {
	roots, err := l.roots(ctx)
	if err != nil {
		d.note("environments", "", "give the right, or try again", err)
		return
	}
	var fresh []string
	for _, env := range l.Config.Environments {
		root := roots[env.Name]
		todo, why := next(root.status)
		name := "environment " + env.Name
		switch todo {
		case refuse:
			d.note(name, "", why, fmt.Errorf("stack %s is in status %s", root.name, root.status))
		case wait:
			d.checks = append(d.checks, Check{Name: name, Found: fmt.Sprintf("stack %s is in status %s: an operation is under way", root.name, root.status), Fix: "a launch waits for it to end", Warned: true})
		case goBack:
			d.checks = append(d.checks, Check{Name: name, Found: fmt.Sprintf("stack %s is in status %s: its last update failed, and so did the way back", root.name, root.status), Fix: "a launch continues the rollback, without the resources that cannot be taken back, and then updates it", Warned: true})
		case rollBack:
			d.checks = append(d.checks, Check{Name: name, Found: fmt.Sprintf("stack %s is in status %s: its last update failed with rollback switched off", root.name, root.status), Fix: "a launch rolls it back, and then updates it", Warned: true})
		case update:
			d.note(name, "up: a launch updates it", "", nil)
		default:
			if root.empty() {
				fresh = append(fresh, env.Name)
			}
			d.note(name, "not up: a launch makes it", "", nil)
			if !env.Network.Exists() {
				zones, err := l.chooseZones(ctx, env.Network.Zones)
				d.note(name+", availability zones", strings.Join(zones, ", "), "set network.zones lower, or take another Region", err)
			}
		}
	}
	l.diagnoseNamed(ctx, d, fresh)
}

func (l *Launcher) diagnoseNamed(ctx context.Context, d *diagnosis, fresh []string) {
	const name = "what slipway.yaml names"
	table, err := regions.Load()
	if err != nil {
		d.note(name, "", "", err)
		return
	}
	in := preflight.Place{Account: l.account, Region: l.AWS.Region, FargateZones: table.FargateZones[l.AWS.Region]}
	found, err := preflight.Check(ctx, l.aws.config, in, l.Config, l.Config.Environments, fresh)
	if err != nil {
		d.note(name, "", "try again, or see what AWS says", Explain(err))
	}
	for _, f := range found.Refused {
		d.checks = append(d.checks, Check{Name: f.Key, Found: f.What + " " + f.Why, Fix: f.Do, Refused: true})
	}
	for _, f := range found.Warned {
		d.checks = append(d.checks, Check{Name: f.Key, Found: f.What + " " + f.Why, Fix: f.Do, Warned: true})
	}
	for _, q := range found.Quotas {
		if name := "quota " + q.Name; !slices.ContainsFunc(slices.Concat(found.Refused, found.Warned), func(f preflight.Finding) bool { return f.Key == name }) {
			d.note(name, fmt.Sprintf("%g of %g are used, and a launch needs %g more", q.Used, q.Limit, q.Need), "", nil)
		}
	}
	if err == nil && len(found.Refused)+len(found.Warned) == 0 {
		d.note(name, "is there and fits", "", nil)
	}
}

// diagnoseRoles looks for the service-linked roles, which a first launch makes.
func (l *Launcher) diagnoseRoles(ctx context.Context, d *diagnosis) {
	for _, r := range linkedRoles {
		found, err := l.roleReadable(ctx, r.role)
		name := "service-linked role " + r.role
		switch {
		case err != nil:
			d.checks = append(d.checks, Check{Name: name, Found: Explain(err).Error(), Fix: "give the right iam:GetRole (./scripts/deploy.sh --policy deploy)", Refused: true})
		case found:
			d.note(name, "there", "", nil)
		default:
			d.note(name, "not there: the first launch makes it, which takes the policy foundation", "", nil)
		}
	}
}
