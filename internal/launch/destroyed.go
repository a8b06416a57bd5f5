package launch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/residue"
)

// DestroyReport is what a destroy has taken away or, planned, would.
type DestroyReport struct {
	Name         string     `json:"name" doc:"the application"`
	Account      string     `json:"account" doc:"12 digits"`
	Region       string     `json:"region" doc:"such as eu-central-1"`
	Planned      bool       `json:"planned" doc:"nothing was changed: this is what would be"`
	Environments []string   `json:"environments" doc:"which are destroyed"`
	Foundation   bool       `json:"foundation" doc:"whether the foundation is destroyed, too"`
	Deleted      []Deleted  `json:"deleted" doc:"what is gone, or would be, by stack and type"`
	Retained     []Retained `json:"retained" doc:"what stays on purpose"`
	Left         []Left     `json:"left" doc:"what is still there, or was not proven gone"`
	Obstacles    []string   `json:"obstacles" doc:"what stands in the way, of a plan"`
	Notes        []string   `json:"notes" doc:"what it means for the rest"`
	Resources    []Resource `json:"resources" doc:"each resource of the stacks"`

	file string // where the whole is kept, or why it is not
}

// Deleted is how many resources of one type a stack had.
type Deleted struct {
	Stack string `json:"stack" doc:"the place in the tree of stacks, such as shop-prod.ECS"`
	Type  string `json:"type" doc:"CloudFormation's name of the type"`
	Count int    `json:"count" doc:"how many"`
}

// Retained is something that stays on purpose.
type Retained struct {
	What string `json:"what" doc:"its type and id, or name"`
	Why  string `json:"why" doc:"the purpose"`
}

// Left is something that is unexpectedly still there.
type Left struct {
	Resource
	State string `json:"state,omitempty" doc:"what the service says of it"`
	Note  string `json:"note,omitempty" doc:"what to know about it, or why nobody can tell"`
}

// Resource is one resource of a stack.
type Resource struct {
	Stack   string `json:"stack" doc:"the place in the tree of stacks"`
	Logical string `json:"logicalId" doc:"its id in the template"`
	Type    string `json:"type" doc:"CloudFormation's name of the type"`
	ID      string `json:"id" doc:"its physical id"`
	Outcome string `json:"outcome" doc:"deleted, deleting (its end is certain), retained, left, unknown or, of a plan, delete"`
}

// What becomes of a resource.
const (
	outcomeDeleted  = "deleted"
	outcomeDeleting = "deleting"
	outcomeRetained = "retained"
	outcomeLeft     = "left"
	outcomeUnknown  = "unknown"
	outcomeDelete   = "delete"
)

// PlanDestroy says what a destroy would take away, what would stay and what stands in its way. It changes nothing.
func (l *Launcher) PlanDestroy(ctx context.Context, o DestroyOptions) (DestroyReport, error) {
	r, err := l.removal(ctx, o)
	if err != nil {
		return DestroyReport{}, err
	}
	report := r.report(true)
	for _, resource := range r.record.resources() {
		report.add(resource, outcomeDelete)
	}
	report.count(outcomeDelete)
	strays, note := r.strays(ctx)
	// Task definitions that others took the place of are deleted with their family.
	report.addStrays(slices.DeleteFunc(strays, func(s stray) bool { return s.Type == definitionType }), note)
	report.Obstacles = r.obstacles()
	return report, nil
}

// obstacles are what keeps a destroy from beginning.
func (r *removal) obstacles() []string {
	list := []string{}
	for _, s := range r.going() {
		if err := r.guarded(s); err != nil {
			list = append(list, err.Error())
		}
	}
	return list
}

// NoReport is the report where there is nothing to destroy.
func NoReport(name, account, region string, planned bool) DestroyReport {
	return DestroyReport{
		Name: name, Account: account, Region: region, Planned: planned, Environments: []string{},
		Deleted: []Deleted{}, Retained: []Retained{}, Left: []Left{}, Obstacles: []string{}, Notes: []string{}, Resources: []Resource{},
	}
}

// Empty says whether there was nothing to destroy.
func (d DestroyReport) Empty() bool { return len(d.Resources) == 0 }

// report is what is known of a destroy before its end is: what stays on purpose, and what it means for the rest.
func (r *removal) report(planned bool) DestroyReport {
	report := NoReport(r.Config.Name, r.account, r.AWS.Region, planned)
	for _, e := range r.record.all {
		name, is := strings.CutPrefix(e.StackName, r.Config.Name+"-")
		switch {
		case !r.record.covers(e.StackName) || !is || strings.Contains(name, "."):
		case name == contract.StackFoundation:
			report.Foundation = true
		case e.StackName == contract.RescueStackName(r.Config.Name):
		case !slices.Contains(report.Environments, name):
			report.Environments = append(report.Environments, name)
		}
	}
	report.Retained = append(report.Retained, r.retained(report.Environments)...)
	report.Notes = append(report.Notes, r.consequences()...)
	for _, e := range r.record.kept() {
		report.add(e.Resource, outcomeRetained)
	}
	return report
}

func (d *DestroyReport) add(r residue.Resource, outcome string) {
	d.Resources = append(d.Resources, Resource{r.StackName, r.LogicalID, r.Type, r.PhysicalID, outcome})
}

// outcome says of each resource what the services have said.
func (d *DestroyReport) outcome(resources []residue.Resource, kept []entry, left, pending []residue.Finding, unanswered []*residue.UnansweredError) {
	found := map[residue.Resource]Left{}
	outcomes := map[residue.Resource]string{}
	for _, f := range pending {
		outcomes[f.Resource] = outcomeDeleting
	}
	for _, f := range left {
		if owner, is := keptOwner(f, kept); is {
			outcomes[f.Resource] = outcomeRetained
			d.Retained = append(d.Retained, Retained{f.Type + " " + f.PhysicalID, "part of " + owner.PhysicalID + ", which is kept; nobody can be asked for it alone"})
			continue
		}
		found[f.Resource], outcomes[f.Resource] = Left{State: f.State, Note: f.Note}, outcomeLeft
	}
	for _, u := range unanswered {
		for _, r := range u.Resources {
			found[r], outcomes[r] = Left{State: outcomeUnknown, Note: u.Call + ": " + u.Err.Error()}, outcomeUnknown
		}
	}
	for _, r := range resources {
		d.add(r, cmp.Or(outcomes[r], outcomeDeleted))
		if l, is := found[r]; is {
			l.Resource = d.Resources[len(d.Resources)-1]
			d.Left = append(d.Left, l)
		}
	}
	d.count(outcomeDeleted, outcomeDeleting)
}

// keptOwner is what a finding is a part of that is kept, such as the bucket of a policy, where no service can be asked for the
// part alone.
func keptOwner(f residue.Finding, kept []entry) (entry, bool) {
	i := slices.IndexFunc(kept, func(e entry) bool { return e.StackName == f.StackName && e.Type == residue.Owner(f.Type) })
	if i < 0 || !f.Uncheckable() {
		return entry{}, false
	}
	return kept[i], true
}

// count counts the resources with these outcomes by stack and type.
func (d *DestroyReport) count(outcomes ...string) {
	counts := map[Deleted]int{}
	for _, r := range d.Resources {
		if slices.Contains(outcomes, r.Outcome) {
			counts[Deleted{Stack: r.Stack, Type: r.Type}]++
		}
	}
	for group := range maps.Keys(counts) {
		d.Deleted = append(d.Deleted, Deleted{group.Stack, group.Type, counts[group]})
	}
	slices.SortFunc(d.Deleted, func(a, b Deleted) int {
		return cmp.Or(strings.Compare(a.Stack, b.Stack), strings.Compare(a.Type, b.Type))
	})
}

func (d *DestroyReport) leftError() error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d resources are left in account %s, Region %s:", len(d.Left), len(d.Resources), d.Account, d.Region)
	for _, left := range d.Left {
		b.WriteString("\n  " + left.String())
	}
	b.WriteString("\nrun ./scripts/destroy.sh again, or delete them by hand")
	return fmt.Errorf("%s", b.String())
}

func (l Left) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s (%s/%s): %s %s", l.Type, l.ID, l.Stack, l.Logical, l.State, l.Note))
}

// retained is what stays on purpose: what templates keep, what slipway.yaml names and others have made, and what other
// applications of the account use, too.
func (r *removal) retained(environments []string) []Retained {
	var list []Retained
	for _, e := range r.record.kept() {
		why := fmt.Sprintf("its DeletionPolicy is %s (override.yaml); it goes on costing money", e.Keep)
		if e.Type == residue.ProofRecord {
			why = e.Keep
		}
		list = append(list, Retained{e.Type + " " + e.PhysicalID, why})
	}
	add := func(what, why string) {
		if why = cmp.Or(why, "yours: slipway.yaml names it, and others made it"); !slices.Contains(list, Retained{what, why}) {
			list = append(list, Retained{what, why})
		}
	}
	for _, s := range r.going() {
		for _, own := range []struct{ key, what string }{
			{contract.KeyHostedZoneID, "hosted zone"}, {contract.KeyCertificateARN, "certificate"}, {contract.KeyTopicARN, "topic"},
			{contract.KeyEncryptionKeyARN, "key"}, {contract.KeyOwnBoundaryARN, "permissions boundary"},
		} {
			if id := s.parameters[own.key]; id != "" {
				add(own.what+" "+id, "")
			}
		}
	}
	for _, env := range r.Config.Environments {
		if slices.Contains(environments, env.Name) {
			r.retainedOf(env, add)
		}
	}
	if len(r.Environments) > 0 {
		for _, s := range r.staying() {
			if s.isFoundation() {
				add("stack "+s.name+": bucket, registry with the images, image build, roles", "all environments share it")
			}
		}
		return list
	}
	for _, role := range linkedRoles {
		add("service-linked role "+role.role, "other applications of the account use it, too")
	}
	return list
}

// retainedOf is what slipway.yaml names for an environment beside what its stack has as parameters.
func (r *removal) retainedOf(env config.Environment, add func(what, why string)) {
	if env.Network.Exists() {
		add("VPC "+env.Network.VPC+" with its subnets", "")
	}
	for _, secret := range r.Config.Service.Secrets {
		add(map[config.SecretStore]string{config.ParameterStore: "parameter ", config.SecretsManager: "secret "}[secret.Store]+secret.In(env.Name), "")
	}
	if env.Entry.Domain != "" && env.Entry.HostedZone == "" {
		add("DNS record of "+env.Entry.Domain, "you made it; it points at a load balancer that is gone, and whoever gets that name next gets your visitors: take it away")
	}
}

// reports is the folder of what earlier destroys of this clone have told.
func (l *Launcher) reports() string { return filepath.Join(l.Records, "destroyed") }

// keptEarlier is why an earlier destroy of this clone left something on purpose; empty where none did. A report that cannot be
// read tells nothing.
func (l *Launcher) keptEarlier(what string) string {
	files, _ := os.ReadDir(l.reports()) // by name, which is by time
	for _, file := range slices.Backward(files) {
		var told DestroyReport
		text, err := os.ReadFile(filepath.Join(l.reports(), file.Name()))
		if err != nil || json.Unmarshal(text, &told) != nil || told.Name != l.Config.Name || told.Account != l.account || told.Region != l.AWS.Region {
			continue
		}
		if i := slices.IndexFunc(told.Retained, func(kept Retained) bool { return kept.What == what }); i >= 0 {
			return told.Retained[i].Why
		}
	}
	return ""
}

// keepReport writes the whole report into a file of its own and says where.
func (l *Launcher) keepReport(d DestroyReport) string {
	text, err := json.MarshalIndent(d, "", "  ")
	folder := l.reports()
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	name := filepath.Join(folder, time.Now().UTC().Format("20060102T150405.000Z")+"-"+l.Config.Name+".json")
	if err == nil {
		err = os.WriteFile(name, append(text, '\n'), 0o600)
	}
	if err == nil {
		err = prune(folder)
	}
	if err != nil {
		return fmt.Sprintf("the whole list could not be kept: %v", err)
	}
	return "whole list: " + shown(name)
}

// Text writes the report for a terminal: a line a stack, what stays, what is left.
func (d DestroyReport) Text(w io.Writer) error {
	var b strings.Builder
	verb, total := map[bool]string{true: "would be deleted", false: "deleted"}[d.Planned], 0
	for _, group := range d.Deleted {
		total += group.Count
	}
	fmt.Fprintf(&b, "%s: %d resources in account %s, Region %s\n", verb, total, d.Account, d.Region)
	wide := 0
	for _, group := range d.Deleted {
		wide = max(wide, len(group.Stack))
	}
	for i := 0; i < len(d.Deleted); {
		stack, count, types := d.Deleted[i].Stack, 0, []string{}
		for ; i < len(d.Deleted) && d.Deleted[i].Stack == stack; i++ {
			count += d.Deleted[i].Count
			word := strings.TrimPrefix(d.Deleted[i].Type, "AWS::")
			if d.Deleted[i].Count > 1 {
				word = fmt.Sprintf("%d %s", d.Deleted[i].Count, word)
			}
			types = append(types, word)
		}
		fmt.Fprintf(&b, "  %-*s %4d  %s\n", wide, stack, count, strings.Join(types, ", "))
	}
	section := func(title string, lines []string) {
		fmt.Fprintf(&b, "%s: %s\n", title, map[bool]string{true: "nothing", false: ""}[len(lines) == 0])
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	var kept, left []string
	for _, r := range d.Retained {
		kept = append(kept, r.What+" ("+r.Why+")")
	}
	for _, l := range d.Left {
		left = append(left, l.String())
	}
	section("stays on purpose", kept)
	if d.Planned {
		section("stands in the way", d.Obstacles)
		if len(left) > 0 {
			section("would be left", left)
		}
	} else {
		section("left", left)
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	if d.file != "" {
		fmt.Fprintln(&b, d.file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
