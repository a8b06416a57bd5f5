package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/internal/docstest"
)

// keeps is what becomes of resources that hold state. Their templates say so, whatever CloudFormation's default is.
var keeps = map[string]struct{ holds, deletion, replacement, why string }{
	"AWS::CloudFormation::Stack": {"everything in it", "Delete", "Delete",
		"A nested stack is a part of its environment and goes with it. It is never replaced."},
	"AWS::ECR::Repository": {"the images", "Delete", "Retain",
		"Whoever deletes the foundation deletes the application, so it is emptied. Were it replaced, tasks that run would still pull from the old one."},
	"AWS::ECS::TaskDefinition": {"the revision that tasks were started from", "Delete", "Retain",
		"Tasks still run the revision before, and a rollback goes back to it; `destroy.sh` deletes the earlier ones."},
	"AWS::Logs::LogGroup": {"log lines of 30 days", "Delete", "Delete",
		"Nothing that outlives its stack may be left behind, growing or paid for. Who must keep lines for longer changes that in [override.yaml](override.md)."},
	"AWS::S3::Bucket": {"sources, templates, artifacts and releases; access logs", "Delete", "Retain",
		"CloudFormation deletes only an empty bucket, and `destroy.sh` empties it on purpose before. Replaced, the old one stays with what it holds."},
	"AWS::SNS::Subscription": {"the confirmation by its recipient", "Delete", "Delete",
		"Another address is told from then on, and has to confirm; the first one no more."},
	"AWS::SNS::Topic": {"the subscriptions", "Delete", "Delete",
		"Without its stack there is nothing that it could tell of."},
}

// passes is what is lost with resources that hold no state of their own, but are known by others or to history. They go and
// come as CloudFormation does it by default: deleted.
var passes = map[string]string{
	"AWS::CertificateManager::Certificate":      "Nothing: another is made for the domain. `destroy.sh` deletes the record that proved it, unless another certificate needs that.",
	"AWS::CodeBuild::Project":                   "The builds' history; their logs are in the log groups.",
	"AWS::CodeBuild::ReportGroup":               "The reports of the builds' tests; the logs say the same.",
	"AWS::CodePipeline::Pipeline":               "The runs' history; releases are in the bucket.",
	"AWS::EC2::EIP":                             "A NAT gateway's public address, which others may have let in. Kept, it would be paid for.",
	"AWS::EC2::Subnet":                          "Its range, which the same template gives again.",
	"AWS::EC2::VPC":                             "Its range, which the same template gives again.",
	"AWS::ECS::Cluster":                         "The tasks that run.",
	"AWS::ECS::Service":                         "The tasks that run.",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "Name and addresses. `environments[].protected` keeps it from being deleted by anybody else than `destroy.sh`.",
	"AWS::ElasticLoadBalancingV2::TargetGroup":  "The registration of the tasks that run, which ECS makes again.",
	"AWS::WAFv2::WebACL":                        "Its counts and samples.",
}

// stateless hold nothing: the same template makes them again just so.
var stateless = []string{
	"AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
	"AWS::EC2::FlowLog", "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup",
	"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment",
	"AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::Events::Rule", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role",
	"AWS::Route53::RecordSet", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::WAFv2::WebACLAssociation",
}

// runOnce is the one task definition of which no revision is gone back to: a task of it is started when a release is up, and ends.
const runOnce = "VisitorTaskDefinition"

// Every resource of every template is of a kind of which it is known whether it holds state, and says what becomes of that.
func TestDeletionPolicies(t *testing.T) {
	seen := map[string]bool{}
	for name, cfg := range variants() {
		for path, tpl := range rendered(t, cfg) {
			for id, r := range tpl.Resources {
				kind := r.(map[string]any)["Type"].(string)
				seen[kind] = true
				if id == runOnce {
					continue
				}
				for _, fault := range deletionFaults(kind, r.(map[string]any)) {
					t.Errorf("%s, %s %s: %s", name, path, id, fault)
				}
			}
		}
	}
	for _, kind := range slices.Concat(slices.Collect(maps.Keys(keeps)), slices.Collect(maps.Keys(passes)), stateless) {
		if !seen[kind] {
			t.Errorf("no template has %s", kind)
		}
	}
}

func deletionFaults(kind string, resource map[string]any) []string {
	state, holds := keeps[kind]
	_, known := passes[kind]
	classes := 0
	for _, in := range []bool{holds, known, slices.Contains(stateless, kind)} {
		if in {
			classes++
		}
	}
	if classes != 1 {
		return []string{fmt.Sprintf("%s is in %d of the three tables: say what is lost with it", kind, classes)}
	}
	var faults []string
	want := map[string]string{"DeletionPolicy": state.deletion, "UpdateReplacePolicy": state.replacement}
	for attribute, policy := range want {
		if got, _ := resource[attribute].(string); got != policy {
			faults = append(faults, fmt.Sprintf("its %s is %q, the table says %q", attribute, got, policy))
		}
	}
	return faults
}

// The test above sees what it is there for.
func TestDeletionFaults(t *testing.T) {
	for _, c := range []struct {
		kind     string
		resource map[string]any
		want     string
	}{
		{"AWS::New::Thing", nil, "in 0 of the three tables"},
		{"AWS::S3::Bucket", map[string]any{"DeletionPolicy": "Delete"}, `its UpdateReplacePolicy is "", the table says "Retain"`},
		{"AWS::Logs::LogGroup", map[string]any{"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Delete"}, `its DeletionPolicy is "Retain", the table says "Delete"`},
		{"AWS::IAM::Role", map[string]any{"DeletionPolicy": "Retain"}, `the table says ""`},
	} {
		if got := strings.Join(deletionFaults(c.kind, c.resource), "; "); !strings.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.kind, got, c.want)
		}
	}
}

const deletionPage = "../../docs/deletion.md"

// The tables of docs/deletion.md are those above; go test ./internal/stacks -update writes them.
func TestDeletionPage(t *testing.T) {
	docstest.Fresh(t, deletionPage, "go test ./internal/stacks -update", *update, map[string]string{"keeps": keepsTable(t), "passes": passesTable(), "stateless": strings.Join(asCode(stateless), ", ") + ".\n"})
}

// keepsTable names each resource of a kind that holds state, in whatever template it is.
func keepsTable(t *testing.T) string {
	ids := map[string][]string{}
	for _, cfg := range variants() {
		for _, tpl := range rendered(t, cfg) {
			for id, r := range tpl.Resources {
				kind := r.(map[string]any)["Type"].(string)
				id = withoutBranch(cfg, id)
				if _, holds := keeps[kind]; holds && id != runOnce && !slices.Contains(ids[kind], "`"+id+"`") {
					ids[kind] = append(ids[kind], "`"+id+"`")
				}
			}
		}
	}
	var table strings.Builder
	table.WriteString("| type | resources | holds | deleted with its stack | replaced | because |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, kind := range slices.Sorted(maps.Keys(keeps)) {
		k := keeps[kind]
		slices.Sort(ids[kind])
		fmt.Fprintf(&table, "| `%s` | %s | %s | `%s` | `%s` | %s |\n", kind, strings.Join(ids[kind], ", "), k.holds, k.deletion, k.replacement, k.why)
	}
	return table.String()
}

func passesTable() string {
	var table strings.Builder
	table.WriteString("| type | what is lost with it |\n| --- | --- |\n")
	for _, kind := range slices.Sorted(maps.Keys(passes)) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", kind, passes[kind])
	}
	return table.String()
}

// asCode are types as code.
func asCode(kinds []string) []string {
	var list []string
	for _, kind := range kinds {
		list = append(list, "`"+kind+"`")
	}
	return list
}
