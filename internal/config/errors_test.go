package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/yamlfile"
)

// service and environment make whole files out of the lines under test: the service's begin on line 3, the environment's on line 4.
func service(lines ...string) string {
	return "name: shop\nservice:\n  " + strings.Join(lines, "\n  ") + "\nenvironments: [{name: prod}]\n"
}

func environment(lines ...string) string {
	return "name: shop\nenvironments:\n  - name: prod\n    " + strings.Join(lines, "\n    ") + "\n"
}

// named is a whole file with this name.
func named(name string) string { return "name: " + name + "\nenvironments: [{name: prod}]\n" }

func TestProblems(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "",
			"f:1:1: the file is empty; it must have at least name and environments"},
		{"only comments", "# nothing\n\n",
			"f:1:1: the file is empty; it must have at least name and environments"},
		{"only separators", "---\n---\n",
			"f:1:1: the file is empty; it must have at least name and environments"},
		{"null", "~\n",
			"f:1:1: the file is empty; it must be a mapping of keys to values, such as name: shop-api"},
		{"text", "just text\n",
			"f:1:1: the file is the text \"just text\"; it must be a mapping of keys to values, such as name: shop-api"},
		{"list", "- name: shop\n",
			"f:1:1: the file is a list; it must be a mapping of keys to values, such as name: shop-api"},
		{"two documents", "name: a1\n---\nname: b1\n",
			"f:3:1: a second YAML document begins here; the file must be a single one (no --- in between)"},
		{"directive", "%YAML 1.2\n---\nname: shop\n",
			"f:1:1: found a YAML directive (%); leave it out"},
		{"too large", "#" + strings.Repeat("x", yamlfile.MaxSize) + "\n",
			"f:1:1: the file has 32770 bytes; allowed are at most 32768"},
		{"not UTF-8", "name: shop\nx: \xff\n",
			"f:2:4: found the byte 0xff, which is not UTF-8; save the file as UTF-8"},
		{"control character", "name: shop\nservice: {healthPath: \"/ä\x00\"}\n",
			"f:2:26: found the control character 0x00; leave it out"},
		{"delete character", "name: sh\x7fop\n",
			"f:1:9: found the control character 0x7f; leave it out"},
		{"unclosed bracket", "name: shop\nenvironments: [{name: prod}\n",
			"f:2:15: not valid YAML: sequence end token ']' not found; check indentation, colons, quotes and brackets here"},
		{"tab", "name: shop\nservice:\n\tport: 80\n",
			"f:3:1: not valid YAML: found character '\t' that cannot start any token; check indentation, colons, quotes and brackets here"},
		{"unterminated quote", "name: \"shop\n",
			"f:1:7: not valid YAML: could not find end character of double-quoted text; check indentation, colons, quotes and brackets here"},
		{"bad indentation", "name: shop\n  service:\n",
			"f:1:7: not valid YAML: mapping value is not allowed in this context; check indentation, colons, quotes and brackets here"},
		{"colon in value", "name: a: b\n",
			"f:1:7: not valid YAML: mapping value is not allowed in this context; check indentation, colons, quotes and brackets here"},

		{"nothing of what is required", "service: {}\n",
			"f:1:1: name is missing; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api\n" +
				"f:1:1: environments is missing; it must be a list with at least one, such as: - name: prod"},
		{"keys without values", "name:\nservice:\nenvironments:\npipeline:\n",
			"f:1:6: name is empty; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api\n" +
				"f:2:9: service is empty; it must be a mapping of keys to values\n" +
				"f:3:14: environments is empty; it must be a list, each item begun with a dash\n" +
				"f:4:11: pipeline is empty; it must be a mapping of keys to values"},
		{"unknown keys", "name: shop\nenvironment: []\nport: 80\nfoo: 1\nenvironments: [{name: prod}]\n",
			"f:2:1: unknown key \"environment\"; did you mean environments? (allowed are name, service, environments, pipeline, security)\n" +
				"f:3:1: unknown key \"port\"; port belongs in service\n" +
				"f:4:1: unknown key \"foo\"; allowed are name, service, environments, pipeline, security"},
		{"near keys", service("healthpath: /", "health_path: /", "memroy: 512", "Port: 80", "enviroment: {}"),
			"f:3:3: unknown key \"healthpath\" in service; did you mean healthPath? (allowed are port, cpu, memory, architecture, bothArchitectures, healthPath, healthInterval, healthGrace, stopTimeout, drain, command, user, readOnlyRoot, exec, storage, environment, secrets, sidecars, permissions, beforeDeploy, acceptance, build)\n" +
				"f:4:3: unknown key \"health_path\" in service; did you mean healthPath? (allowed are port, cpu, memory, architecture, bothArchitectures, healthPath, healthInterval, healthGrace, stopTimeout, drain, command, user, readOnlyRoot, exec, storage, environment, secrets, sidecars, permissions, beforeDeploy, acceptance, build)\n" +
				"f:5:3: unknown key \"memroy\" in service; did you mean memory? (allowed are port, cpu, memory, architecture, bothArchitectures, healthPath, healthInterval, healthGrace, stopTimeout, drain, command, user, readOnlyRoot, exec, storage, environment, secrets, sidecars, permissions, beforeDeploy, acceptance, build)\n" +
				"f:6:3: unknown key \"Port\" in service; did you mean port? (allowed are port, cpu, memory, architecture, bothArchitectures, healthPath, healthInterval, healthGrace, stopTimeout, drain, command, user, readOnlyRoot, exec, storage, environment, secrets, sidecars, permissions, beforeDeploy, acceptance, build)\n" +
				"f:7:3: unknown key \"enviroment\" in service; did you mean environment? (allowed are port, cpu, memory, architecture, bothArchitectures, healthPath, healthInterval, healthGrace, stopTimeout, drain, command, user, readOnlyRoot, exec, storage, environment, secrets, sidecars, permissions, beforeDeploy, acceptance, build)"},
		{"key near two", environment("tasks: {mix: 1}"),
			"f:4:13: unknown key \"mix\" in environments.tasks; did you mean min? (allowed are min, max, scaleOnCPU, scaleOnMemory, scaleOnRequests, schedule, spot)"},
		{"keys that belong elsewhere", service("min: 2", "cidr: 10.0.0.0/16"),
			"f:3:3: unknown key \"min\" in service; min belongs in environments.tasks\n" +
				"f:4:3: unknown key \"cidr\" in service; cidr belongs in environments.network"},
		{"not in this file", "name: shop\nregion: eu-west-1\naccount: 1\nservice: {profile: x, region: y}\nenvironments: [{name: prod, region: z}]\n",
			"f:2:1: unknown key \"region\"; the Region is not in this file: it comes from --region, AWS_REGION or the profile\n" +
				"f:3:1: unknown key \"account\"; the account is not in this file: it is that of the credentials, from --profile or the environment variables\n" +
				"f:4:11: unknown key \"profile\" in service; the profile is not in this file: it comes from --profile or AWS_PROFILE\n" +
				"f:4:23: unknown key \"region\" in service; the Region is not in this file: it comes from --region, AWS_REGION or the profile\n" +
				"f:5:29: unknown key \"region\" in environments; the Region is not in this file: it comes from --region, AWS_REGION or the profile"},
		{"not planned", "name: shop\nservices: []\nservice: {launchType: EC2, os: windows, windows: true}\nsecrets: {}\nenvironments: [{name: prod}]\n",
			"f:2:1: unknown key \"services\"; more than one service an application is not planned: use a slipway.yaml with its own name for each\n" +
				"f:3:11: unknown key \"launchType\" in service; tasks run on Fargate; EC2 capacity is not planned\n" +
				"f:3:28: unknown key \"os\" in service; tasks run on Linux; Windows is not planned\n" +
				"f:3:41: unknown key \"windows\" in service; tasks run on Linux; Windows is not planned\n" +
				"f:4:1: unknown key \"secrets\"; secrets belongs in service"},
		{"duplicate keys", "name: shop\nname: shop2\nservice: {port: 1, port: 2}\nenvironments: [{name: prod}]\nname: x\n",
			"f:2:1: key \"name\" occurs twice, first on line 1; keep one of them\n" +
				"f:3:20: key \"port\" occurs twice in service, first on line 3; keep one of them\n" +
				"f:5:1: key \"name\" occurs twice, first on line 1; keep one of them"},
		{"anchor and alias", "name: &n shop\nenvironments: [{name: *n}]\n",
			"f:1:7: name is a YAML anchor or alias (& or *), which is not taken here; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api\n" +
				"f:2:23: environments.name is a YAML anchor or alias (& or *), which is not taken here; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod"},
		{"anchor on a mapping", "name: shop\nservice: &s {port: 1}\nenvironments: [{name: prod}]\n",
			"f:2:10: service is a YAML anchor or alias (& or *), which is not taken here; it must be a mapping of keys to values"},
		{"merge key", service("<<: {port: 1}"),
			"f:3:3: found a merge key (<<); write the keys out"},
		{"tag", "name: !!str shop\nenvironments: [{name: prod}]\n",
			"f:1:7: name is a value with the YAML tag \"!!str\", which is not taken here; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"complex key", "name: shop\n? service\n: {}\nenvironments: [{name: prod}]\n",
			"f:2:1: found a YAML explicit key (?) as a key; a key must be plain text"},
		{"number as key", "name: shop\n1: 2\nenvironments: [{name: prod}]\n",
			"f:2:1: unknown key \"1\"; allowed are name, service, environments, pipeline, security"},

		{"name is a number", named("12"),
			"f:1:7: name is the number 12; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name is a list", named("[a]"),
			"f:1:7: name is a list; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name with capitals", named("Shop"),
			"f:1:7: name is \"Shop\"; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name with underscore", named("my_shop"),
			"f:1:7: name is \"my_shop\"; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name with two hyphens", named("my--shop"),
			"f:1:7: name is \"my--shop\"; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name ends with hyphen", named("shop-"),
			"f:1:7: name is \"shop-\"; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name too short", named("a"),
			"f:1:7: name has 1 characters; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name too long", named(strings.Repeat("a", 33)),
			"f:1:7: name has 33 characters; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
		{"name of AWS", named("awsome"),
			"f:1:7: name is \"awsome\"; it must not begin with \"aws\", which AWS keeps for itself"},
		{"name reserved for buckets", named("sthree-shop"),
			"f:1:7: name is \"sthree-shop\"; it must not begin with \"sthree-\", which AWS keeps for itself"},
		{"name reserved for documentation", named("amzn-s3-demo-shop"),
			"f:1:7: name is \"amzn-s3-demo-shop\"; it must not begin with \"amzn-\", which AWS keeps for itself"},
		{"name of internationalized domains", named("xn-shop"),
			"f:1:7: name is \"xn-shop\"; it must not begin with \"xn-\", which AWS keeps for itself"},

		{"service is a list", "name: shop\nservice: [1]\nenvironments: [{name: prod}]\n",
			"f:2:10: service is a list; it must be a mapping of keys to values"},
		{"port too small", service("port: 0"),
			"f:3:9: service.port is 0; it must be a whole number from 1 to 65535"},
		{"port too large", service("port: 65536"),
			"f:3:9: service.port is 65536; it must be a whole number from 1 to 65535"},
		{"port negative", service("port: -1"),
			"f:3:9: service.port is -1; it must be a whole number from 1 to 65535"},
		{"port beyond any number", service("port: 99999999999999999999"),
			"f:3:9: service.port is the text \"99999999999999999999\"; it must be a whole number from 1 to 65535"},
		{"port quoted", service(`port: "8080"`),
			"f:3:9: service.port is the text \"8080\"; it must be a whole number from 1 to 65535"},
		{"port hexadecimal", service("port: 0x50"),
			"f:3:9: service.port is the number 0x50; it must be a whole number from 1 to 65535"},
		{"port octal", service("port: 0080"),
			"f:3:9: service.port is the text \"0080\"; it must be a whole number from 1 to 65535"},
		{"port with underscore", service("port: 8_080"),
			"f:3:9: service.port is the number 8_080; it must be a whole number from 1 to 65535"},
		{"port a fraction", service("port: 80.5"),
			"f:3:9: service.port is the number 80.5; it must be a whole number from 1 to 65535"},
		{"port a boolean", service("port: true"),
			"f:3:9: service.port is the boolean true; it must be a whole number from 1 to 65535"},
		{"port a mapping", service("port: {a: 1}"),
			"f:3:9: service.port is a mapping; it must be a whole number from 1 to 65535"},
		{"port empty", service("port:"),
			"f:3:8: service.port is empty; it must be a whole number from 1 to 65535"},
		{"cpu in vCPU", service("cpu: 1"),
			"f:3:8: service.cpu is 1; it must be a whole number from 256 to 16384"},
		{"cpu between", service("cpu: 300", "memory: 512"),
			"f:3:8: service.cpu is 300; Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384"},
		{"memory too small for cpu", service("cpu: 1024", "memory: 512"),
			"f:4:11: service.memory is 512; with cpu 1024 Fargate has 2048 to 8192 in steps of 1024"},
		{"memory without cpu", service("memory: 4096"),
			"f:3:11: service.memory is 4096; with cpu 256 Fargate has 512, 1024 or 2048"},
		{"memory not a row's step", service("memory: 1536"),
			"f:3:11: service.memory is 1536; with cpu 256 Fargate has 512, 1024 or 2048"},
		{"memory off step", service("cpu: 8192", "memory: 17408"),
			"f:4:11: service.memory is 17408; with cpu 8192 Fargate has 16384 to 61440 in steps of 4096"},
		{"memory beyond all", service("cpu: 16384", "memory: 131072"),
			"f:4:11: service.memory is 131072; it must be a whole number from 512 to 122880"},
		{"architecture", service("architecture: x86_64"),
			"f:3:17: service.architecture is \"x86_64\"; it must be one of x86, arm64; did you mean x86?"},
		{"architecture as Docker names it", service("architecture: amd64"),
			"f:3:17: service.architecture is \"amd64\"; it must be one of x86, arm64; did you mean x86?"},
		{"architecture as uname names it", service("architecture: aarch64"),
			"f:3:17: service.architecture is \"aarch64\"; it must be one of x86, arm64; did you mean arm64?"},
		{"architecture far off", service("architecture: riscv"),
			"f:3:17: service.architecture is \"riscv\"; it must be one of x86, arm64"},
		{"architecture a number", service("architecture: 86"),
			"f:3:17: service.architecture is the number 86; it must be one of x86, arm64"},
		{"health path relative", service("healthPath: healthz"),
			"f:3:15: service.healthPath is \"healthz\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path with space", service("healthPath: /health z"),
			"f:3:15: service.healthPath is \"/health z\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path with fragment", service("healthPath: /a#b"),
			"f:3:15: service.healthPath is \"/a#b\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path with bad escape", service("healthPath: /%zz"),
			"f:3:15: service.healthPath is \"/%zz\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path not ASCII", service("healthPath: /ä"),
			"f:3:15: service.healthPath is \"/ä\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path a URL", service("healthPath: http://x/healthz"),
			"f:3:15: service.healthPath is \"http://x/healthz\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path too long", service("healthPath: /" + strings.Repeat("a", 1024)),
			"f:3:15: service.healthPath has 1025 characters; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},
		{"health path a list", service("healthPath: [/]"),
			"f:3:15: service.healthPath is a list; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /healthz"},

		{"environment a list", service("environment: [A=b]"),
			"f:3:16: service.environment is a list; it must be a mapping of keys to values"},
		{"variable names", service("environment:", "  1A: x", "  A-B: x", "  \"\": x", "  Ä: x"),
			"f:4:5: environment variable \"1A\" is not a name that a program can read; it must be letters, digits and underscores, not beginning with a digit\n" +
				"f:5:5: environment variable \"A-B\" is not a name that a program can read; it must be letters, digits and underscores, not beginning with a digit\n" +
				"f:6:5: environment variable \"\" is not a name that a program can read; it must be letters, digits and underscores, not beginning with a digit\n" +
				"f:7:5: environment variable \"Ä\" is not a name that a program can read; it must be letters, digits and underscores, not beginning with a digit"},
		{"values that no template can carry", service("environment:", "  A: \"x\\0ref\"", "  B: \"\\x1b[31m\"", "  C: \"{{resolve:ssm:x}}\""),
			"f:4:8: environment variable A holds the control character 0x00; leave it out\n" +
				"f:5:8: environment variable B holds the control character 0x1b; leave it out\n" +
				"f:6:8: environment variable C holds {{resolve:...}}, which CloudFormation would replace; name a secret in service.secrets, and let other text not look so"},
		{"reserved variables", service("environment: {PORT: 1, HOST: x, HOSTNAME: x, AWS_REGION: x, ECS_CLUSTER: x}"),
			"f:3:17: environment variable \"PORT\" is set by slipway to service.port; set that instead\n" +
				"f:3:26: environment variable \"HOST\" is set where the task runs, not in this file; leave it out\n" +
				"f:3:35: environment variable \"HOSTNAME\" is set where the task runs, not in this file; leave it out\n" +
				"f:3:48: environment variable \"AWS_REGION\" is among those that the platform sets for credentials, Region and metadata (AWS_*, ECS_*); leave it out\n" +
				"f:3:63: environment variable \"ECS_CLUSTER\" is among those that the platform sets for credentials, Region and metadata (AWS_*, ECS_*); leave it out"},
		{"secret variables", service("environment:", "  DB_PASSWORD: x", "  GITHUB_TOKEN: x", "  apiKey: x", "  ACCESS_KEY: x", "  TOKEN_TTL: 5"),
			"f:4:5: environment variable \"DB_PASSWORD\" looks like a secret, and what stands here can be read in git, in the template and in the console; put the value into Parameter Store or Secrets Manager and name it in service.secrets, such as DB_PASSWORD: ssm:/shop/{environment}/db_password\n" +
				"f:5:5: environment variable \"GITHUB_TOKEN\" looks like a secret, and what stands here can be read in git, in the template and in the console; put the value into Parameter Store or Secrets Manager and name it in service.secrets, such as GITHUB_TOKEN: ssm:/shop/{environment}/github_token\n" +
				"f:6:5: environment variable \"apiKey\" looks like a secret, and what stands here can be read in git, in the template and in the console; put the value into Parameter Store or Secrets Manager and name it in service.secrets, such as apiKey: ssm:/shop/{environment}/apikey\n" +
				"f:7:5: environment variable \"ACCESS_KEY\" looks like a secret, and what stands here can be read in git, in the template and in the console; put the value into Parameter Store or Secrets Manager and name it in service.secrets, such as ACCESS_KEY: ssm:/shop/{environment}/access_key"},
		{"variable values", service("environment:", "  A:", "  B: ~", "  C: [1]", "  D: {x: 1}", "  E: *x"),
			"f:4:7: environment variable A is empty; it must be a text, a number or true or false (\"\" for an empty text)\n" +
				"f:5:8: environment variable B is empty; it must be a text, a number or true or false (\"\" for an empty text)\n" +
				"f:6:8: environment variable C is a list; it must be a text, a number or true or false (\"\" for an empty text)\n" +
				"f:7:8: environment variable D is a mapping; it must be a text, a number or true or false (\"\" for an empty text)\n" +
				"f:8:8: environment variable E is a YAML anchor or alias (& or *), which is not taken here; it must be a text, a number or true or false (\"\" for an empty text)"},
		{"duplicate variable", service("environment: {A: 1, A: 1}"),
			"f:3:23: key \"A\" occurs twice in service.environment, first on line 3; keep one of them"},

		{"environments a mapping", "name: shop\nenvironments: {name: prod}\n",
			"f:2:15: environments is a mapping; it must be a list, each item begun with a dash"},
		{"environments empty", "name: shop\nenvironments: []\n",
			"f:2:15: environments has 0 items; it must have 1 to 10"},
		{"too many environments", "name: shop\nenvironments:\n" + manyEnvironments(11),
			"f:3:3: environments has 11 items; it must have 1 to 10"},
		{"environment a text", "name: shop\nenvironments:\n  - prod\n",
			"f:3:5: an item of environments is the text \"prod\"; it must be a mapping, such as name: prod"},
		{"environment empty", "name: shop\nenvironments:\n  -\n",
			"f:3:5: an item of environments is empty; it must be a mapping, such as name: prod"},
		{"environment without name", "name: shop\nenvironments:\n  - tasks: {min: 1}\n",
			"f:3:5: environments.name is missing; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod"},
		{"environment names", "name: shop\nenvironments:\n  - name: Prod\n  - name: my-env\n  - name: 1a\n  - name: abcdefghijklmnopq\n  - name: \"\"\n",
			"f:3:11: environments.name is \"Prod\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod\n" +
				"f:4:11: environments.name is \"my-env\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod\n" +
				"f:5:11: environments.name is \"1a\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod\n" +
				"f:6:11: environments.name is \"abcdefghijklmnopq\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod\n" +
				"f:7:11: environments.name is \"\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod"},
		{"environment reserved", "name: shop\nenvironments:\n  - name: foundation\n",
			"f:3:11: environments.name is \"foundation\", which is the stack of what all environments share; it must be another name"},
		{"environment twice", "name: shop\nenvironments:\n  - name: prod\n  - tasks: {min: 1}\n    name: prod\n",
			"f:5:11: environments.name is \"prod\" again, first on line 3; each environment must have a name of its own"},
		{"tasks a number", environment("tasks: 2"),
			"f:4:12: environments.tasks is the number 2; it must be a mapping of keys to values"},
		{"tasks too few", environment("tasks: {min: 0}"),
			"f:4:18: environments.tasks.min is 0; it must be a whole number from 1 to 1000"},
		{"tasks too many", environment("tasks: {min: 1, max: 1001}"),
			"f:4:26: environments.tasks.max is 1001; it must be a whole number from 1 to 1000"},
		{"max below min", environment("tasks: {min: 3, max: 2}"),
			"f:4:26: environments.tasks.max is 2, less than min, which is 3; it must be 3 to 1000"},
		{"max below default min", environment("tasks:", "  max: 1"),
			"f:5:12: environments.tasks.max is 1, less than min, which is 2; it must be 2 to 1000"},

		{"cidr without prefix", environment("network: {cidr: 10.0.0.0}"),
			"f:4:21: environments.network.cidr is \"10.0.0.0\"; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr not an address", environment("network: {cidr: 10.0.0.256/16}"),
			"f:4:21: environments.network.cidr is \"10.0.0.256/16\"; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr IPv6", environment("network: {cidr: \"fd00::/16\"}"),
			"f:4:21: environments.network.cidr is \"fd00::/16\"; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr a number", environment("network: {cidr: 10}"),
			"f:4:21: environments.network.cidr is the number 10; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr with host bits", environment("network:", "  cidr: 10.0.0.1/16"),
			"f:5:13: environments.network.cidr is 10.0.0.1/16, which is an address within a range; the range itself is 10.0.0.0/16"},
		{"cidr not private", environment("network: {cidr: 8.8.0.0/16}"),
			"f:4:21: environments.network.cidr is 8.8.0.0/16, which is not a private range; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr just outside", environment("network: {cidr: 172.32.0.0/16}"),
			"f:4:21: environments.network.cidr is 172.32.0.0/16, which is not a private range; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"},
		{"cidr too large", environment("network: {cidr: 10.0.0.0/8}"),
			"f:4:21: environments.network.cidr is 10.0.0.0/8, which is larger than a VPC can be; it must be /16 to /24"},
		{"cidr too small", environment("network: {cidr: 192.168.0.0/25}"),
			"f:4:21: environments.network.cidr is 192.168.0.0/25, which is too small: it is cut into eight, and a load balancer needs subnets of at least /27; it must be /16 to /24"},
		{"cidr wrong in all ways", environment("network: {cidr: 8.8.8.8/8}"),
			"f:4:21: environments.network.cidr is 8.8.8.8/8, which is an address within a range; the range itself is 8.0.0.0/8\n" +
				"f:4:21: environments.network.cidr is 8.8.8.8/8, which is not a private range; it must be a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16\n" +
				"f:4:21: environments.network.cidr is 8.8.8.8/8, which is larger than a VPC can be; it must be /16 to /24"},
		{"cidr too small for the tasks", environment("tasks: {min: 2, max: 20}", "network: {cidr: 10.0.0.0/24}"),
			"f:5:21: environments.network.cidr is 10.0.0.0/24, which leaves 19 addresses a zone for tasks, but 20 tasks need 20 while a new version starts beside the old one; it must be /16 to /23"},
		{"cidr too small for the tasks behind NAT", environment("tasks: {min: 2, max: 28}", "network: {cidr: 10.0.0.0/24, nat: one}"),
			"f:5:21: environments.network.cidr is 10.0.0.0/24, which leaves 27 addresses a zone for tasks, but 28 tasks need 28 while a new version starts beside the old one; it must be /16 to /23"},
		{"cidr too small for all tasks", environment("tasks: {min: 1000}", "network: {cidr: 10.0.0.0/20}"),
			"f:5:21: environments.network.cidr is 10.0.0.0/20, which leaves 499 addresses a zone for tasks, but 1000 tasks need 1000 while a new version starts beside the old one; it must be /16 to /19"},
		{"zones too few", environment("network: {zones: 1}"),
			"f:4:22: environments.network.zones is 1; it must be a whole number from 2 to 3"},
		{"zones too many", environment("network: {zones: 4}"),
			"f:4:22: environments.network.zones is 4; it must be a whole number from 2 to 3"},
		{"nat a boolean", environment("network: {nat: false}"),
			"f:4:20: environments.network.nat is the boolean false; it must be one of none, one, per-zone"},
		{"nat unknown", environment("network: {nat: per_zone}"),
			"f:4:20: environments.network.nat is \"per_zone\"; it must be one of none, one, per-zone; did you mean per-zone?"},

		{"pipeline in an unknown environment", "name: shop\nenvironments: [{name: prod}]\npipeline: {environment: prd}\n",
			"f:3:25: pipeline.environment is \"prd\"; it must be one of prod; did you mean prod?"},
		{"pipeline with other words", "name: shop\nenvironments: [{name: prod}]\npipeline: {checks: paralel, scope: web, mode: parallel}\n",
			"f:3:20: pipeline.checks is \"paralel\"; it must be one of sequential, parallel; did you mean parallel?\n" +
				"f:3:36: pipeline.scope is \"web\"; it must be one of all, service\n" +
				"f:3:47: pipeline.mode is \"parallel\"; it must be one of superseded, queued"},
		{"branches that leave an environment out", branches("[{name: main, environments: [test, prod]}]"),
			"f:3:22: pipeline.branches names no branch for environment dev; add it to one, or nothing would ever be deployed there by a pipeline"},
		{"branches that share an environment", branches("[{name: develop, environments: [dev, test]}, {name: main, environments: [test, prod]}]"),
			"f:3:95: an item of pipeline.branches.environments is \"test\", which branch develop has already; an environment belongs to one branch"},
		{"branches twice, or without their keys", branches("[{name: main, environments: [dev]}, {name: main, environments: [test]}, {environments: [prd]}, {name: x, environments: []}]"),
			"f:3:22: pipeline.branches names no branch for environment test; add it to one, or nothing would ever be deployed there by a pipeline\n" +
				"f:3:22: pipeline.branches names no branch for environment prod; add it to one, or nothing would ever be deployed there by a pipeline\n" +
				"f:3:65: pipeline.branches.name is \"main\" again, first on line 3; name each branch once, with all its environments\n" +
				"f:3:94: pipeline.branches.name is missing; it must be the name of a branch, such as develop\n" +
				"f:3:110: an item of pipeline.branches.environments is \"prd\"; it must be one of dev, test, prod; did you mean prod?\n" +
				"f:3:141: pipeline.branches.environments has 0 items; it must have 1 to 10"},
		{"branches out of order", branches("[{name: main, environments: [test, dev, prod]}]"),
			"f:3:57: an item of pipeline.branches.environments is \"dev\", after \"test\"; name them in the order of environments: dev, test, prod"},
		{"branches by pattern", branches("[{name: 'feature/*', environments: [dev, test, prod]}]"),
			"f:3:30: pipeline.branches.name is \"feature/*\"; it must be the name of a branch, such as develop"},
		{"branches that AWS could not tell apart", branches("[{name: rel/175, environments: [dev]}, {name: rel/215, environments: [test, prod]}]"),
			"f:3:68: pipeline.branches.name is \"rel/215\", which is rel3edf in names of AWS, and so is \"rel/175\"; rename one of them"},
		{"branches whose resources templates could not tell apart", branches("[{name: '1', environments: [dev]}, {name: role1, environments: [test, prod]}]"),
			"f:3:64: pipeline.branches.name is \"role1\", whose pipeline would be PipelineRole1 in the template, as a role of \"1\" is; rename one of them"},
		{"the same in the other order", branches("[{name: role1, environments: [dev]}, {name: '1', environments: [test, prod]}]"),
			"f:3:66: pipeline.branches.name is \"1\", a role of which would be PipelineRole1 in the template, as the pipeline of \"role1\" is; rename one of them"},
		{"branches none", branches("[]"), "f:3:22: pipeline.branches has 0 items; it must have 1 to 10"},
		{"branches as a mapping", branches("{main: [prod]}"), "f:3:22: pipeline.branches is a mapping; it must be a list, each item begun with a dash"},
		{"branches beside a branch", "name: shop\nenvironments: [{name: prod}]\npipeline: {branches: [{name: main, environments: [prod]}], source: {connection: \"" + someConnection + "\", repository: example/shop, branch: main}}\n",
			"f:3:213: pipeline.source.branch is given beside pipeline.branches, which names the branches; leave it out"},
		{"source without its keys", "name: shop\nenvironments: [{name: prod}]\npipeline: {source: {branch: main}}\n",
			"f:3:20: pipeline.source.connection is missing; it must be the ARN of a connection, such as " + someConnection + "\n" +
				"f:3:20: pipeline.source.repository is missing; it must be owner/name as the git host writes it, such as example/shop"},
		{"source by URL, branch by pattern", "name: shop\nenvironments: [{name: prod}]\npipeline: {source: {connection: \"" + someConnection + "\", repository: \"https://example.com/shop\", branch: \"feature/*\"}}\n",
			"f:3:143: pipeline.source.repository is \"https://example.com/shop\"; it must be owner/name as the git host writes it, such as example/shop\n" +
				"f:3:179: pipeline.source.branch is \"feature/*\"; it must be the name of a branch, such as release"},
		{"pipeline without environments", "name: shop\npipeline: {environment: prod}\n",
			"f:1:1: environments is missing; it must be a list with at least one, such as: - name: prod"},
		{"pipeline a text", "name: shop\nenvironments: [{name: prod}]\npipeline: prod\n",
			"f:3:11: pipeline is the text \"prod\"; it must be a mapping of keys to values"},

		{"carriage returns and a byte order mark", "\ufeffname: shop\r\nenvironments:\r\n  - name: prod\r\n    zones: 2\r\n",
			"f:4:5: unknown key \"zones\" in environments; zones belongs in environments.network"},
		{"sorted by position", "pipeline: {x: 1}\nenvironments: [{name: P}]\nname: S\n",
			"f:1:12: unknown key \"x\" in pipeline; allowed are environment, checks, scope, mode, branches, source\n" +
				"f:2:23: environments.name is \"P\"; it must be a lower-case letter, then lower-case letters and digits, at most 16 characters, such as prod\n" +
				"f:3:7: name is \"S\"; it must be lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters, such as shop-api"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := Parse("f", []byte(tt.text))
			if err == nil {
				t.Fatalf("Parse accepted it: %+v", cfg)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func manyEnvironments(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString("  - name: e" + string(rune('a'+i)) + "\n")
	}
	return text.String()
}

func branches(list string) string {
	return "name: shop\nenvironments: [{name: dev, network: {cidr: 10.1.0.0/16}}, {name: test, network: {cidr: 10.2.0.0/16}}, {name: prod}]\npipeline: {branches: " + list + "}\n"
}
