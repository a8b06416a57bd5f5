package awsdouble

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// thing is what a stack's resource made in its service.
type thing struct {
	Type, ID   string
	Attributes map[string]string // Fn::GetAtt
	Properties object
	Gone       bool
	Created    time.Time
	stack      *stack
	logical    string
	service    *service         // of AWS::ECS::Service
	images     *[]*image        // of AWS::ECR::Repository
	server     *httptest.Server // of AWS::ElasticLoadBalancingV2::LoadBalancer
	state      string           // of AWS::Events::Rule, where it was switched
	deleting   bool             // of AWS::ECS::TaskDefinition: DeleteTaskDefinitions was called
	deleted    bool             // of AWS::ECS::TaskDefinition: that has ended
}

// kind is what is particular to a resource type.
type kind struct {
	id         func(s *stack, logical string, properties object) string // what Ref returns
	attributes func(t *thing) map[string]string
	createOnly []string
	created    func(t *thing) error
	removed    func(t *thing) error // refuses, or undoes created
}

func (d *Double) createOnly(kindName string) []string { return d.kinds[kindName].createOnly }

// physicalName is a name as CloudFormation makes it: stack, logical id and chance, cut to fit.
func (d *Double) physicalName(stackName, logical string, limit int) string {
	suffix := d.chars(upper, 12)
	room := limit - len(suffix) - 2
	if len(stackName)+len(logical) > room {
		logical = logical[:min(len(logical), room/2)]
		stackName = stackName[:min(len(stackName), room-len(logical))]
	}
	return stackName + "-" + logical + "-" + suffix
}

func (d *Double) makeThing(s *stack, w *work) error {
	k, known := d.kinds[w.declared.kind]
	if !known {
		k = d.kinds[""]
	}
	t := &thing{
		Type: w.declared.kind, Properties: w.properties, Created: d.now(), stack: s, logical: w.declared.logical,
		ID: k.id(s, w.declared.logical, w.properties),
	}
	if other := d.thing(t.Type, t.ID); other != nil && !strings.HasPrefix(t.Type, "AWS::EC2::") {
		return fail("AlreadyExists", "Resource handler returned message: \"Resource of type '%s' with identifier '%s' already exists.\" (RequestToken: %s, HandlerErrorCode: AlreadyExists)", t.Type, t.ID, d.uuid())
	}
	t.Attributes = map[string]string{}
	if k.attributes != nil {
		t.Attributes = k.attributes(t)
	}
	d.things = append(d.things, t)
	w.resource.thing, w.resource.physical = t, t.ID
	if k.created != nil {
		return k.created(t)
	}
	return nil
}

func (d *Double) changeThing(t *thing, properties object) error {
	t.Properties = properties
	return nil
}

// settle waits until what was made or changed is in force; only services take their time.
func (d *Double) settle(t *thing, failure string) error {
	if t == nil || t.service == nil {
		if failure != "" {
			return fail("HandlerFailure", "%s", failure)
		}
		return nil
	}
	return d.deploy(t, failure)
}

func (d *Double) removeThing(t *thing) error {
	if t.Gone {
		return nil
	}
	if k := d.kinds[t.Type]; k.removed != nil {
		if err := k.removed(t); err != nil {
			return err
		}
	}
	t.Gone = true
	return nil
}

// thing finds what still exists by its type and id.
func (d *Double) thing(kindName, id string) *thing {
	for _, t := range d.things {
		if t.Type == kindName && t.ID == id && !t.Gone {
			return t
		}
	}
	return nil
}

// existing lists what there is of a type, oldest first.
func (d *Double) existing(kindName string) []*thing {
	var out []*thing
	for _, t := range d.things {
		if t.Type == kindName && !t.Gone {
			out = append(out, t)
		}
	}
	return out
}

// tags of a thing: the stack's, its own, and CloudFormation's three.
func (d *Double) tags(t *thing) map[string]string {
	if t.stack == outside {
		return tagMap(objects(t.Properties, "Tags"))
	}
	out := maps.Clone(t.stack.tags)
	out["aws:cloudformation:stack-name"] = t.stack.name
	out["aws:cloudformation:stack-id"] = t.stack.id
	out["aws:cloudformation:logical-id"] = t.logical
	maps.Copy(out, tagMap(objects(t.Properties, "Tags")))
	return out
}

func (d *Double) tagList(t *thing, key, value string) list {
	tags := d.tags(t)
	out := list{}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, object{key: name, value: tags[name]})
	}
	return out
}

// Delete removes what a stack made behind the stack's back, by its physical id; it says whether there was such a thing.
func (d *Double) Delete(physicalID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.things {
		if t.ID == physicalID && !t.Gone {
			if removed := d.kinds[t.Type].removed; removed != nil {
				_ = removed(t) // whoever does this does not ask whether it is empty
			}
			t.Gone = true
			return true
		}
	}
	return false
}

// Living lists the physical ids of all that stacks made and that still exists, with their types, as in
// "AWS::EC2::VPC vpc-0123".
func (d *Double) Living() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, t := range d.things {
		if !t.Gone && t.stack != outside {
			out = append(out, t.Type+" "+t.ID)
		}
	}
	return out
}

// LivingOf lists as Living does what a root of this name, and the stacks nested in it, have made.
func (d *Double) LivingOf(root string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, t := range d.things {
		if !t.Gone && t.stack != outside && d.stack(t.stack.rootID()).name == root {
			out = append(out, t.Type+" "+t.ID)
		}
	}
	return out
}

// outside stands for the stack of what no stack made.
var outside = &stack{}

// Put places something in the account that no stack made, under the type that it would have in a template, with its
// physical id and properties; what a type shows besides its template's properties stands among them too: Status of a
// certificate, KeyState of a key, PrivateZone and VPCs of a hosted zone, AvailableIpAddressCount of a subnet, Main of a route table.
func (d *Double) Put(kindName, physicalID string, properties map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.things = append(d.things, &thing{
		Type: kindName, ID: physicalID, Properties: properties, Created: d.now(), stack: outside, Attributes: map[string]string{},
	})
}

// requireCapabilities refuses what changes rights when the caller has not said so.
func requireCapabilities(t *template, given []string) error {
	needs := ""
	for _, r := range t.resources {
		if !strings.HasPrefix(r.kind, "AWS::IAM::") {
			continue
		}
		needs = max(needs, "CAPABILITY_IAM")
		for _, name := range []string{"RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"} {
			if r.properties[name] != nil {
				needs = "CAPABILITY_NAMED_IAM"
			}
		}
	}
	if t.transform && !slices.Contains(given, "CAPABILITY_AUTO_EXPAND") {
		return fail("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
	}
	if needs == "" || slices.Contains(given, "CAPABILITY_NAMED_IAM") || slices.Contains(given, needs) {
		return nil
	}
	return fail("InsufficientCapabilitiesException", "Requires capabilities : [%s]", needs)
}

// named takes the name from a property, or makes one.
func (d *Double) named(property string, limit int, lower bool) func(*stack, string, object) string {
	return func(s *stack, logical string, properties object) string {
		if name := text(properties, property); name != "" {
			return name
		}
		name := d.physicalName(s.name, logical, limit)
		if lower {
			return strings.ToLower(name)
		}
		return name
	}
}

// prefixed makes an id as EC2 does: vpc-0123456789abcdef0.
func (d *Double) prefixed(prefix string) func(*stack, string, object) string {
	return func(*stack, string, object) string { return prefix + "-0" + d.hex(16) }
}

// arned makes an ARN that ends in a name of its own.
func (d *Double) arned(service, format string) func(*stack, string, object) string {
	return func(s *stack, logical string, _ object) string {
		name := d.physicalName(s.name, logical, 32)
		return d.arn(service, fmt.Sprintf(format, name, d.hex(16)))
	}
}

// att makes attributes of pairs of a name and a function of the id.
func att(pairs map[string]func(t *thing) string) func(t *thing) map[string]string {
	return func(t *thing) map[string]string {
		out := map[string]string{}
		for name, value := range pairs {
			out[name] = value(t)
		}
		return out
	}
}

func itself(t *thing) string { return t.ID }

func lastPart(arn, separator string) string { return arn[strings.LastIndex(arn, separator)+1:] }
