package config

import (
	"fmt"
	"strings"
	"testing"
)

// Too many rights are refused where most of them stand.
func TestTooManyRights(t *testing.T) {
	const head = "name: shop\nenvironments: [{name: dev}, {name: prod}]\n"
	lines := func(n int, form string) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, form+"\n", i)
		}
		return text.String()
	}
	secrets := func(indent string, n int) string {
		return indent + "secrets:\n" + lines(n, indent+"  S%d: \"ssm:/shop/{environment}/secret%02[1]d\"")
	}
	permissions := "  permissions:\n" + lines(20, "    - actions: [\"s3:A%d\"]\n      resources: [\"arn:${AWS::Partition}:s3:::"+strings.Repeat("y", 200)+"\"]")
	const sidecar = "  sidecars:\n    - name: agent\n      image: x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	const ownBoundary = "security: {boundary: \"arn:aws:iam::123456789012:policy/x\"}\n"
	for name, test := range map[string]struct{ file, want string }{
		"secrets":                   {"service:\n" + secrets("  ", 60), "f:5:5: the secrets of all environments and the permissions make the boundary"},
		"secrets of a sidecar":      {"service:\n" + sidecar + secrets("      ", 60), "f:5:5: the secrets of all environments"},
		"permissions":               {"service:\n" + permissions, "f:5:5: the secrets of all environments"},
		"secrets, own boundary":     {"service:\n" + secrets("  ", 60) + ownBoundary, ""},
		"too many, own boundary":    {"service:\n" + secrets("  ", 130) + ownBoundary, "f:5:5: the policy of a role is "},
		"permissions, own boundary": {"service:\n" + permissions + ownBoundary, ""},
	} {
		_, err := Parse("f", []byte(head+test.file))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) || !strings.HasSuffix(err.Error(), fewerRights)):
			t.Errorf("%s: %v, want %s... %s", name, err, test.want, fewerRights)
		}
	}
}
