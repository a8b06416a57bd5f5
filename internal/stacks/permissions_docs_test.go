package stacks

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/docstest"
	"slipway/internal/iampolicy"
	"slipway/internal/iamref"
)

var update = flag.Bool("update", false, "write the generated parts of docs/permissions.md and docs/deletion.md")

const permissionsPage = "../../docs/permissions.md"

// The tables of docs/permissions.md are made from the templates; go test ./internal/stacks -update writes them.
func TestPermissionsPage(t *testing.T) {
	docstest.Fresh(t, permissionsPage, "go test ./internal/stacks -update", *update, map[string]string{
		"everything": everythingTable(t), "sources": sourcesTable(), "pipeline": pipelineTable(t),
	})
}

// pipelineTable lists what the roles of the pipeline and its builds may do, statement by statement: without options, and then what an
// option adds or has otherwise.
func pipelineTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| role | statement | actions | on |\n| --- | --- | --- | --- |\n")
	plain := pipelineRows(t, func(*config.Config) {})
	before := pipelineRows(t, func(cfg *config.Config) { cfg.Service.BeforeDeploy = config.BeforeDeploy{Command: []string{"migrate"}} })
	visited := pipelineRows(t, func(cfg *config.Config) { cfg.Environments[0].Entry.Internal = true })
	for _, role := range pipelineRoles {
		for _, row := range plain[role.id] {
			fmt.Fprintf(&b, "| %s | %s\n", role.id, row)
		}
		for _, option := range []struct {
			name string
			rows map[string][]string
		}{{"service.beforeDeploy", before}, {"entry.internal` or `entry.allow", visited}} {
			for _, row := range option.rows[role.id] {
				if !slices.Contains(plain[role.id], row) {
					fmt.Fprintf(&b, "| %s, with `%s` | %s\n", role.id, option.name, row)
				}
			}
		}
	}
	return b.String()
}

var pipelineRoles = []struct{ file, id string }{
	{contract.FoundationTemplate, "ImageRole"}, {"env/pipeline.yaml", "ChecksRole"}, {"env/pipeline.yaml", "DeployRole"},
	{"env/pipeline.yaml", "PipelineRole"}, {"env/pipeline.yaml", "TriggerRole"},
}

// pipelineRows are the statements of each role, of an application with one environment and some option.
func pipelineRows(t *testing.T, set func(*config.Config)) map[string][]string {
	cfg := standard()
	cfg.Name, cfg.Environments[0].Name, cfg.Pipeline.Environment = "name", "env", "env"
	set(&cfg)
	a := deployed(t, cfg)
	a.partition, a.region, a.id = "", "", ""
	// The arguments are what CloudFormation or somebody else chooses.
	short := strings.NewReplacer("arn:::", "", "arn::", "", ":::", ":", "::", ":", "name", "NAME", "-1A2B3C4D5E6F7", "-*", "-1A2B3C4D5E6F", "-*", "1a2b3c4d5e6f7", "*")
	rows := map[string][]string{}
	for _, role := range pipelineRoles {
		for _, d := range a.of(role.file, role.id) {
			for _, s := range d.Statement {
				var on []string
				for _, resource := range s.Resource {
					on = append(on, "`"+short.Replace(resource)+"`")
				}
				condition := ""
				for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
					keys := s.Condition[operator]
					for _, key := range slices.Sorted(maps.Keys(keys)) {
						condition += fmt.Sprintf("; only with `%s` `%s`", key, short.Replace(strings.Join(keys[key], "`, `")))
					}
				}
				rows[role.id] = append(rows[role.id], fmt.Sprintf("%s | %s | %s%s |", s.Sid, strings.Join(s.Action, ", "), strings.Join(on, ", "), condition))
			}
		}
	}
	return rows
}

// everythingTable lists what any policy of any template allows on "*", and why.
func everythingTable(t *testing.T) string {
	const noResource = "AWS names no resource for it."
	reference, err := iamref.Load()
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]map[string]bool{} // by action
	for _, cfg := range variants() {
		a := deployed(t, cfg)
		for _, p := range a.policies() {
			for _, s := range p.Statement {
				// What slipway.yaml allows is its author's to explain.
				if s.Effect != iampolicy.Allow || !slices.Contains(s.Resource, "*") || !p.identity() || strings.HasPrefix(s.Sid, "Permission") {
					continue
				}
				for _, action := range s.Action {
					if places[action] == nil {
						places[action] = map[string]bool{}
					}
					places[action][withoutBranch(cfg, p.id)] = true
				}
			}
		}
	}
	for action := range everything {
		if known, _ := reference.Action(action); places[action] == nil || len(known.Types) == 0 {
			t.Errorf("the list of reasons has %s, which needs none", action)
		}
	}
	rows := map[string][]string{} // places and reason -> actions
	for action := range places {
		reason := everything[action]
		if reason == "" {
			reason = noResource
		}
		service, name, _ := strings.Cut(action, ":")
		key := fmt.Sprintf("%s | %s | `%s:`", strings.Join(slices.Sorted(maps.Keys(places[action])), ", "), reason, service)
		rows[key] = append(rows[key], name)
	}
	var b strings.Builder
	b.WriteString("| in | actions | why |\n| --- | --- | --- |\n")
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		slices.Sort(rows[key])
		part := strings.Split(key, " | ")
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", part[0], part[2], strings.Join(rows[key], ", "), part[1])
	}
	return b.String()
}

// withoutBranch is the logical id that a resource has where there are no branches.
func withoutBranch(cfg config.Config, id string) string {
	for _, route := range cfg.Routes() {
		if base := strings.TrimSuffix(id, contract.OfBranch("", route.Slug)); base != "" {
			id = base
		}
	}
	return id
}

// sourcesTable lists the services that may take a role without saying for whom.
func sourcesTable() string {
	var b strings.Builder
	b.WriteString("| service | why |\n| --- | --- |\n")
	for _, service := range slices.Sorted(maps.Keys(withoutSource)) {
		fmt.Fprintf(&b, "| %s | %s |\n", service, withoutSource[service])
	}
	return b.String()
}
