package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
)

const someKey = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

var (
	someDigest  = "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	someSecrets = []config.Secret{
		{Name: "DATABASE", Store: config.ParameterStore, Path: "/shop/{environment}/database"},
		{Name: "PAYMENT", Store: config.SecretsManager, Path: "shop-{environment}/payment", Key: "secret"},
		{Name: "PARTNER", Store: config.SecretsManager, Path: "partner"},
	}
	someStatements = []config.Statement{
		{Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{"arn:${AWS::Partition}:s3:::shop-data/*"}},
		{Actions: []string{"s3:ListBucket"}, Resources: []string{"arn:${AWS::Partition}:s3:::shop-data"}},
	}
)

// serving is the standard configuration with its service changed.
func serving(change func(*config.Service)) config.Config {
	cfg := standard()
	change(&cfg.Service)
	return cfg
}

func running(tasks config.Tasks) config.Config {
	return with(func(e *config.Environment) { e.Tasks = tasks })
}

// sidecars are one that has every option and one that has none.
func sidecars() []config.Sidecar {
	return []config.Sidecar{
		{Name: "agent", Image: "public.ecr.aws/team/agent" + someDigest, Port: 4317, Essential: true, ReadOnlyRoot: true, User: "101:101",
			Command:     []string{"--config", "${AWS::Region}", ""},
			Environment: []config.Variable{{Name: "LEVEL", Value: "info"}},
			Secrets:     []config.Secret{{Name: "KEY", Store: config.SecretsManager, Path: "agent"}}},
		{Name: "helper", Image: "docker.io/team/helper" + someDigest},
	}
}

// serviceVariants are the options of the service and of its tasks, alone and together.
func serviceVariants() map[string]config.Config {
	schedule := []config.Schedule{
		{At: "cron(0 7 ? * MON-FRI *)", Timezone: "Europe/Berlin", Min: 4, Max: 12}, {At: "cron(0 20 * * ? *)", Min: 1, Max: 2},
	}
	everything := func(s *config.Service) {
		s.Command, s.Secrets, s.Statements, s.Sidecars = []string{"/web", "-x"}, someSecrets, someStatements, sidecars()
		s.Storage, s.Exec, s.ReadOnlyRoot, s.User = 50, true, false, "1000"
		s.HealthInterval, s.HealthGrace, s.StopTimeout, s.Drain = 5, 0, 120, 900
	}
	secret := serving(func(s *config.Service) { s.Secrets = someSecrets })
	underKey := secret
	underKey.Security.Key = someKey
	together := serving(everything)
	together.Environments = []config.Environment{environment("dev", 1, 1, 2, config.NATOne), environment("prod", 2, 9, 3, config.NATPerZone)}
	together.Environments[0].Tasks.Spot = 100
	prod := &together.Environments[1]
	prod.Variables = []config.Variable{{Name: "GREETING", Value: "hello"}, {Name: "STAGE", Value: "${AWS::StackName}"}}
	prod.Tasks = config.Tasks{Min: 2, Max: 9, ScaleOnCPU: 50, ScaleOnMemory: 70, ScaleOnRequests: 900, Schedule: schedule, Spot: 70}
	prod.Entry.Internal = true
	inAll := serving(func(s *config.Service) { s.Secrets, s.Statements = someSecrets, someStatements })
	inAll.Name, inAll.Environments = strings.Repeat("x", 32), nil
	for i := range 10 {
		inAll.Environments = append(inAll.Environments, environment(fmt.Sprintf("environment%05d", i), 1, 2, 3, config.NATPerZone))
	}
	inAll.Pipeline.Environment = inAll.Environments[9].Name
	before := func(s *config.Service) {
		s.BeforeDeploy = config.BeforeDeploy{Command: []string{"/web", "migrate", "!Ref VPC"}, Timeout: 600}
	}
	beforeWithAll := serving(func(s *config.Service) { everything(s); before(s) })
	beforeWithAll.Environments, beforeWithAll.Security.Key = together.Environments, someKey
	return map[string]config.Config{
		"command":                 serving(func(s *config.Service) { s.Command = []string{"/web", "-v", "!Ref VPC"} }),
		"environment's variables": with(func(e *config.Environment) { e.Variables = prod.Variables }),
		"secrets":                 secret,
		"secrets under a key":     underKey,
		"secrets, ten times":      inAll,
		"sidecars":                serving(func(s *config.Service) { s.Sidecars = sidecars() }),
		"task before":             serving(before),
		"task before with all":    beforeWithAll,
		"storage":                 serving(func(s *config.Service) { s.Storage = 200 }),
		"writable root":           serving(func(s *config.Service) { s.ReadOnlyRoot = false }),
		"exec":                    serving(func(s *config.Service) { s.Exec, s.ReadOnlyRoot = true, false }),
		"permissions":             serving(func(s *config.Service) { s.Statements = someStatements }),
		"permissions on everything": serving(func(s *config.Service) {
			s.Statements = []config.Statement{{Actions: []string{"cloudwatch:PutMetricData"}, Resources: []string{"*"}}}
		}),
		"half on Spot":                running(config.Tasks{Min: 2, Max: 2, Spot: 50}),
		"scaling on all":              running(config.Tasks{Min: 2, Max: 6, ScaleOnCPU: 60, ScaleOnMemory: 70, ScaleOnRequests: 1000}),
		"schedule":                    running(config.Tasks{Min: 3, Max: 3, Schedule: schedule}),
		"every option of the service": together,
	}
}

func appOf(t *testing.T, name string) map[string]any {
	t.Helper()
	return containerOf(t, name, 0)
}

func containerOf(t *testing.T, name string, i int) map[string]any {
	t.Helper()
	return at(t, ecsOf(t, name).Resources, "TaskDefinition", "Properties", "ContainerDefinitions", i).(map[string]any)
}

// valuesOf are names and values of a list of pairs, one a line.
func valuesOf(pairs any, key string) []string {
	var lines []string
	for _, pair := range list(pairs) {
		m, _ := pair.(map[string]any)
		value := m[key]
		if sub, isSub := value.(map[string]any); isSub {
			value = sub["Sub"]
		}
		lines = append(lines, fmt.Sprint(m["Name"], "=", value))
	}
	return lines
}

func TestCommand(t *testing.T) {
	if d := cmp.Diff([]any{"/web", "-v", "!Ref VPC"}, appOf(t, "command")["Command"]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := appOf(t, "standard")["Command"]; got != nil {
		t.Errorf("without a command the image's own is replaced by %v", got)
	}
}

// The environment's variables take the place of the service's, which keep their order.
func TestEnvironmentsVariables(t *testing.T) {
	want := []string{"PORT=8080", "GREETING=hello", "STAGE=${AWS::StackName}"}
	if d := cmp.Diff(want, valuesOf(appOf(t, "environment's variables")["Environment"], "Value")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	cfg := variants()["every option of the service"]
	dev := at(t, rendered(t, cfg)["dev/ecs.yaml"].Resources, "TaskDefinition", "Properties", "ContainerDefinitions", 0, "Environment")
	if d := cmp.Diff([]string{"PORT=8080", "GREETING=yes: no # 1"}, valuesOf(dev, "Value")); d != "" {
		t.Errorf("another environment's variables arrive too (-want +got):\n%s", d)
	}
}

// The application keeps idle connections longer than the load balancer, unless slipway.yaml says how long.
func TestKeepAlive(t *testing.T) {
	for name, c := range map[string]struct {
		idle  int
		given []config.Variable
		want  []string
	}{
		"by default":     {config.DefaultIdleTimeout, nil, []string{"PORT=8080", "GREETING=yes: no # 1"}},
		"shorter":        {10, nil, []string{"PORT=8080", "GREETING=yes: no # 1"}},
		"longest":        {4000, nil, []string{"PORT=8080", "KEEP_ALIVE=4030s", "GREETING=yes: no # 1"}},
		"said otherwise": {120, []config.Variable{{Name: "KEEP_ALIVE", Value: "5m"}}, []string{"PORT=8080", "KEEP_ALIVE=5m", "GREETING=yes: no # 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := with(func(e *config.Environment) { e.Entry.IdleTimeout, e.Variables = c.idle, c.given })
			got := at(t, rendered(t, cfg)["prod/ecs.yaml"].Resources, "TaskDefinition", "Properties", "ContainerDefinitions", 0, "Environment")
			if d := cmp.Diff(c.want, valuesOf(got, "Value")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	const ours = ":${AWS::Region}:${AWS::AccountId}:"
	want := []string{
		"DATABASE=arn:${AWS::Partition}:ssm" + ours + "parameter/shop/prod/database",
		"PAYMENT=arn:${AWS::Partition}:secretsmanager" + ours + "secret:shop-prod/payment:secret::",
		"PARTNER=arn:${AWS::Partition}:secretsmanager" + ours + "secret:partner",
	}
	if d := cmp.Diff(want, valuesOf(appOf(t, "secrets")["Secrets"], "ValueFrom")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	r := ecsOf(t, "secrets").Resources
	if text := fmt.Sprint(r["TaskRole"]); strings.Contains(text, "GetSecretValue") || strings.Contains(text, "GetParameters") {
		t.Error("the application itself may read secrets: ECS does it, with the other role")
	}
}

// resourcesOf are the resources, without their account, of the statements that allow an action below v.
func resourcesOf(t *testing.T, v any, action string) []string {
	t.Helper()
	found := []string{}
	walk("", v, func(_ string, v any) {
		s, _ := v.(map[string]any)
		if s["Effect"] != "Allow" || !slices.Contains(list(s["Action"]), any(action)) {
			return
		}
		for _, resource := range list(s["Resource"]) {
			if m, isIntrinsic := resource.(map[string]any); isIntrinsic {
				resource = m["Sub"]
				if resource == nil {
					resource = m["Ref"]
				}
			}
			text := fmt.Sprint(resource)
			found = append(found, text[strings.LastIndex(text, "}:")+1:])
		}
	})
	return found
}

// Only the secrets that are named can be read: by the role in its environment, by the boundary in all.
func TestReadingSecretsIsBounded(t *testing.T) {
	all := rendered(t, variants()["every option of the service"])
	for place, want := range map[string][]string{
		"dev/ecs.yaml TaskExecutionRole":      {":parameter/shop/dev/database", ":secret:shop-dev/payment-??????", ":secret:partner-??????", ":secret:agent-??????"},
		"prod/ecs.yaml TaskExecutionRole":     {":parameter/shop/prod/database", ":secret:shop-prod/payment-??????", ":secret:partner-??????", ":secret:agent-??????"},
		"foundation.yaml PermissionsBoundary": {":parameter/shop/dev/database", ":parameter/shop/prod/database", ":secret:shop-dev/payment-??????", ":secret:shop-prod/payment-??????", ":secret:partner-??????", ":secret:agent-??????"},
	} {
		file, id, _ := strings.Cut(place, " ")
		r := all[file].Resources[id]
		if d := cmp.Diff(want, append(resourcesOf(t, r, "ssm:GetParameters"), resourcesOf(t, r, "secretsmanager:GetSecretValue")...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", place, d)
		}
	}
	for _, r := range []any{ecsOf(t, "standard").Resources, rendered(t, standard())["foundation.yaml"].Resources["PermissionsBoundary"]} {
		if got := append(resourcesOf(t, r, "ssm:GetParameters"), resourcesOf(t, r, "secretsmanager:GetSecretValue")...); len(got) > 0 {
			t.Errorf("without secrets %v can be read", got)
		}
	}
}

// A key of the user's own decrypts a task's secrets for the two stores only, and only where there is one.
func TestDecryptingSecrets(t *testing.T) {
	all := rendered(t, variants()["secrets under a key"])
	for _, r := range []any{all["prod/ecs.yaml"].Resources["TaskExecutionRole"], all["foundation.yaml"].Resources["PermissionsBoundary"]} {
		if got := resourcesOf(t, r, "kms:Decrypt"); !cmp.Equal(got, []string{contract.KeyEncryptionKeyARN}) {
			t.Errorf("decrypts with %v", got)
		}
		var via []string
		walk("", r, func(path string, v any) {
			if m, _ := v.(map[string]any); strings.Contains(path, "kms:ViaService[") && m["Sub"] != nil {
				via = append(via, fmt.Sprint(m["Sub"]))
			}
		})
		if d := cmp.Diff([]string{"ssm.${AWS::Region}.${AWS::URLSuffix}", "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}, via); d != "" {
			t.Errorf("decrypts through (-want +got):\n%s", d)
		}
	}
	for path, tpl := range all {
		asked := path != "prod/network.yaml" // which has no log group here
		if got := tpl.Parameters[contract.KeyEncryptionKeyARN] != nil; got != asked {
			t.Errorf("%s asks for the key: %v", path, got)
		}
	}
	if got := resourcesOf(t, rendered(t, variants()["secrets"])["foundation.yaml"].Resources, "kms:Decrypt"); len(got) > 0 {
		t.Errorf("without a key %v decrypts", got)
	}
}

func TestSidecars(t *testing.T) {
	agent, helper := containerOf(t, "sidecars", 1), containerOf(t, "sidecars", 2)
	for key, want := range map[string]any{
		"Name": "agent", "Image": "public.ecr.aws/team/agent" + someDigest, "Essential": true, "ReadonlyRootFilesystem": true, "User": "101:101",
		"Command": []any{"--config", "${AWS::Region}", ""}, "PortMappings": []any{map[string]any{"ContainerPort": 4317, "Protocol": "tcp"}},
		"Environment": []any{map[string]any{"Name": "LEVEL", "Value": "info"}},
	} {
		if d := cmp.Diff(want, agent[key]); d != "" {
			t.Errorf("%s (-want +got):\n%s", key, d)
		}
	}
	if got := valuesOf(agent["Secrets"], "ValueFrom"); len(got) != 1 || !strings.HasSuffix(got[0], ":secret:agent") {
		t.Errorf("the agent's secrets are %v", got)
	}
	for _, key := range []string{"User", "Command", "PortMappings", "Environment", "Secrets"} {
		if helper[key] != nil {
			t.Errorf("the helper has the %s %v, which nobody gave it", key, helper[key])
		}
	}
	if helper["Essential"] != false || helper["ReadonlyRootFilesystem"] != false {
		t.Errorf("the helper is essential: %v, its root read-only: %v", helper["Essential"], helper["ReadonlyRootFilesystem"])
	}
	for _, c := range []map[string]any{appOf(t, "sidecars"), agent, helper} {
		if d := cmp.Diff(map[string]any{"InitProcessEnabled": true, "Capabilities": map[string]any{"Drop": []any{"ALL"}}}, c["LinuxParameters"]); d != "" {
			t.Errorf("%v (-want +got):\n%s", c["Name"], d)
		}
		if at(t, c, "LogConfiguration", "Options", "awslogs-group", "Ref") != "LogGroup" || at(t, c, "LogConfiguration", "Options", "awslogs-stream-prefix") != contract.LogStreamPrefix {
			t.Errorf("%v logs to %v", c["Name"], c["LogConfiguration"])
		}
	}
	want := []any{map[string]any{"ContainerName": "agent", "Condition": "START"}, map[string]any{"ContainerName": "helper", "Condition": "START"}}
	if d := cmp.Diff(want, appOf(t, "sidecars")["DependsOn"]); d != "" {
		t.Errorf("the application starts after (-want +got):\n%s", d)
	}
	if got := at(t, ecsOf(t, "sidecars").Resources, "Service", "Properties", "LoadBalancers", 0, "ContainerName"); got != contract.ContainerName {
		t.Errorf("requests go to %v", got)
	}
}

func TestStorageUserAndRoot(t *testing.T) {
	task := at(t, ecsOf(t, "storage").Resources, "TaskDefinition", "Properties")
	if got := at(t, task, "EphemeralStorage", "SizeInGiB"); got != 200 {
		t.Errorf("%v GiB of storage, want 200", got)
	}
	if got := at(t, ecsOf(t, "standard").Resources, "TaskDefinition", "Properties").(map[string]any)["EphemeralStorage"]; got != nil {
		t.Errorf("storage of %v, which costs money unasked", got)
	}
	if appOf(t, "standard")["ReadonlyRootFilesystem"] != true || appOf(t, "writable root")["ReadonlyRootFilesystem"] != false {
		t.Error("the root file system does not follow readOnlyRoot")
	}
	if got := []any{appOf(t, "standard")["User"], appOf(t, "every option of the service")["User"]}; !cmp.Equal(got, []any{config.DefaultUser, "1000"}) {
		t.Errorf("the application runs as %v", got)
	}
}

// ECS Exec is off unless asked for; then the task, and nothing else, may open sessions, which are logged.
func TestExec(t *testing.T) {
	off := at(t, ecsOf(t, "standard").Resources, "Service", "Properties").(map[string]any)
	if off["EnableExecuteCommand"] != nil {
		t.Errorf("without asking ECS Exec is %v", off["EnableExecuteCommand"])
	}
	all := rendered(t, variants()["exec"])
	r := all["prod/ecs.yaml"].Resources
	if at(t, r, "Service", "Properties", "EnableExecuteCommand") != true {
		t.Error("ECS Exec is not on")
	}
	for _, action := range []string{"ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"} {
		if !slices.Contains(actions(r["TaskRole"]), action) || !slices.Contains(actions(all["foundation.yaml"].Resources["PermissionsBoundary"]), action) {
			t.Errorf("the task may not %s", action)
		}
	}
	if slices.Contains(actions(r["TaskExecutionRole"]), "ssmmessages:OpenDataChannel") {
		t.Error("ECS itself may open sessions")
	}
	if nonce := func(name string) any {
		return at(t, ecsOf(t, name).Resources, "Service", "Properties", "ForceNewDeployment", "ForceNewDeploymentNonce")
	}; nonce("exec") == nonce("standard") || nonce("half on Spot") == nonce("standard") {
		t.Error("turning ECS Exec on or changing the share of Spot starts no new tasks")
	}
}

// The application may do what slipway.yaml says, within the boundary, which is as wide and no wider.
func TestPermissions(t *testing.T) {
	all := rendered(t, variants()["permissions"])
	for _, r := range []any{all["prod/ecs.yaml"].Resources["TaskRole"], all["foundation.yaml"].Resources["PermissionsBoundary"]} {
		if got := resourcesOf(t, r, "s3:PutObject"); !cmp.Equal(got, []string{":s3:::shop-data/*"}) {
			t.Errorf("writes objects in %v", got)
		}
		if got := resourcesOf(t, r, "s3:ListBucket"); !cmp.Equal(got, []string{":s3:::shop-data"}) {
			t.Errorf("lists %v", got)
		}
	}
	if role := at(t, ecsOf(t, "standard").Resources, "TaskRole", "Properties").(map[string]any); role["Policies"] != nil {
		t.Errorf("without permissions the application may %v", role["Policies"])
	}
}

// What slipway.yaml takes of secrets and permissions fits into IAM's policies, and is not far from all that does.
func TestRightsFitIntoPolicies(t *testing.T) {
	const boundary, inline = 6144, 10240
	for name, test := range map[string]struct {
		file  func(n int) string // with n secrets or permissions
		limit int
	}{
		"parameters": {func(n int) string { return secretsFile(n, "ssm:/a/{environment}/secret%03d") }, boundary},
		"secrets":    {func(n int) string { return secretsFile(n, "secretsmanager:a-{environment}-secret%03d") }, boundary},
		"secrets of one environment under a key": {func(n int) string {
			return secretsFile(n, "ssm:/a/secret%03d") + "security: {key: \"" + someKey + "\"}\n"
		}, boundary},
		"permissions": {func(n int) string {
			tables := strings.TrimSuffix(repeated(n, "\"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/table%03d\", "), ", ")
			return "service:\n  permissions:" + repeated(2, "\n    - actions: [\"dynamodb:A%d\"]\n      resources: ["+tables+"]")
		}, boundary},
		"permissions with a boundary of one's own": {func(n int) string {
			return "service:\n  permissions:" + repeated(20, "\n    - actions: [\"s3:A%d\"]\n      resources: ["+strings.TrimSuffix(repeated(n, "\"arn:${AWS::Partition}:s3:::bucket%03d\", "), ", ")+"]") +
				"\nsecurity: {boundary: \"arn:aws:iam::123456789012:policy/x\"}"
		}, inline},
	} {
		t.Run(name, func(t *testing.T) {
			var most config.Config
			for n := 1; ; n++ {
				text := "name: " + strings.Repeat("x", 32) + "\nenvironments: [{name: environment00000}, {name: environment00001}]\n" + test.file(n) + "\n"
				cfg, err := config.Parse("f", []byte(text))
				if err != nil {
					if n < 3 || !strings.Contains(err.Error(), "IAM takes") {
						t.Fatalf("%d: %v", n, err)
					}
					break
				}
				most = cfg
			}
			a := deployed(t, most)
			a.partition, a.region = "aws-us-gov", "ap-southeast-1"
			largest := 0
			for _, p := range a.policies() {
				if p.id == "PermissionsBoundary" || test.limit == inline && strings.HasPrefix(p.id, "Task") && !p.trust {
					largest = max(largest, p.Size())
				}
			}
			if largest > test.limit || largest < test.limit*8/9 {
				t.Errorf("a policy of %d characters, %d at most", largest, test.limit)
			}
		})
	}
}

func secretsFile(n int, place string) string {
	var text strings.Builder
	text.WriteString("service:\n  secrets:\n")
	for i := range n {
		fmt.Fprintf(&text, "    S%d: \""+place+"\"\n", i, i)
	}
	return text.String()
}

func repeated(n int, form string) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, form, i)
	}
	return text.String()
}

func TestSpot(t *testing.T) {
	const demand, spot = "FARGATE", "FARGATE_SPOT"
	for share, want := range map[int][]any{
		0:   {map[string]any{"CapacityProvider": demand, "Weight": 1}},
		1:   {map[string]any{"CapacityProvider": demand, "Base": 1, "Weight": 99}, map[string]any{"CapacityProvider": spot, "Weight": 1}},
		70:  {map[string]any{"CapacityProvider": demand, "Base": 1, "Weight": 30}, map[string]any{"CapacityProvider": spot, "Weight": 70}},
		99:  {map[string]any{"CapacityProvider": demand, "Base": 1, "Weight": 1}, map[string]any{"CapacityProvider": spot, "Weight": 99}},
		100: {map[string]any{"CapacityProvider": spot, "Weight": 1}},
	} {
		r := rendered(t, running(config.Tasks{Min: 2, Max: 2, Spot: share}))["prod/ecs.yaml"].Resources
		if d := cmp.Diff(want, at(t, r, "Service", "Properties", "CapacityProviderStrategy")); d != "" {
			t.Errorf("%d %% (-want +got):\n%s", share, d)
		}
	}
}

func TestScaling(t *testing.T) {
	type policy struct {
		metric any
		target any
	}
	for name, want := range map[string]map[string]policy{
		"standard": {},
		"schedule": {},
		"several":  {"CPUScalingPolicy": {"ECSServiceAverageCPUUtilization", 60}},
		"scaling on all": {"CPUScalingPolicy": {"ECSServiceAverageCPUUtilization", 60}, "MemoryScalingPolicy": {"ECSServiceAverageMemoryUtilization", 70},
			"RequestScalingPolicy": {"ALBRequestCountPerTarget", 1000}},
	} {
		got := map[string]policy{}
		for id, r := range ofType(ecsOf(t, name), "AWS::ApplicationAutoScaling::ScalingPolicy") {
			p := at(t, r, "Properties", "TargetTrackingScalingPolicyConfiguration")
			got[id] = policy{at(t, p, "PredefinedMetricSpecification", "PredefinedMetricType"), at(t, p, "TargetValue")}
			if at(t, p, "ScaleInCooldown") != 300 || at(t, p, "ScaleOutCooldown") != 60 {
				t.Errorf("%s: %s cools down for %v", name, id, p)
			}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(policy{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	label := func(name string) any {
		r := rendered(t, variants()[name])["prod/ecs.yaml"].Resources
		return at(t, r, "RequestScalingPolicy", "Properties", "TargetTrackingScalingPolicyConfiguration", "PredefinedMetricSpecification", "ResourceLabel", "Sub")
	}
	if got := label("scaling on all"); got != "${LoadBalancer.LoadBalancerFullName}/${TargetGroup.TargetGroupFullName}" {
		t.Errorf("requests of %v are counted", got)
	}
	if got := label("every option of the service"); got != "${LoadBalancer.LoadBalancerFullName}/${InternalTargetGroup.TargetGroupFullName}" {
		t.Errorf("inside the VPC requests of %v are counted", got)
	}
}

// A schedule sets bounds even where there is nothing to follow, and then the count is not the template's.
func TestSchedule(t *testing.T) {
	r := ecsOf(t, "schedule").Resources
	target := at(t, r, "ScalableTarget", "Properties")
	want := []any{
		map[string]any{"ScheduledActionName": "schedule-1", "Schedule": "cron(0 7 ? * MON-FRI *)", "Timezone": "Europe/Berlin",
			"ScalableTargetAction": map[string]any{"MinCapacity": 4, "MaxCapacity": 12}},
		map[string]any{"ScheduledActionName": "schedule-2", "Schedule": "cron(0 20 * * ? *)",
			"ScalableTargetAction": map[string]any{"MinCapacity": 1, "MaxCapacity": 2}},
	}
	if d := cmp.Diff(want, at(t, target, "ScheduledActions")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if at(t, target, "MinCapacity") != 3 || at(t, target, "MaxCapacity") != 3 {
		t.Errorf("until then the bounds are %v", target)
	}
	if got := at(t, r, "Service", "Properties").(map[string]any)["DesiredCount"]; got != nil {
		t.Errorf("an update sets the count to %v", got)
	}
	if got := ecsOf(t, "standard").Resources["ScalableTarget"]; got != nil {
		t.Errorf("a count that never changes is scaled by %v", got)
	}
}

// The number of tasks is either the template's or the scaler's: an update would set back what both have.
func TestTheCountHasOneOwner(t *testing.T) {
	for name, cfg := range variants() {
		all := rendered(t, cfg)
		for _, env := range cfg.Environments {
			r := all[contract.EnvironmentTemplate(env.Name, contract.StackECS)].Resources
			stated := at(t, r, "Service", "Properties").(map[string]any)["DesiredCount"] != nil
			if scaled := r["ScalableTarget"] != nil; scaled != env.Tasks.Scales() || stated == scaled {
				t.Errorf("%s, %s: the template states the count: %v, a scaler has it: %v", name, env.Name, stated, scaled)
			}
		}
	}
}

func TestHealthCheckAndStopping(t *testing.T) {
	for name, want := range map[string][]any{"standard": {10, 5, 60, 30, "15"}, "every option of the service": {5, 4, 0, 120, "900"}} {
		r := rendered(t, variants()[name])["prod/ecs.yaml"].Resources
		group := r["TargetGroup"]
		if group == nil {
			group = r["InternalTargetGroup"]
		}
		got := []any{
			at(t, group, "Properties", "HealthCheckIntervalSeconds"), at(t, group, "Properties", "HealthCheckTimeoutSeconds"),
			at(t, r, "Service", "Properties", "HealthCheckGracePeriodSeconds"), at(t, r, "TaskDefinition", "Properties", "ContainerDefinitions", 0, "StopTimeout"),
			at(t, group, "Properties", "TargetGroupAttributes", 0, "Value"),
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// What CloudFormation's roles need for schedules is there without one, too: they must be deleted after the option is gone.
func TestExecutionRolesMakeSchedules(t *testing.T) {
	allowed := actions(environmentPolicies(t, standard()))
	for _, action := range []string{"DescribeScheduledActions", "PutScheduledAction", "DeleteScheduledAction"} {
		if !slices.Contains(allowed, "application-autoscaling:"+action) {
			t.Errorf("the execution roles may not %s", action)
		}
	}
}
