package iampolicy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bucketPolicy = `{"Version":"2012-10-17","Statement":[` +
	`{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:List*"],"Resource":"arn:aws:s3:::b/*"},` +
	`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`

func parsed(t *testing.T, text string) Document {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDocumentIsWrittenAsItWasRead(t *testing.T) {
	d := parsed(t, bucketPolicy)
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bucketPolicy, string(text)); diff != "" {
		t.Error(diff)
	}
	if got := d.Size(); got != len(bucketPolicy) {
		t.Errorf("%d characters, want %d", got, len(bucketPolicy))
	}
}

func TestRefused(t *testing.T) {
	for text, why := range map[string]string{
		`{"Version":"2008-10-17","Statement":[]}`: "version",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Conditions":{}}]}`:                             "Conditions",
		`{"Version":"2012-10-17","Statement":{"Effect":"Maybe","Action":"s3:*","Resource":"*"}}`:                                               "Maybe",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}`:                                                               "Action",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"a":"b"}}}}`:        "DateLessThan",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"AnyValue:StringLike":{"a":"b"}}}}`: "AnyValue",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}}`:                    "variable",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want an error that says %q", text, err, why)
		}
	}
}

func TestAllowed(t *testing.T) {
	d := parsed(t, bucketPolicy)
	for _, c := range []struct {
		action, resource, tls string
		want                  bool
	}{
		{"s3:GetObject", "arn:aws:s3:::b/key", "true", true},
		{"S3:getobject", "arn:aws:s3:::b/key", "true", true},
		{"s3:ListSomething", "arn:aws:s3:::b/key", "true", true},
		{"s3:GetObject", "arn:aws:s3:::b/key", "false", false}, // denied
		{"s3:GetObject", "arn:aws:s3:::b", "true", false},
		{"s3:PutObject", "arn:aws:s3:::b/key", "true", false},
	} {
		r := Request{Action: c.action, Resource: c.resource, Context: map[string][]string{"aws:SecureTransport": {c.tls}}}
		if got := Allowed(r, d); got != c.want {
			t.Errorf("%s: %v, want %v", r, got, c.want)
		}
	}
	request := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/key"}
	if Allowed(request, d.Without(0)) || Allowed(request) {
		t.Error("allowed by no statement")
	}
}

func TestNotActionAndNotResource(t *testing.T) {
	d := parsed(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::b/*"}}`)
	for request, want := range map[[2]string]bool{
		{"s3:GetObject", "arn:aws:s3:::c/key"}: true, {"s3:GetObject", "arn:aws:s3:::b/key"}: false, {"iam:GetRole", "arn:aws:iam::1:role/x"}: false,
	} {
		if got := Allowed(Request{Action: request[0], Resource: request[1]}, d); got != want {
			t.Errorf("%v: %v, want %v", request, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*ab", "aab", true}, {"a*b*c", "axbxbxc", true}, {"a", "ab", false}, {"ab", "a", false}, {"a**", "a", true},
	} {
		if got := Matches(c.pattern, c.text); got != c.want {
			t.Errorf("Matches(%q, %q) is %v", c.pattern, c.text, got)
		}
	}
}

// Each operator with the key there, with another value, and absent.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		operator, wanted string
		values           []string // nil: the key is not in the request
		want             bool
	}{
		{"StringEquals", "a", []string{"a"}, true},
		{"StringEquals", "a", []string{"A"}, false},
		{"StringEquals", "a*", []string{"ab"}, false},
		{"StringEquals", "a", nil, false},
		{"StringEqualsIfExists", "a", nil, true},
		{"StringEqualsIfExists", "a", []string{"b"}, false},
		{"StringEqualsIgnoreCase", "a", []string{"A"}, true},
		{"StringNotEquals", "a", []string{"b"}, true},
		{"StringNotEquals", "a", []string{"a"}, false},
		{"StringNotEquals", "a", nil, true},
		{"StringLike", "a*", []string{"ab"}, true},
		{"StringNotLike", "a*", []string{"ab"}, false},
		{"ArnLike", "arn:aws:ecs:*:1:*", []string{"arn:aws:ecs:eu-west-1:1:task/x:y"}, true},
		{"ArnLike", "arn:*:1:task/x", []string{"arn:aws:ecs:eu-west-1:1:task/x"}, false},
		{"Bool", "true", []string{"True"}, true},
		{"Null", "true", nil, true},
		{"Null", "false", nil, false},
		{"Null", "false", []string{"a"}, true},
		{"ForAllValues:StringEquals", "a", []string{"a", "b"}, false},
		{"ForAllValues:StringEquals", "a", []string{"a"}, true},
		{"ForAllValues:StringEquals", "a", nil, true},
		{"ForAnyValue:StringEquals", "a", []string{"b", "a"}, true},
		{"ForAnyValue:StringEquals", "a", nil, false},
	} {
		condition := Condition{c.operator: {"aws:Key": {c.wanted}}}
		context := map[string][]string{}
		if c.values != nil {
			context["AWS:key"] = c.values
		}
		if got := condition.holds(context); got != c.want {
			t.Errorf("%s %s on %v: %v, want %v", c.operator, c.wanted, c.values, got, c.want)
		}
	}
}
