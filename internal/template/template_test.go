package template

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte(`# made by a test
Parameters:
  Zone:
    Type: String
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    Properties:
      Days: 30
      Share: 0.5
      On: true
      Text: "30"
      Block: |
        one
        two
      Name: !Sub "${AWS::StackName}-x"
      With: !Sub
        - a${B}
        - B: !Ref Zone
      Short: !GetAtt Other.Outputs.X
      Long:
        Fn::GetAtt: Other.Arn
      List: [!Ref Zone, a]
      1: one
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Template{
		Parameters: map[string]any{"Zone": map[string]any{"Type": "String"}},
		Resources: map[string]Resource{"Group": {
			Type:       "AWS::Logs::LogGroup",
			Attributes: map[string]any{"DeletionPolicy": "Delete"},
			Properties: map[string]any{
				"Days": 30, "Share": 0.5, "On": true, "Text": "30", "Block": "one\ntwo\n",
				"Name":  map[string]any{"Fn::Sub": "${AWS::StackName}-x"},
				"With":  map[string]any{"Fn::Sub": []any{"a${B}", map[string]any{"B": map[string]any{"Ref": "Zone"}}}},
				"Short": map[string]any{"Fn::GetAtt": []any{"Other", "Outputs.X"}},
				"Long":  map[string]any{"Fn::GetAtt": []any{"Other", "Arn"}},
				"List":  []any{map[string]any{"Ref": "Zone"}, "a"},
				"1":     "one",
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"no YAML":    {"a: [", "read a template"},
		"empty":      {"", "one YAML document"},
		"two":        {"a: 1\n---\nb: 2\n", "one YAML document"},
		"YAML's tag": {"a: !!binary x\n", `"!!binary" is no intrinsic`},
		"an alias":   {"a: &x 1\nb: *x\n", "line 1: anchor has no place"},
		"too large":  {"a: 18446744073709551615\n", "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
