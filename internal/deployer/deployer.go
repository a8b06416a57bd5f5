// Package deployer says which rights a person needs to launch, update and destroy an application, as IAM policies that one
// can attach. They are built of one table, which has a reason for each line.
package deployer

import (
	"cmp"
	"slices"
	"strings"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// The policies. A first launch and a change of the foundation take Deploy and Foundation, destroying all three, and
// everyday deployments Deploy alone. Operate stands by itself: who only looks at what runs needs no other.
const (
	Deploy     = "deploy"
	Foundation = "foundation"
	Destroy    = "destroy"
	Preflight  = "preflight" // beside Deploy: to look at what slipway.yaml names, without which a launch warns
	Operate    = "operate"
)

// Names are those of the policies of who launches, in the order in which they add up.
var Names = []string{Deploy, Foundation, Destroy, Preflight}

// AllNames are those of all policies.
var AllNames = append(slices.Clone(Names), Operate)

// Place is where the rights hold. Any of its parts may be "*".
type Place struct {
	Partition string // as in "aws"
	Region    string
	Account   string // twelve digits
}

// In is a Region, in whichever account; all Regions of the common partition where it is empty.
func In(region string) Place {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return Place{Partition: partition, Region: cmp.Or(region, "*"), Account: "*"}
}

// Right is one statement and why it is needed.
type Right struct {
	Policy string // one of AllNames
	Why    string
	// ForCloudFormation is what no launcher calls: CloudFormation does, for the foundation's stack, with the caller's rights.
	ForCloudFormation bool
	iampolicy.Statement
}

// Policies are the documents by their names.
func Policies(cfg config.Config, in Place) map[string]iampolicy.Document {
	documents := map[string]iampolicy.Document{}
	for _, r := range slices.Concat(Rights(cfg, in), Operating(cfg, in)) {
		d := documents[r.Policy]
		d.Statement = append(d.Statement, r.Statement)
		documents[r.Policy] = d
	}
	return documents
}

// Rights is the table of who launches.
func Rights(cfg config.Config, in Place) []Right {
	t := table{cfg: cfg, in: in}
	t.stacks()
	t.deploying()
	t.stopping()
	t.proving()
	t.looking()
	t.forCloudFormation = true
	t.foundation()
	t.roles()
	slices.SortStableFunc(t.rights, func(a, b Right) int { return slices.Index(Names, a.Policy) - slices.Index(Names, b.Policy) })
	return t.rights
}

// Operating is the table of who looks at what runs.
func Operating(cfg config.Config, in Place) []Right {
	t := table{cfg: cfg, in: in}
	t.operating()
	return t.rights
}

type table struct {
	cfg    config.Config
	in     Place
	rights []Right

	forCloudFormation bool // the rights that follow
}

func (t *table) allow(policy, sid, why string, actions, resources []string, conditions ...iampolicy.Condition) {
	s := iampolicy.Statement{Sid: sid, Effect: iampolicy.Allow, Action: actions, Resource: resources}
	for _, c := range conditions {
		s.Condition = c
	}
	t.rights = append(t.rights, Right{policy, why, t.forCloudFormation, s})
}

// key lets the user's own key, where there is one, be used for what lies in the bucket.
func (t *table) key(policy, sid, why string, actions ...string) {
	if key := t.cfg.Security.Key; key != "" {
		t.allow(policy, sid, why, actions, []string{key}, iampolicy.Condition{"StringLike": {"kms:ViaService": {"s3." + t.in.Region + ".amazonaws.com*"}}})
	}
}

// all is for actions of which AWS knows no resource.
var all = []string{"*"}

// arns are in the place's Region and account.
func (t *table) arns(service string, resources ...string) []string {
	var list []string
	for _, r := range resources {
		list = append(list, "arn:"+t.in.Partition+":"+service+":"+t.in.Region+":"+t.in.Account+":"+r)
	}
	return list
}

// iam are ARNs of IAM, which has no Regions.
func (t *table) iam(resources ...string) []string {
	var list []string
	for _, r := range resources {
		list = append(list, "arn:"+t.in.Partition+":iam::"+t.in.Account+":"+r)
	}
	return list
}

// named begins the names that CloudFormation makes for this application.
func (t *table) named() string { return t.cfg.Name + "-*" }

// leastKept is as much of a stack's name as surely begins its buckets' and roles' names: of 63 characters CloudFormation
// leaves at least 24 to it, beside the logical id and a random ending.
const leastKept = 24

func beginning(stack string) string { return stack[:min(len(stack), leastKept)] + "*" }

func (t *table) bucket() []string {
	return []string{"arn:" + t.in.Partition + ":s3:::" + beginning(contract.FoundationStackName(t.cfg.Name))}
}

// buckets are the foundation's and those of environments with access logs.
func (t *table) buckets() []string {
	list := t.bucket()
	for _, env := range t.cfg.Environments {
		if env.Entry.AccessLogs {
			list = append(list, "arn:"+t.in.Partition+":s3:::"+beginning(contract.EnvironmentStackName(t.cfg.Name, env.Name)))
		}
	}
	return list
}

// objects are what is in buckets.
func objects(buckets []string) []string {
	var list []string
	for _, b := range buckets {
		list = append(list, b+"/*")
	}
	return list
}

// ours holds what carries this application's tag.
func (t *table) ours() iampolicy.Condition {
	return iampolicy.Condition{"StringEquals": {"aws:ResourceTag/" + contract.TagName: {t.cfg.Name}}}
}

func passedTo(service string) iampolicy.Condition {
	return iampolicy.Condition{"StringEquals": {"iam:PassedToService": {service}}}
}
