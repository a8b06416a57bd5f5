package local

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/stacks"
)

// variants are what slipway.yaml may say, below an environment and beside it. The templates of each are launched and
// deleted on one engine.
var variants = map[string]struct {
	environment, service string
	security, pipeline   string   // beside them
	has                  []string // variables of the task, or its command after "args "
}{
	"public tasks":              {},
	"one NAT":                   {environment: "network: {nat: one, zones: 3}"},
	"endpoints, without NAT":    {environment: "network: {endpoints: true}"},
	"flow logs, NAT for each":   {environment: "network: {flowLogs: true, nat: per-zone}"},
	"own domain":                {environment: "entry: {domain: shop.example.com, hostedZone: \"${Zone}\"}"},
	"certificate":               {environment: "entry: {domain: shop.example.com, certificate: \"${Certificate}\"}"},
	"internal":                  {environment: "entry: {internal: true}\n    network: {nat: one}"},
	"allowed ranges":            {environment: "entry: {allow: [192.0.2.0/24]}"},
	"access logs, idle timeout": {environment: "entry: {accessLogs: true, idleTimeout: 120}"},
	"firewall":                  {environment: "entry: {waf: true, rateLimit: 500}"},
	"protected":                 {environment: "protected: true"},
	"existing VPC":              {environment: "network: {vpc: \"${VPC}\", cidr: 10.9.0.0/16, publicSubnets: [\"${PublicA}\", \"${PublicB}\"], privateSubnets: [\"${PrivateA}\", \"${PrivateB}\"]}"},
	"every option": {environment: "protected: true\n    tasks: {min: 1, max: 3}\n    network: {zones: 3, nat: per-zone, endpoints: true, flowLogs: true}\n" +
		"    entry: {domain: shop.example.com, hostedZone: \"${Zone}\", internal: true, allow: [192.0.2.0/24], accessLogs: true, waf: true}\n" +
		"    watch: {email: team@example.com, insights: true}"},
	"mail of alarms":  {environment: "watch: {email: team@example.com, latency: 500}"},
	"topic, Insights": {environment: "watch: {topic: \"${Topic}\", insights: true}"},
	"own key": {
		environment: "network: {flowLogs: true}\n    entry: {accessLogs: true}\n    watch: {email: team@example.com}",
		security:    `key: "${Key}"`,
	},
	"own boundary":       {security: `boundary: "${Boundary}"`},
	"not watched":        {environment: "watch: {alarms: false, dashboard: false}"},
	"scaling":            {environment: "tasks: {min: 2, max: 4, scaleOnCPU: 60}"},
	"scaling on all":     {environment: "tasks: {min: 1, max: 4, scaleOnCPU: 60, scaleOnMemory: 70, scaleOnRequests: 1000}"},
	"schedule":           {environment: "tasks: {min: 1, max: 1, schedule: [{at: cron(0 7 ? * MON-FRI *), timezone: Europe/Berlin, min: 2, max: 4}]}"},
	"Spot":               {environment: "tasks: {min: 2, max: 2, spot: 70}"},
	"pipeline's options": {pipeline: "checks: parallel, mode: queued"},
	"command":            {service: `command: [--loud, "${AWS::Region}", ""]`, has: []string{`args ["--loud","${AWS::Region}",""]`}},
	"variables of both": {
		service: `environment: {A: of the service, B: of the service}`, environment: `environment: {B: "${AWS::Region} of prod"}`,
		has: []string{"A=of the service", "B=${AWS::Region} of prod"},
	},
	"secrets": {
		service: `secrets: {S_PARAMETER: "ssm:/shop/{environment}/a", S_SECRET: "secretsmanager:shop-{environment}", S_KEY: "secretsmanager:shop-{environment}#password"}`,
		has:     []string{"S_PARAMETER=from-ssm", `S_SECRET={"password": "from-secretsmanager"}`, "S_KEY=from-secretsmanager"},
	},
	"secrets under a key": {
		service:  `secrets: {S_SECRET: "secretsmanager:shop-{environment}"}`,
		security: `key: "${Key}"`, has: []string{`S_SECRET={"password": "from-secretsmanager"}`},
	},
	"sidecars":                  {service: `sidecars: [{name: agent, image: "public.ecr.aws/x/agent@` + someDigest + `", port: 4317, essential: true, environment: {LEVEL: info}, secrets: {S: "ssm:/shop/{environment}/a"}}]`},
	"exec, storage, root, user": {service: `exec: true, readOnlyRoot: false, storage: 21, user: "1000:1000"`},
	"permissions":               {service: `permissions: [{actions: ["s3:GetObject", "s3:List*"], resources: ["arn:${AWS::Partition}:s3:::x/*"]}]`},
	"every option of the service": {
		service: `command: [--loud], exec: true, readOnlyRoot: false, storage: 30, secrets: {S_PARAMETER: "ssm:/shop/{environment}/a"}, stopTimeout: 60, drain: 60, beforeDeploy: {command: [migrate]}, ` +
			`sidecars: [{name: agent, image: "public.ecr.aws/x/agent@` + someDigest + `"}], permissions: [{actions: ["cloudwatch:PutMetricData"], resources: ["*"]}]`,
		environment: "tasks: {min: 1, max: 3, scaleOnRequests: 500, spot: 50}\n    network: {nat: one, endpoints: true}\n    environment: {LEVEL: debug}",
		has:         []string{"S_PARAMETER=from-ssm", "LEVEL=debug", `args ["--loud"]`},
	},
}

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// given makes what exists in the account before anything is launched, and puts its ids in the place of ${NAME}.
func (b *bench) given() *strings.Replacer {
	b.Helper()
	var pairs []string
	for _, o := range b.createStack("given", b.template("given"), nil).Outputs {
		pairs = append(pairs, "${"+*o.OutputKey+"}", *o.OutputValue)
	}
	return strings.NewReplacer(pairs...)
}

// few are the variants that a short run is content with: they have every type of resource.
var few = []string{"existing VPC", "every option", "every option of the service", "public tasks"}

// TestVariants launches and deletes what every kind of slipway.yaml gives.
func TestVariants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	given := b.given()
	t.Run("each", func(t *testing.T) {
		names := few
		if os.Getenv("SLIPWAY_LONG") != "" {
			names = slices.Sorted(maps.Keys(variants))
		}
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				v := variants[name]
				text := given.Replace(fmt.Sprintf("name: v%d\nservice: {%s}\nenvironments:\n  - name: prod\n    %s\nsecurity: {%s}\npipeline: {%s}\n", i, v.service, v.environment, v.security, v.pipeline))
				cfg, err := config.Parse(config.File, []byte(text))
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				of := *b
				of.T = t
				of.launchVariant(cfg, v.has)
			})
		}
	})
}

// launchVariant launches foundation and environment of a configuration, wants an answer from it, and deletes them.
func (b *bench) launchVariant(cfg config.Config, has []string) {
	b.Helper()
	env := cfg.Environments[0]
	urls := map[string]string{}
	var foundation, root string
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render("test")
		if err != nil {
			b.Fatal(err)
		}
		switch file.Path {
		case contract.FoundationTemplate:
			foundation = string(text)
		case contract.EnvironmentTemplate(env.Name, contract.StackRoot):
			root = string(text)
		default:
			urls[strings.TrimSuffix(file.Path[strings.LastIndex(file.Path, "/")+1:], ".yaml")] = b.put(cfg.Name+"/"+file.Path, string(text))
		}
	}
	values := cfg.FoundationParameters()
	base := b.createStack(contract.FoundationStackName(cfg.Name), foundation, values)
	values = cfg.RootParameters(env)
	for _, o := range base.Outputs {
		values[*o.OutputKey] = *o.OutputValue
	}
	for i := range env.Network.Zones {
		values[contract.KeyZone(i)] = "us-east-1" + contract.ZoneLetter(i)
	}
	values[contract.KeyImageURI], values[contract.KeyBeforeDeployImageURI] = b.image, b.image
	values[contract.KeyVisitorImageURI] = b.image
	values[contract.KeyBeforeDeployTemplateURL] = urls[contract.StackBeforeDeploy]
	values[contract.KeyNetworkTemplateURL], values[contract.KeyECSTemplateURL], values[contract.KeyPipelineTemplateURL] = urls[contract.StackNetwork], urls[contract.StackECS], urls[contract.StackPipeline]
	s := b.createStack(contract.EnvironmentStackName(cfg.Name, env.Name), root, values)
	b.wantAnswer(env, s, has)
	for _, stack := range []string{contract.EnvironmentStackName(cfg.Name, env.Name), contract.FoundationStackName(cfg.Name)} {
		b.wantStatus(b.delete(stack), cfntypes.StackStatusDeleteComplete)
	}
}

// wantAnswer asks the service as its users do: over TLS where the environment has a domain, which leads to the load
// balancer. There plain HTTP is redirected.
func (b *bench) wantAnswer(env config.Environment, s cfntypes.Stack, has []string) {
	b.Helper()
	balancer := output(s, contract.KeyLoadBalancerName)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	url := output(s, contract.KeyServiceURL)
	if env.Entry.Domain != "" {
		if err := b.e.Certify(env.Entry.Domain); err != nil {
			b.Fatal(err)
		}
		authorities, err := b.e.RootCAs()
		if err != nil {
			b.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, balancer)
		}
		defer transport.CloseIdleConnections()
		client.Transport = transport
		b.wantRedirect(client, "http://"+env.Entry.Domain+"/a?b=c", "https://"+env.Entry.Domain+":443/a?b=c")
		b.wantRedirect(client, "http://"+balancer+"/a", "https://"+balancer+"/a")
	}
	answer, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || (answer.TLS != nil) != (env.Entry.Domain != "") {
		b.Errorf("%s: %s", url, answer.Status)
	}
	b.wantTask(client, url, has)
}

// wantTask asks the tasks what they were started with.
func (b *bench) wantTask(client *http.Client, url string, has []string) {
	b.Helper()
	if len(has) == 0 {
		return
	}
	var got []string
	for _, path := range []string{"/args", "/env"} {
		answer, err := client.Get(url + path)
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		if path == "/args" {
			got = append(got, "args "+strings.TrimSpace(string(text)))
			continue
		}
		var variables []string
		if err := json.Unmarshal(text, &variables); err != nil {
			b.Fatal(err)
		}
		got = append(got, variables...)
	}
	for _, want := range has {
		if !slices.Contains(got, want) {
			b.Errorf("the tasks have no %s", want)
		}
	}
}

func (b *bench) wantRedirect(client *http.Client, from, to string) {
	b.Helper()
	answer, err := client.Get(from)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusMovedPermanently || got != to {
		b.Errorf("%s: %s to %s, want %s", from, answer.Status, got, to)
	}
}

// put uploads a template and returns its URL.
func (b *bench) put(key, text string) string {
	b.Helper()
	_, err := s3Client(b.e).PutObject(b.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		b.Fatal(err)
	}
	return "https://" + bucket + ".s3.us-east-1.amazonaws.com/" + key
}

// createStack creates a stack with those of the values that its template asks for.
func (b *bench) createStack(name, body string, values map[string]string) cfntypes.Stack {
	b.Helper()
	declared, err := b.cfn.GetTemplateSummary(b.Context(), &cloudformation.GetTemplateSummaryInput{TemplateBody: &body})
	if err != nil {
		b.Fatal(err)
	}
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body, Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam}}
	for _, p := range declared.Parameters {
		value, ok := values[*p.ParameterKey]
		if !ok {
			b.Fatalf("%s asks for %s, which nobody gives", name, *p.ParameterKey)
		}
		in.Parameters = append(in.Parameters, cfntypes.Parameter{ParameterKey: p.ParameterKey, ParameterValue: &value})
	}
	if _, err := b.cfn.CreateStack(b.Context(), in); err != nil {
		b.Fatal(err)
	}
	s := b.settled(name)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	return s
}
