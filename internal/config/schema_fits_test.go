package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"slipway/internal/config"
	"slipway/internal/configtest"
)

// fits holds a file against docs/slipway.schema.json, as an editor does.
func fits(t interface {
	Helper()
	Fatal(...any)
}, text string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/slipway.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// An editor never complains of a file that Parse takes.
func TestValidFilesFitTheSchema(t *testing.T) {
	committed, err := os.ReadFile("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := fits(t, string(committed)); err != nil {
		t.Error(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := configtest.Write(configtest.Configs().Draw(t, "config"), true)
		if err := fits(t, text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

// An editor shows what can be seen without knowing the other keys.
func TestInvalidFilesDoNotFitTheSchema(t *testing.T) {
	service, env := "name: shop\nenvironments: [{name: prod}]\nservice: {%}\n", "name: shop\nenvironments: [{name: prod, %}]\n"
	for _, tt := range []struct{ file, line string }{
		{"%", "name: shop"}, {"%", "environments: [{name: prod}]"}, {"name: shop\nenvironments: [{name: prod}]\n%", "foo: 1"},
		{"name: %\nenvironments: [{name: prod}]\n", "S"}, {"name: shop\nenvironments: %\n", "[]"}, {"name: shop\nenvironments: [%]\n", "{name: my-env}"},
		{service, "port: 0"}, {service, "port: 65536"}, {service, `port: "80"`}, {service, "portt: 80"}, {service, "architecture: riscv"},
		{service, "healthPath: healthz"}, {service, "exec: yes please"}, {service, `user: "0"`}, {service, `user: root`}, {service, "stopTimeout: 121"}, {service, "drain: 901"},
		{service, "storage: 20"}, {service, "command: /web"}, {service, "environment: {A: [1]}"}, {service, "environment: {1A: 1}"},
		{service, "secrets: {A: hunter2}"}, {service, `secrets: {A: "ssm:no/slash"}`}, {service, `secrets: {A: "arn:aws:ssm:eu-west-1:123456789012:parameter/x"}`},
		{service, `sidecars: [{name: x, image: "nginx:1"}]`}, {service, "sidecars: [{name: x}]"}, {service, `permissions: [{actions: ["*"], resources: ["*"]}]`},
		{service, `permissions: [{actions: ["s3:Get*"]}]`}, {service, `permissions: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::x"]}]`},
		{env, "tasks: {min: 0}"}, {env, "tasks: {spot: 101}"}, {env, "tasks: {scaleOnCPU: 95}"}, {env, `tasks: {schedule: [{at: "rate(1 day)", min: 1, max: 2}]}`},
		{env, `tasks: {schedule: [{at: "cron(0 8 ? * * *)"}]}`}, {env, "network: {zones: 4}"}, {env, "network: {nat: some}"}, {env, "network: {vpc: vpc-1}"},
		{env, "network: {vpc: vpc-01234567, publicSubnets: [subnet-01234567]}"}, {env, "entry: {domain: https://x.example.com}"}, {env, "entry: {domain: Shop.example.com}"},
		{env, "entry: {hostedZone: example.com}"}, {env, "entry: {allow: [10.0.0.1]}"}, {env, "watch: {email: nobody}"}, {env, "watch: {topic: alerts}"},
		{"name: shop\nenvironments: [{name: prod}]\nsecurity: {%}\n", "key: alias/x"}, {"name: shop\nenvironments: [{name: prod}]\nsecurity: {%}\n", "boundary: admin"},
	} {
		text := strings.Replace(tt.file, "%", tt.line, 1)
		if fits(t, text) == nil {
			t.Errorf("the schema takes %q", text)
		}
		if _, err := config.Parse("f", []byte(text)); err == nil {
			t.Errorf("Parse takes %q", text)
		}
	}
}
