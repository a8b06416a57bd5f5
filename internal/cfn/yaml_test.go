package cfn

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScalars: plain where every parser reads text, quotes or a block elsewhere.
func TestScalars(t *testing.T) {
	for text, want := range map[string]string{
		"web":                          "web",
		"AWS::ECS::Service":            "AWS::ECS::Service",
		"10.0.0.0/16":                  "10.0.0.0/16",
		"arn:aws:s3:::bucket/*":        "arn:aws:s3:::bucket/*",
		"cron(0 12 * * ? *)":           "cron(0 12 * * ? *)",
		"/health?a=b&c={d}":            "/health?a=b&c={d}",
		"it's":                         "it's",
		"Zürich":                       "Zürich",
		"2 days":                       "2 days",
		"sha256:abc":                   "sha256:abc",
		"":                             `""`,
		"y":                            `"y"`,
		"No":                           `"No"`,
		"on":                           `"on"`,
		"TRUE":                         `"TRUE"`,
		"null":                         `"null"`,
		"~":                            `"~"`,
		"=":                            `"="`,
		"<<":                           `"<<"`,
		".inf":                         `".inf"`,
		"80":                           `"80"`,
		"012345678901":                 `"012345678901"`,
		"1_000":                        `"1_000"`,
		"12:30:45":                     `"12:30:45"`,
		"0o17":                         `"0o17"`,
		"0xff":                         `"0xff"`,
		"1e3":                          `"1e3"`,
		"+1":                           `"+1"`,
		"2012-10-17":                   `"2012-10-17"`,
		"2001-12-14t21:59:43.10-05":    `"2001-12-14t21:59:43.10-05"`,
		"-v":                           `"-v"`,
		"*":                            `"*"`,
		"{{resolve:ssm:x}}":            `"{{resolve:ssm:x}}"`,
		"a: b":                         `"a: b"`,
		"a #b":                         `"a #b"`,
		"a:":                           `"a:"`,
		" a":                           `" a"`,
		"a ":                           `"a "`,
		`["web"]`:                      `'["web"]'`,
		`it's: "so"`:                   `'it''s: "so"'`,
		"a\tb":                         `"a\tb"`,
		"a\r\nb":                       `"a\x0D\nb"`,
		"\u0085\u2028\ufeff\U000e0001": `"\x85\u2028\uFEFF\U000E0001"`,
		"say \"hi\"\\\x1b":             `"say \"hi\"\\\x1B"`,
		"a\nb":                         "|-\n  a\n  b",
		"a\n\n  b: c #\n":              "|\n  a\n\n    b: c #",
		"\na":                          `"\na"`,
		" a\nb":                        `" a\nb"`,
		"a\n\n":                        `"a\n\n"`,
		"a\n \nb":                      `"a\n \nb"`,
		"a\n":                          `"a\n"`,
	} {
		w := &writer{}
		w.scalar(textOf(text), 2)
		if diff := cmp.Diff(want+"\n", string(w.out)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}
