package changes

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/configtest"
	"slipway/internal/contract"
	"slipway/internal/schema"
	"slipway/internal/stacks"
	"slipway/internal/template"
)

// pairs is how many pairs of configurations are drawn for each option: few cost some seconds, and with SLIPWAY_LONG=1
// (test.sh --long) there are many.
func pairs() int {
	if os.Getenv("SLIPWAY_LONG") == "" {
		return 3
	}
	return 24
}

// parsed is a set with the texts that it was parsed from.
type parsed struct {
	Set
	texts map[string]template.Template
}

// templates are those of a configuration. What a text was parsed to is in known, where it is: most templates of a pair are
// the same.
func templates(t *testing.T, cfg config.Config, known map[string]template.Template) parsed {
	t.Helper()
	s := parsed{texts: map[string]template.Template{}, Set: Set{Templates: map[string]template.Template{}, Values: map[string]map[string]string{contract.StackFoundation: cfg.FoundationParameters()}}}
	for _, env := range cfg.Environments {
		s.Values[env.Name+"/"+contract.StackRoot] = cfg.RootParameters(env)
	}
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render("")
		if err != nil {
			t.Fatalf("%s: %v\n%s", file.Path, err, configtest.Write(cfg, false))
		}
		read, ok := known[string(text)]
		if !ok {
			if read, err = template.Parse(text); err != nil {
				t.Fatal(err)
			}
		}
		s.Templates[strings.TrimSuffix(file.Path, ".yaml")] = read
		s.texts[string(text)] = read
	}
	return s
}

// drawConfig draws a configuration with few environments, the first of which is the one that changes.
func drawConfig(seed int) config.Config {
	cfg := configtest.Few(configtest.Configs().Example(seed), 2)
	cfg.Pipeline.Environment = cfg.Environments[len(cfg.Environments)-1].Name
	return cfg
}

// valid is the configuration as Parse gives it back, with whatever follows from it; false where it is refused.
func valid(cfg config.Config) (config.Config, bool) {
	got, err := config.Parse("slipway.yaml", []byte(configtest.Write(cfg, false)))
	return got, err == nil
}

// option is something that a person changes in slipway.yaml: one key, a mapping of several, or the list of environments.
type option struct {
	name   string // its fields in Config, such as Environments.Network.CIDR
	change func(cfg *config.Config, other config.Config)
}

// options are all keys, those of environments for the first one, and the mappings that hold them, for keys that do not
// change alone; and what can be done with environments.
func options() []option {
	var keys, groups []option
	var visit func(name string, t reflect.Type, get func(*config.Config) reflect.Value)
	visit = func(name string, t reflect.Type, get func(*config.Config) reflect.Value) {
		for i := range t.NumField() {
			f := t.Field(i)
			below := func(c *config.Config) reflect.Value { return get(c).Field(i) }
			o := option{strings.TrimPrefix(name+"."+f.Name, "."), func(cfg *config.Config, other config.Config) { below(cfg).Set(below(&other)) }}
			switch {
			case f.Type == reflect.TypeFor[[]config.Environment]():
				visit(o.name, f.Type.Elem(), func(c *config.Config) reflect.Value { return below(c).Index(0) })
			case f.Type == reflect.TypeFor[config.Pipeline]():
				visit(o.name, f.Type, below)
			case f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == "slipway/internal/config":
				visit(o.name, f.Type, below)
				groups = append(groups, o)
			default:
				keys = append(keys, o)
			}
		}
	}
	visit("", reflect.TypeFor[config.Config](), func(c *config.Config) reflect.Value { return reflect.ValueOf(c).Elem() })
	i := slices.IndexFunc(keys, func(o option) bool { return o.name == "Pipeline.Environment" })
	keys[i].change = func(cfg *config.Config, _ config.Config) { cfg.Pipeline.Environment = cfg.Environments[0].Name }
	i = slices.IndexFunc(keys, func(o option) bool { return o.name == "Pipeline.Branches" })
	keys[i].change = func(cfg *config.Config, _ config.Config) {
		cfg.Pipeline.Branches = nil
		for _, e := range cfg.Environments { // one each, whatever there was
			cfg.Pipeline.Branches = append(cfg.Pipeline.Branches, config.Branch{Name: "of-" + e.Name, Environments: []string{e.Name}})
		}
		cfg.Pipeline.Source.Branch = ""
	}
	return slices.Concat(keys, groups, []option{
		{"an environment more", func(cfg *config.Config, other config.Config) {
			cfg.Environments = append(cfg.Environments, other.Environments[0])
		}},
		{"an environment less", func(cfg *config.Config, _ config.Config) {
			cfg.Environments = slices.DeleteFunc(cfg.Environments, func(e config.Environment) bool { return e.Name != cfg.Pipeline.Environment })
		}},
		{"environments in another order", func(cfg *config.Config, _ config.Config) { slices.Reverse(cfg.Environments) }},
	})
}

// drawing is a configuration, with its templates once they were needed.
type drawing struct {
	cfg   config.Config
	valid bool
	set   *parsed
}

// drawings keeps what was drawn for a seed, since every option begins with the same.
var drawings = map[int]*drawing{}

func draw(seed int) *drawing {
	if drawings[seed] == nil {
		d := &drawing{}
		d.cfg, d.valid = valid(drawConfig(seed))
		drawings[seed] = d
	}
	return drawings[seed]
}

func (d *drawing) templates(t *testing.T) *parsed {
	t.Helper()
	if d.set == nil {
		d.set = new(templates(t, d.cfg, nil))
	}
	return d.set
}

// walk changes the option in several configurations, each time to what it is in another one: how often that could be done,
// and what was put at risk.
func (o option) walk(t *testing.T) (walked int, risks map[string]bool) {
	t.Helper()
	risks = map[string]bool{}
	for seed := 0; walked < pairs() && seed < 40*pairs(); seed++ {
		before := draw(2 * seed)
		changed := before.cfg
		changed.Environments = slices.Clone(before.cfg.Environments)
		other := draw(2*seed + 1)
		if !before.valid || !other.valid {
			continue
		}
		o.change(&changed, other.cfg)
		after, ok := valid(changed)
		if !ok || reflect.DeepEqual(before.cfg, after) {
			continue
		}
		walked++
		was := before.templates(t)
		there := templates(t, after, was.texts).Set
		found, err := Between(was.Set, there)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			if risk := riskOf(c, was.Set, there); risk != "" {
				risks[o.elsewhere(before.cfg, c)+risk] = true
			}
		}
	}
	return walked, risks
}

// elsewhere tells a change in an environment that the option is not about.
func (o option) elsewhere(before config.Config, c Change) string {
	about := before.Environments[0].Name
	if o.name == "an environment more" || o.name == "environments in another order" {
		about = ""
	}
	env, _, inEnvironment := strings.Cut(c.Stack, "/")
	if inEnvironment && env != about && (strings.HasPrefix(o.name, "Environments") || strings.Contains(o.name, "environment")) {
		return "in another environment "
	}
	return ""
}

// riskOf says where something with state goes or is replaced, and where a logical id changes.
func riskOf(c Change, before, after Set) string {
	_, stack, found := strings.Cut(c.Stack, "/")
	if !found {
		stack = c.Stack
	}
	what := stack + " " + withoutBranch(stack, c.LogicalID)
	renamed := c.Action == Remove && isUnderAnotherID(c, before, after)
	switch {
	case c.Replacement == schema.Always && c.Lost() != "":
		return what + " replaced"
	case c.Replacement == schema.Sometimes && c.Lost() != "":
		return what + " perhaps replaced"
	case renamed:
		return what + " under another id"
	case c.Action == Remove && c.Lost() != "":
		return what + " removed"
	}
	return ""
}

// withoutBranch is the logical id that a branch's own resource has where there are no branches.
func withoutBranch(stack, id string) string {
	for _, base := range ofBranch {
		if stack == "pipeline" && strings.HasPrefix(id, base) {
			return base
		}
	}
	return id
}

// isUnderAnotherID tells of a resource that is gone whether another one has taken its place: the only one of the type in
// its stack, as it was, or one that came with the same properties.
func isUnderAnotherID(gone Change, before, after Set) bool {
	was, is := ofType(before, gone), ofType(after, gone)
	// One that scales by another measure is another policy: scaling by the CPU comes and goes as the default.
	if len(was) == 1 && len(is) == 1 && gone.Type != "AWS::ApplicationAutoScaling::ScalingPolicy" {
		return true
	}
	for id, r := range is {
		if _, stood := was[id]; !stood && reflect.DeepEqual(r.Properties, was[gone.LogicalID].Properties) {
			return true
		}
	}
	return false
}

// ofType are the resources of a change's stack that have its type.
func ofType(s Set, c Change) map[string]template.Resource {
	found := map[string]template.Resource{}
	for id, r := range s.resources(c.Stack) {
		if r.Type == c.Type {
			found[id] = r
		}
	}
	return found
}

// Whatever changes in slipway.yaml, nothing with state is removed or replaced and no logical id changes, except for what
// the table says.
func TestChanges(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range options() {
		walked, risks := o.walk(t)
		if walked == 0 {
			t.Errorf("%s was never changed: the test shows nothing of it", o.name)
		}
		for _, risk := range slices.Sorted(maps.Keys(risks)) {
			found := false
			for i, r := range rows {
				if r.covers(o.name, risk) {
					found = true
					seen[fmt.Sprint(i, risk)] = true
				}
			}
			if !found {
				t.Errorf("a change of %s: %s. Keep that from happening, or say why it has to in the table of this test", o.name, risk)
			}
		}
	}
	for i, r := range rows {
		for _, risk := range r.risks {
			if !seen[fmt.Sprint(i, risk)] && os.Getenv("SLIPWAY_LONG") != "" {
				t.Errorf("the table says of %s: %s; that did not happen", r.key, risk)
			}
		}
	}
}
