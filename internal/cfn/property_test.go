package cfn_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/tags"
	"pgregory.net/rapid"

	"slipway/internal/cfn"
)

// fragments are what YAML and CloudFormation give a meaning to.
var fragments = []string{
	" ", "  ", "\n", "\n\n", "\r", "\r\n", "\t", "\b", "\x1b", "\x7f", "\u0085", "\u00a0", "\u2028", "\u2029", "\ufeff", "\ufffd",
	"\ufffe", "\U0001fffe", "\U000e0001", "é", "e\u0301", "字", "😀", "a", "B", "yes", "No", "on", "y", "N", "true", "Null", "~", "=",
	"<<", "0", "1", "012", "0x1F", "0b1", "0o17", "1_000", "12:30:45", "2012-10-17", "T", "Z", "1e3", ".", ".inf", ".NaN", "-.inf", "+",
	"-", "- ", "---", "...", "?", "? ", ":", ": ", ",", "[", "]", "{", "}", "#", " #", "&a", "*a", "!", "!Ref X", "|", "|-", ">", "'",
	`"`, "%", "@", "`", `\`, `\n`, `\x00`, "$", "${", "${AWS::Region}", "${!", "Ref", "Fn::Sub", "ref:", "{{resolve:ssm:x}}", "eyAi",
}

// text generates valid UTF-8 without NUL, most of it nasty.
func text() *rapid.Generator[string] {
	nasty := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 8), func(s []string) string { return strings.Join(s, "") })
	anything := rapid.Map(rapid.String(), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
	return rapid.OneOf(nasty, anything)
}

// tree generates what can stand in an interface{} place.
func tree(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		text().AsAny(), text().AsAny(), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(),
		rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	below := tree(depth - 1)
	return rapid.OneOf(append(leaves,
		rapid.SliceOfN(below, 0, 4).AsAny(),
		rapid.MapOfN(text(), below, 0, 4).AsAny(),
	)...)
}

// mayRefuse tells whether Render has a reason to refuse the tree, by a second wording of the rules.
func mayRefuse(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if mayRefuse(item) {
				return true
			}
		}
	case map[string]any:
		if _, ok := v["Ref"]; ok && len(v) == 1 {
			return true
		}
		for k, item := range v {
			if k == "" || strings.HasPrefix(k, "Fn::") || len(k) > 90 || mayRefuse(item) {
				return true
			}
		}
	}
	return false
}

// TestWhatGoesInComesOut: any tree is either refused for a reason or parses back to itself.
func TestWhatGoesInComesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := tree(3).Draw(t, "tree")
		template := cfn.New("A template")
		template.Add("Thing", &ec2.VPC{AWSCloudFormationMetadata: map[string]any{"Tree": want}})
		out, err := template.Render("made by a test")
		if err != nil {
			if !mayRefuse(want) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if got := metadata(parse(t, out), "Thing")["Tree"]; !same(got, want) {
			t.Fatalf("got %#v\nwant %#v\n%s", got, want, out)
		}
		if again, _ := template.Render("made by a test"); !bytes.Equal(out, again) {
			t.Fatal("the second rendering differs")
		}
	})
}

func metadata(tree map[string]any, id string) map[string]any {
	return tree["Resources"].(map[string]any)[id].(map[string]any)["Metadata"].(map[string]any)
}

// TestTextStaysText: no text of a user, wherever goformation's structs take one, becomes an intrinsic or changes.
func TestTextStaysText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Custom(func(t *rapid.T) string { return text().Filter(func(s string) bool { return s != "" }).Draw(t, "text") })
		description, key, env, label := s.Draw(t, "description"), s.Draw(t, "key"), s.Draw(t, "env"), s.Draw(t, "label")
		if len(description) > 1024 || len(label) > 90 || strings.HasPrefix(label, "Fn::") || label == "Ref" {
			t.Skip("refused")
		}
		template := cfn.New(description)
		template.Add("VPC", &ec2.VPC{Tags: []tags.Tag{{Key: key, Value: env}}})
		template.Add("Task", &ecs.TaskDefinition{ContainerDefinitions: []ecs.TaskDefinition_ContainerDefinition{{
			Name: key, Image: env, Environment: []ecs.TaskDefinition_KeyValuePair{{Name: &key, Value: &env}},
			DockerLabels: map[string]string{label: env},
		}}})
		template.Output("Env", description, env)
		out, err := template.Render("")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"AWSTemplateFormatVersion": "2010-09-09",
			"Description":              description,
			"Resources": map[string]any{
				"VPC": map[string]any{"Type": "AWS::EC2::VPC", "Properties": map[string]any{
					"Tags": []any{map[string]any{"Key": key, "Value": env}},
				}},
				"Task": map[string]any{"Type": "AWS::ECS::TaskDefinition", "Properties": map[string]any{
					"ContainerDefinitions": []any{map[string]any{
						"Name": key, "Image": env, "Environment": []any{map[string]any{"Name": key, "Value": env}},
						"DockerLabels": map[string]any{label: env},
					}},
				}},
			},
			"Outputs": map[string]any{"Env": map[string]any{"Description": description, "Value": env}},
		}
		if got := parse(t, out); !same(got, want) {
			t.Fatalf("got %#v\nwant %#v\n%s", got, want, out)
		}
	})
}

// TestNoOtherText: bytes that are no UTF-8, and NUL, never come through.
func TestNoOtherText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := text().Draw(t, "before") + rapid.SampledFrom([]string{"\x00", "\xff", "\xed\xa0\x80", "\xc0\x80"}).Draw(t, "bad") + text().Draw(t, "after")
		for _, v := range []any{s, []string{s}, map[string]any{s: "x"}, cfn.Sub("${AWS::Region}" + s)} {
			template := cfn.New("A template")
			template.Add("Thing", &custom{Value: v})
			if out, err := template.Render(""); err == nil {
				t.Fatalf("%q came through:\n%s", v, out)
			}
		}
	})
}

// TestTextFromOutside: whatever a user writes, Text gives back just that or Render refuses it.
func TestTextFromOutside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nul := rapid.SampledFrom([]string{"", "", "\x00", "\xff"})
		s := nul.Draw(t, "before") + rapid.OneOf(rapid.Just("ref:Thing"), rapid.Just("a ${AWS::Region} ${!b}"), text()).Draw(t, "text") + nul.Draw(t, "after")
		template := cfn.New("A template")
		template.Add("Thing", &custom{Value: cfn.Text(s)})
		out, err := template.Render("")
		if refused := (strings.Contains(s, "\x00") || !utf8.ValidString(s)) || strings.Contains(s, "{{resolve:"); refused {
			if err == nil {
				t.Fatalf("%q came through:\n%s", s, out)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		properties := parse(t, out)["Resources"].(map[string]any)["Thing"].(map[string]any)["Properties"].(map[string]any)
		got := properties["Value"]
		if sub, looksSo := got.(map[string]any); looksSo { // the text looks like a Sub, and so is a variable of one
			parts, _ := sub["Fn::Sub"].([]any)
			if len(parts) != 2 || parts[0] != "${Text}" || !strings.Contains(s, "${") {
				t.Fatalf("%q became %v", s, got)
			}
			got = parts[1].(map[string]any)["Text"]
		} else if strings.Contains(s, "${AWS::Region}") {
			t.Fatalf("%q is plain text, which linters take for a Sub that was forgotten", s)
		}
		if got != s {
			t.Fatalf("got %#v, want %q", got, s)
		}
	})
}

// TestSubText: the text of a Sub, and the values of its variables, come out as they went in.
func TestSubText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ReplaceAll(text().Draw(t, "text"), "$", "") + "${AWS::Region}${!Literal}"
		v := text().Filter(func(s string) bool { return s != "" }).Draw(t, "variable")
		template := cfn.New("A template")
		template.Add("Thing", &custom{Value: []string{
			cfn.Sub(s), cfn.SubVars(s+"${A}${B}", map[string]string{"A": v, "B": cfn.Sub(s)}),
		}})
		out, err := template.Render("")
		if err != nil {
			t.Fatal(err)
		}
		want := []any{
			map[string]any{"Fn::Sub": s},
			map[string]any{"Fn::Sub": []any{s + "${A}${B}", map[string]any{"A": v, "B": map[string]any{"Fn::Sub": s}}}},
		}
		properties := parse(t, out)["Resources"].(map[string]any)["Thing"].(map[string]any)["Properties"].(map[string]any)
		if got := properties["Value"]; !same(got, want) {
			t.Fatalf("got %#v\nwant %#v\n%s", got, want, out)
		}
	})
}

// pythonReader prints the Metadata of a template as JSON, read by YAML 1.1 rules as cfn-lint and the AWS CLI do.
const pythonReader = `
import json, sys, yaml
class Loader(yaml.SafeLoader): pass
Loader.add_multi_constructor("!", lambda loader, suffix, node: "intrinsic " + suffix)
template = yaml.load(sys.stdin.buffer.read().decode("utf-8"), Loader)
json.dump(template["Resources"]["Thing"]["Metadata"], sys.stdout)
`

// TestPyYAMLReadsTheSame: YAML 1.1 has more words, numbers and dates than 1.2.
func TestPyYAMLReadsTheSame(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there")
	}
	if out, err := exec.Command(python, "-c", "import yaml").CombinedOutput(); err != nil {
		t.Skipf("PyYAML is not there: %s", out)
	}
	values, keys := []any{}, map[string]any{}
	for i := range 1000 {
		s := text().Example(i)
		values = append(values, s)
		if s != "" && len(s) < 90 && !strings.HasPrefix(s, "Fn::") {
			keys[s] = []any{s, map[string]any{"x" + s: s, "y": "z"}}
		}
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not valid", s)
		}
	}
	for i := range fragments {
		values = append(values, fragments[i])
		for j := i % 3; j < len(fragments); j += 3 {
			values = append(values, fragments[i]+fragments[j])
		}
	}
	values = append(values, 1e300, 1e21, 1.5e-9, int64(math.MaxInt64), false)
	want := map[string]any{"Values": values, "Keys": keys}
	template := cfn.New("A template")
	template.Add("Thing", &ec2.VPC{AWSCloudFormationMetadata: want})
	out, err := template.Render("made by a test")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(python, "-c", pythonReader)
	command.Stdin, command.Stderr = bytes.NewReader(out), os.Stderr
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(printed, &got); err != nil {
		t.Fatal(err)
	}
	compare(t, got["Values"].([]any), values)
	if !same(got["Keys"], want["Keys"]) {
		t.Error("the map differs")
	}
}

func compare(t *testing.T, got, want []any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d values, want %d", len(got), len(want))
	}
	for i := range want {
		w := want[i]
		if n, ok := w.(int64); ok {
			w = float64(n) // encoding/json reads numbers as floats
		}
		if !same(got[i], w) {
			t.Errorf("got %#v, want %#v", got[i], want[i])
		}
	}
}
