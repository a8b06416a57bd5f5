package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"

func manySidecars(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("{name: s%d, image: nginx@sha256:%s}", i, digest))
	}
	return strings.Join(items, ", ")
}

func manyRanges(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("10.%d.0.0/16", i))
	}
	return strings.Join(items, ", ")
}

func TestProblemsOfOptions(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a boolean as people write it in YAML 1.1", service("exec: yes"),
			"f:3:9: service.exec is the text \"yes\"; it must be true or false"},
		{"user root", service("user: root"),
			"f:3:9: service.user is \"root\"; it must be the number of a user other than 0, or user:group, such as 65532:65532; the application does not run as root: who breaks into it would have the container's every right"},
		{"user zero", service(`user: "0:0"`),
			"f:3:9: service.user is \"0:0\"; it must be the number of a user other than 0, or user:group, such as 65532:65532; the application does not run as root: who breaks into it would have the container's every right"},
		{"user of the image", service("user: image"),
			"f:3:9: service.user is \"image\"; it must be the number of a user other than 0, or user:group, such as 65532:65532; the image's own user is not taken, since it may be root: write its number"},
		{"user by name", service("user: app"),
			"f:3:9: service.user is \"app\"; it must be the number of a user other than 0, or user:group, such as 65532:65532; an image that is built FROM scratch has no names of users, only numbers"},
		{"user zero as a number", service("user: 0"),
			"f:3:9: service.user is \"0\"; it must be the number of a user other than 0, or user:group, such as 65532:65532; the application does not run as root: who breaks into it would have the container's every right"},
		{"exec with a read-only root", service("exec: true"),
			"f:3:9: service.exec is true, but the root file system is read-only, where the agent of ECS Exec cannot start and takes the container down; set service.readOnlyRoot to false as well, or leave exec out"},
		{"storage that is free", service("storage: 20"),
			"f:3:12: service.storage is 20; it must be a whole number from 21 to 200"},
		{"stop timeout beyond Fargate's", service("stopTimeout: 300"),
			"f:3:16: service.stopTimeout is 300; it must be a whole number from 2 to 120"},
		{"command a text", service("command: /web -v"),
			"f:3:12: service.command is the text \"/web -v\"; it must be a list, each item begun with a dash"},
		{"command with a number", service("command: [/web, 3]"),
			"f:3:19: an item of service.command is the number 3; it must be a text"},
		{"command empty", service("command: []"),
			"f:3:12: service.command has 0 items; it must have 1 to 64"},
		{"command with a secret reference", service(`command: ["{{resolve:ssm:x}}"]`),
			"f:3:13: an item of service.command holds {{resolve:...}}, which CloudFormation would replace; name a secret in service.secrets, and let other text not look so"},
		{"secrets by ARN", service("secrets:", "  A: arn:aws:ssm:eu-west-1:123456789012:parameter/shop/db", `  B: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf:password::"`, "  C: arn:aws:s3:::x"),
			"f:4:8: secret variable A is an ARN, which holds an account and a Region; write ssm:/shop/db\n" +
				"f:5:8: secret variable B is an ARN, which holds an account and a Region; write secretsmanager:shop/db#password\n" +
				"f:6:8: secret variable C is an ARN, which holds an account and a Region; write ssm:/path/of/the/parameter or secretsmanager:name#key"},
		{"secrets without a slash", service(`secrets: {A: "ssm:shop/db"}`),
			"f:3:16: secret variable A is \"ssm:shop/db\"; a parameter begins with a slash: ssm:/shop/db"},
		{"secrets that are values", service(`secrets: {A: hunter2, B: "sm:x", C: 12}`),
			"f:3:16: secret variable A is a text that names no store; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, never the value itself\n" +
				"f:3:28: secret variable B is a text that names no store; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, never the value itself\n" +
				"f:3:39: secret variable C is the number 12; it must be ssm:/path/of/the/parameter or secretsmanager:name#key"},
		{"secrets with another placeholder", service(`secrets: {A: "ssm:/{env}/x"}`),
			"f:3:16: secret variable A is \"ssm:/{env}/x\"; of placeholders there is only {environment}"},
		{"secrets of AWS", service(`secrets: {A: "ssm:/aws/service/x"}`),
			"f:3:16: secret variable A is \"/aws/service/x\"; parameters whose path begins with aws or ssm are AWS's own, which keep no secrets of yours"},
		{"secrets with the tail of an ARN", service(`secrets: {A: "secretsmanager:shop-AbCdEf"}`),
			"f:3:16: secret variable A is \"shop-AbCdEf\", which ends like the ARN of a secret; write the name without the hyphen and the six characters that AWS puts behind it (and do not end a secret's own name so: AWS advises against it)"},
		{"secrets with signs", service(`secrets: {A: "secretsmanager:shop db", B: "ssm:/x//y", C: "ssm:/x/"}`),
			"f:3:16: secret variable A is \"secretsmanager:shop db\"; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, of letters, digits and a few signs\n" +
				"f:3:45: secret variable B is \"ssm:/x//y\"; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, of letters, digits and a few signs\n" +
				"f:3:61: secret variable C is \"ssm:/x/\"; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, of letters, digits and a few signs"},
		{"secrets too deep", service(`secrets: {A: "ssm:/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"}`),
			"f:3:16: secret variable A is \"ssm:/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16\"; it must be ssm:/path/of/the/parameter or secretsmanager:name#key, of letters, digits and a few signs"},
		{"secret of a name that is taken", service("environment: {A: x}", `secrets: {A: "ssm:/x", PORT: "ssm:/x"}`),
			"f:4:13: secret variable A is also in service.environment, on line 3; keep one of them\n" +
				"f:4:26: secret variable \"PORT\" is set by slipway to service.port; set that instead"},
		{"sidecar without all", service("sidecars: [{port: 1}]"),
			"f:3:14: service.sidecars.name is missing; it must be a lower-case letter, then lower-case letters, digits and hyphens, at most 32 characters, such as proxy\n" +
				"f:3:14: service.sidecars.image is missing; it must be an image with its digest, such as public.ecr.aws/nginx/nginx@sha256:" + digest},
		{"sidecar by tag", service(`sidecars: [{name: proxy, image: "nginx:1.27"}]`),
			"f:3:35: service.sidecars.image is \"nginx:1.27\"; it must be an image with its digest, such as public.ecr.aws/nginx/nginx@sha256:" + digest + "; a tag may be another image tomorrow: docker buildx imagetools inspect nginx:1.27 shows its digest"},
		{"sidecar in a private registry", service("sidecars: [{name: proxy, image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:" + digest + "}]"),
			"f:3:35: service.sidecars.image is in a private registry, whose address holds an account and a Region, and tasks may pull only the application's own image from there; take it from a public registry, such as public.ecr.aws"},
		{"sidecar named as the application", service("sidecars: [{name: app, image: nginx@sha256:" + digest + "}]"),
			"f:3:21: service.sidecars.name is \"app\", which is the application's own container; it must be another name"},
		{"sidecars alike", service("sidecars:", "  - {name: a, image: nginx@sha256:"+digest+", port: 8080}", "  - {name: a, image: nginx@sha256:"+digest+", port: 81}", "  - {name: c, image: nginx@sha256:"+digest+", port: 81}"),
			"f:4:109: service.sidecars.port is 8080, where the service listens; the containers of a task share its ports, so each must have another\n" +
				"f:5:14: service.sidecars.name is \"a\" again, first on line 4; each container must have a name of its own\n" +
				"f:6:109: service.sidecars.port is 81, where sidecar a listens; the containers of a task share its ports, so each must have another"},
		{"sidecars too many", service("sidecars: [" + manySidecars(10) + "]"),
			"f:3:13: service.sidecars has 10 items; it must have 1 to 9"},
		{"sidecars a mapping", service("sidecars: {proxy: nginx}"),
			"f:3:13: service.sidecars is a mapping; it must be a list, each item begun with a dash"},
		{"sidecar a text", service("sidecars: [nginx]"),
			"f:3:14: an item of service.sidecars is the text \"nginx\"; it must be a mapping, such as name: proxy"},
		{"acceptance of nothing", service("acceptance: []"),
			"f:3:15: service.acceptance has 0 items; it must have 1 to 20"},
		{"acceptance that is none", service(`acceptance: [{status: 700}, {path: orders, contentType: "Text/HTML; q"}]`),
			"f:3:16: service.acceptance.path is missing; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /orders?limit=1\n" +
				"f:3:25: service.acceptance.status is 700; it must be a whole number from 200 to 599\n" +
				"f:3:38: service.acceptance.path is \"orders\"; it must be a path that begins with a slash, without spaces or fragment, at most 1024 characters, such as /orders?limit=1\n" +
				"f:3:59: service.acceptance.contentType is \"Text/HTML; q\"; it must be a media type in lower case, without parameters, such as application/json"},
		{"nothing before a deployment", service("beforeDeploy: {timeout: 5}"),
			"f:3:17: service.beforeDeploy.command is missing; it must be a list of 1 to 64, each a text\n" +
				"f:3:27: service.beforeDeploy.timeout is 5; it must be a whole number from 10 to 3600"},
		{"build without parts", service("build: {}"),
			"f:3:10: service.build.binary is missing; it must be a path below the repository's root, of letters, digits and . _ -, such as target/release/app\n" +
				"f:3:10: service.build.command is missing; it must be a list of 1 to 64, each a text"},
		{"build of a file elsewhere", service("build: {command: [make], binary: ../app}"),
			"f:3:36: service.build.binary is \"../app\"; it must be a path below the repository's root, of letters, digits and . _ -, such as target/release/app"},
		{"permissions without parts", service("permissions: [{}]"),
			"f:3:17: service.permissions.actions is missing; it must be a list of 1 to 50, each an IAM action, such as s3:GetObject\n" +
				"f:3:17: service.permissions.resources is missing; it must be a list of 1 to 50, each an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*"},
		{"everything allowed", service(`permissions: [{actions: ["*"], resources: ["*"]}]`),
			"f:3:28: an item of service.permissions.actions is \"*\"; it must be an IAM action, such as s3:GetObject; an application that may do everything is one that whoever breaks in may do everything with"},
		{"actions that are none", service(`permissions: [{actions: [GetObject, "s3:*", "s3:*"], resources: ["arn:${AWS::Partition}:s3:::x"]}]`),
			"f:3:28: an item of service.permissions.actions is \"GetObject\"; it must be an IAM action, such as s3:GetObject; the service stands before a colon\n" +
				"f:3:47: an item of service.permissions.actions is \"s3:*\" again; name it once"},
		{"actions that widen rights", service(`permissions: [{actions: ["iam:PassRole"], resources: ["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x"]}]`),
			"f:3:27: service.permissions.actions holds \"iam:PassRole\"; who may change roles, policies or accounts can give itself every right, so an application may not"},
		{"all resources for a family of actions", service(`permissions: [{actions: ["s3:Get*"], resources: ["*"]}]`),
			"f:3:51: service.permissions.resources is \"*\" for \"s3:Get*\"; on everything only actions are allowed that are named in full, since some know no resources (cloudwatch:PutMetricData)"},
		{"resources with literals", service("permissions:", `  - actions: ["sqs:SendMessage"]`, "    resources:", "      - arn:${AWS::Partition}:sqs:${AWS::Region}:123456789012:x", "      - arn:${AWS::Partition}:sqs:eu-west-1:${AWS::AccountId}:x", "      - arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:x", "      - arn:aws:sqs:eu-west-1:123456789012:x", "      - arn:${AWS::Partition}:s3:::{environment}-x", "      - arn:${AWS::Partition}:s3:::${aws:username}", "      - my-bucket"),
			"f:6:11: an item of service.permissions.resources is \"arn:${AWS::Partition}:sqs:${AWS::Region}:123456789012:x\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; it names an account, which belongs in no template: write ${AWS::AccountId}\n" +
				"f:7:11: an item of service.permissions.resources is \"arn:${AWS::Partition}:sqs:eu-west-1:${AWS::AccountId}:x\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; it names a Region, which belongs in no template: write ${AWS::Region}\n" +
				"f:8:11: an item of service.permissions.resources is \"arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:x\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; it names a partition, which belongs in no template: write ${AWS::Partition}\n" +
				"f:9:11: an item of service.permissions.resources is \"arn:aws:sqs:eu-west-1:123456789012:x\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; it names an account, which belongs in no template: write ${AWS::AccountId}\n" +
				"f:10:11: an item of service.permissions.resources is \"arn:${AWS::Partition}:s3:::{environment}-x\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; {environment} is known in secrets only\n" +
				"f:11:11: an item of service.permissions.resources is \"arn:${AWS::Partition}:s3:::${aws:username}\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*; of placeholders there are only ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}\n" +
				"f:12:11: an item of service.permissions.resources is \"my-bucket\"; it must be an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}, such as arn:${AWS::Partition}:s3:::shop-data/*"},
		{"not in a statement", service(`permissions: [{notActions: [x], effect: Deny, actions: ["s3:GetObject"], resources: ["*"]}]`),
			"f:3:18: unknown key \"notActions\" in service.permissions; did you mean actions? (allowed are actions, resources)\n" +
				"f:3:35: unknown key \"effect\" in service.permissions; allowed are actions, resources"},
		{"protected a text", environment(`protected: "yes"`),
			"f:4:16: environments.protected is the text \"yes\"; it must be true or false"},
		{"environment variable that is a secret", "name: shop\n" + `service: {secrets: {A_TOKEN: "ssm:/x", B: "ssm:/y"}}` + "\n" + "environments: [{name: prod, environment: {B: plain, C: fine}}]\n",
			"f:3:43: environment variable B is also in service.secrets; keep one of them"},
		{"scaling of a fixed number", environment("tasks: {min: 2, max: 2, scaleOnCPU: 50, scaleOnRequests: 10}"),
			"f:4:41: environments.tasks.scaleOnCPU is given, but the number of tasks never changes: max is 2, as min is; set max above it, or leave scaleOnCPU out\n" +
				"f:4:62: environments.tasks.scaleOnRequests is given, but the number of tasks never changes: max is 2, as min is; set max above it, or leave scaleOnRequests out"},
		{"scaling out of range", environment("tasks: {max: 4, scaleOnCPU: 95, scaleOnMemory: 5, scaleOnRequests: 0}"),
			"f:4:33: environments.tasks.scaleOnCPU is 95; it must be a whole number from 10 to 90\n" +
				"f:4:52: environments.tasks.scaleOnMemory is 5; it must be a whole number from 10 to 90\n" +
				"f:4:72: environments.tasks.scaleOnRequests is 0; it must be a whole number from 1 to 1000000"},
		{"schedule without parts", environment("tasks: {schedule: [{}]}"),
			"f:4:24: environments.tasks.schedule.at is missing; it must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 8 ? * MON-FRI *)\n" +
				"f:4:24: environments.tasks.schedule.min is missing; it must be a whole number from 1 to 1000\n" +
				"f:4:24: environments.tasks.schedule.max is missing; it must be a whole number from 1 to 1000"},
		{"schedule once and by rate", environment(`tasks: {schedule: [{at: "at(2026-12-24T00:00:00)", min: 1, max: 2}, {at: rate(1 day), min: 1, max: 2}]}`),
			"f:4:29: environments.tasks.schedule.at is \"at(2026-12-24T00:00:00)\"; it must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 8 ? * MON-FRI *); what happens once does not belong into a file that lasts\n" +
				"f:4:78: environments.tasks.schedule.at is \"rate(1 day)\"; it must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 8 ? * MON-FRI *); bounds that come back at a rate have no time of day"},
		{"schedule of Unix", environment("tasks: {schedule: [{at: 0 8 * * 1, min: 1, max: 2}]}"),
			"f:4:29: environments.tasks.schedule.at is \"0 8 * * 1\"; it must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 8 ? * MON-FRI *); cron of Unix has five fields, that of AWS a sixth for the year, and ? in one of the two days"},
		{"schedule with five fields", environment("tasks: {schedule: [{at: cron(0 8 * * ?), min: 1, max: 2}]}"),
			"f:4:29: environments.tasks.schedule.at is \"cron(0 8 * * ?)\", which has 5 fields; it must have 6: minutes, hours, day-of-month, month, day-of-week and year"},
		{"schedule with both days", environment("tasks: {schedule: [{at: cron(0 8 * * * *), min: 1, max: 2}, {at: cron(0 8 ? * ? *), min: 1, max: 2}]}"),
			"f:4:29: environments.tasks.schedule.at is \"cron(0 8 * * * *)\", where one of day-of-month and day-of-week must be ?, and the other not\n" +
				"f:4:70: environments.tasks.schedule.at is \"cron(0 8 ? * ? *)\", where one of day-of-month and day-of-week must be ?, and the other not"},
		{"schedule with bad fields", environment("tasks:", "  schedule:", "    - {at: cron(60 8 ? * MON *), min: 1, max: 2}", "    - {at: cron(0 24 ? * MON *), min: 1, max: 2}", "    - {at: cron(0 8 32 * ? *), min: 1, max: 2}", "    - {at: cron(0 8 1 FOO ? *), min: 1, max: 2}", "    - {at: cron(0 8 ? * 0 *), min: 1, max: 2}", "    - {at: cron(0 8 ? * MON 1969), min: 1, max: 2}", "    - {at: cron(0 9-8 ? * MON *), min: 1, max: 2}", "    - {at: cron(0/0 8 ? * MON *), min: 1, max: 2}", "    - {at: cron(? 8 ? * MON *), min: 1, max: 2}", "    - {at: cron(0 8 ? * MON#6 *), min: 1, max: 2}"),
			"f:6:16: environments.tasks.schedule.at is \"cron(60 8 ? * MON *)\", where minutes is \"60\"; it must be 0 to 59, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:7:16: environments.tasks.schedule.at is \"cron(0 24 ? * MON *)\", where hours is \"24\"; it must be 0 to 23, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:8:16: environments.tasks.schedule.at is \"cron(0 8 32 * ? *)\", where day-of-month is \"32\"; it must be 1 to 31, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:9:16: environments.tasks.schedule.at is \"cron(0 8 1 FOO ? *)\", where month is \"FOO\"; it must be 1 to 12 or JAN to DEC, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:10:16: environments.tasks.schedule.at is \"cron(0 8 ? * 0 *)\", where day-of-week is \"0\"; it must be 1 to 7 or SUN to SAT, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:11:16: environments.tasks.schedule.at is \"cron(0 8 ? * MON 1969)\", where year is \"1969\"; it must be 1970 to 2199, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:12:16: environments.tasks.schedule.at is \"cron(0 9-8 ? * MON *)\", where hours is \"9-8\"; it must be 0 to 23, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:13:16: environments.tasks.schedule.at is \"cron(0/0 8 ? * MON *)\", where minutes is \"0/0\"; it must be 0 to 59, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:14:16: environments.tasks.schedule.at is \"cron(? 8 ? * MON *)\", where minutes is \"?\"; it must be 0 to 59, *, a range (1-5), a list (1,3) or steps (0/15)\n" +
				"f:15:16: environments.tasks.schedule.at is \"cron(0 8 ? * MON#6 *)\", where day-of-week is \"MON#6\"; it must be 1 to 7 or SUN to SAT, *, a range (1-5), a list (1,3) or steps (0/15)"},
		{"schedule upside down", environment("tasks: {schedule: [{at: cron(0 8 ? * MON *), min: 3, max: 2}]}"),
			"f:4:63: environments.tasks.schedule.max is 2, less than min, which is 3; it must be 3 to 1000"},
		{"schedule twice", environment("tasks: {schedule: [{at: cron(0 8 ? * MON *), min: 1, max: 2}, {at: cron(0 8 ? * MON *), min: 2, max: 3}]}"),
			"f:4:72: environments.tasks.schedule.at is \"cron(0 8 ? * MON *)\" again; two bounds at one time would race: keep one of them"},
		{"time zones", environment("tasks: {schedule: [{at: cron(0 8 ? * MON *), timezone: CET, min: 1, max: 2}, {at: cron(0 9 ? * MON *), timezone: UTC, min: 1, max: 2}, {at: cron(0 7 ? * MON *), timezone: Europe/Berln, min: 1, max: 2}]}"),
			"f:4:60: environments.tasks.schedule.timezone is \"CET\"; it must be the name of a time zone in the IANA database, such as Europe/Berlin; abbreviations and offsets are not taken, since they know no summer time\n" +
				"f:4:118: environments.tasks.schedule.timezone is \"UTC\"; it must be the name of a time zone in the IANA database, such as Europe/Berlin; leave it out for UTC\n" +
				"f:4:176: environments.tasks.schedule.timezone is \"Europe/Berln\", which the IANA database does not have; it must be the name of a time zone in the IANA database, such as Europe/Berlin; did you mean Europe/Berlin?"},
		{"schedule beyond the network", environment("tasks: {schedule: [{at: cron(0 8 ? * MON *), min: 1, max: 100}]}", "network: {cidr: 10.0.0.0/24}"),
			"f:5:21: environments.network.cidr is 10.0.0.0/24, which leaves 19 addresses a zone for tasks, but 100 tasks need 100 while a new version starts beside the old one; it must be /16 to /22"},
		{"spot with a long drain", "name: shop\nservice: {drain: 60}\nenvironments: [{name: prod, tasks: {spot: 100}}]\n",
			"f:3:43: environments.tasks.spot is 100, but service.drain is 60 and service.stopTimeout 30: a task on Spot is killed stopTimeout after it is told to stop, while the load balancer still sends it requests; set drain to 30 at most, or stopTimeout (at most 120) to drain"},
		{"spot beyond all", environment("tasks: {spot: 101}"),
			"f:4:19: environments.tasks.spot is 101; it must be a whole number from 0 to 100"},
		{"endpoints and an internal balancer beside the tasks", environment("tasks: {min: 20}", "network: {cidr: 10.0.0.0/24, endpoints: true}", "entry: {internal: true}"),
			"f:5:21: environments.network.cidr is 10.0.0.0/24, which leaves 12 addresses a zone for tasks, but 20 tasks need 20 while a new version starts beside the old one; it must be /16 to /23"},
		{"endpoints without internet for sidecars", "name: shop\nservice: {sidecars: [{name: proxy, image: nginx@sha256:" + digest + "}]}\nenvironments: [{name: prod, network: {endpoints: true}}]\n",
			"f:3:50: environments.network.endpoints is true without NAT, so that tasks have no internet to pull the images of service.sidecars from; set nat: one, or leave the sidecars out"},
		{"subnets without a VPC", environment("network: {publicSubnets: [subnet-01234567, subnet-01234568], privateSubnets: [subnet-01234567, subnet-01234568]}"),
			"f:4:30: environments.network.publicSubnets is given without vpc; add the id of the VPC that the subnets are in, or leave them out: slipway makes its own\n" +
				"f:4:82: environments.network.privateSubnets is given without vpc; add the id of the VPC that the subnets are in, or leave them out: slipway makes its own"},
		{"a VPC alone", environment("network: {vpc: vpc-01234567}"),
			"f:4:20: environments.network.vpc is given without cidr; add the VPC's range, which the load balancer reaches tasks in\n" +
				"f:4:20: environments.network.vpc is given without subnets; add publicSubnets for a load balancer that the internet reaches, and privateSubnets for private tasks"},
		{"a VPC by name", environment("network: {vpc: main, cidr: 10.0.0.0/16, publicSubnets: [public-a, public-b]}"),
			"f:4:20: environments.network.vpc is \"main\"; it must be the id of a VPC, such as vpc-0123456789abcdef0\n" +
				"f:4:61: an item of environments.network.publicSubnets is \"public-a\"; it must be the id of a subnet, such as subnet-0123456789abcdef0\n" +
				"f:4:71: an item of environments.network.publicSubnets is \"public-b\"; it must be the id of a subnet, such as subnet-0123456789abcdef0"},
		{"a VPC and what belongs to one's own", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/16, zones: 2, nat: none, endpoints: true, flowLogs: true, publicSubnets: [subnet-01234567, subnet-01234568]}"),
			"f:4:60: environments.network.zones is given beside vpc; it belongs to a VPC that slipway makes, and that VPC stays as it is: leave zones out\n" +
				"f:4:68: environments.network.nat is given beside vpc; it belongs to a VPC that slipway makes, and that VPC stays as it is: leave nat out\n" +
				"f:4:85: environments.network.endpoints is given beside vpc; it belongs to a VPC that slipway makes, and that VPC stays as it is: leave endpoints out\n" +
				"f:4:101: environments.network.flowLogs is given beside vpc; it belongs to a VPC that slipway makes, and that VPC stays as it is: leave flowLogs out"},
		{"private subnets alone", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/16, privateSubnets: [subnet-01234567, subnet-01234568]}"),
			"f:4:69: environments.network.privateSubnets is given alone, but the load balancer is to be reached from the internet, which takes publicSubnets; add them, or set entry.internal: true"},
		{"one subnet", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/16, publicSubnets: [subnet-01234567]}"),
			"f:4:68: environments.network.publicSubnets has 1 items; it must have 2 to 3"},
		{"a subnet twice", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/16, publicSubnets: [subnet-01234567, subnet-01234567], privateSubnets: [subnet-01234567, subnet-01234569]}"),
			"f:4:86: an item of environments.network.publicSubnets is \"subnet-01234567\" again; name it once\n" +
				"f:4:120: environments.network.privateSubnets holds subnet-01234567, which is also in publicSubnets; a subnet is one or the other"},
		{"unlike subnets", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/16, publicSubnets: [subnet-01234567, subnet-01234568], privateSubnets: [subnet-01234569, subnet-0123456a, subnet-0123456b]}"),
			"f:4:120: environments.network.privateSubnets has 3 items and publicSubnets 2; name one of each in every zone, since a load balancer reaches tasks in its own zones only"},
		{"range of an existing VPC", environment("network: {vpc: vpc-01234567, cidr: 10.0.0.0/29, publicSubnets: [subnet-01234567, subnet-01234568]}"),
			"f:4:40: environments.network.cidr is 10.0.0.0/29, which is too small: AWS makes none of that size; it must be /16 to /28"},
		{"domains", environment("entry: {domain: https://shop.example.com, hostedZone: Z1}"),
			"f:4:21: environments.entry.domain is \"https://shop.example.com\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com; leave the scheme out"},
		{"domain in capitals", environment("entry: {domain: Shop.example.com, hostedZone: Z1}"),
			"f:4:21: environments.entry.domain is \"Shop.example.com\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com; write it in lower case"},
		{"domain with a dot at its end", environment("entry: {domain: shop.example.com., hostedZone: Z1}"),
			"f:4:21: environments.entry.domain is \"shop.example.com.\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com; leave the final dot out"},
		{"domain with a port", environment(`entry: {domain: "shop.example.com:8080", hostedZone: Z1}`),
			"f:4:21: environments.entry.domain is \"shop.example.com:8080\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com; leave port and path out"},
		{"wildcard", environment(`entry: {domain: "*.example.com", hostedZone: Z1}`),
			"f:4:21: environments.entry.domain is \"*.example.com\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com; a wildcard is no name that users can type"},
		{"domain without dots", environment("entry: {domain: localhost, hostedZone: Z1}"),
			"f:4:21: environments.entry.domain is \"localhost\"; it must be a domain name in lower case, without scheme, path or final dot, such as shop.example.com"},
		{"domain alone", environment("entry: {domain: shop.example.com}"),
			"f:4:21: environments.entry.domain is \"shop.example.com\", but nothing says where its certificate comes from; add hostedZone, the Route 53 zone in which slipway proves that the domain is yours, or certificate, the ARN of one that exists"},
		{"domain too long for a certificate", environment("entry: {domain: " + strings.Repeat("a", 60) + ".example.com, hostedZone: Z1}"),
			"f:4:21: environments.entry.domain has 72 characters; Certificate Manager makes certificates for names of at most 64: take a shorter one, or a certificate of your own"},
		{"hosted zones", environment("entry: {domain: shop.example.com, hostedZone: example.com}"),
			"f:4:51: environments.entry.hostedZone is \"example.com\"; it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ; the id is shown by aws route53 list-hosted-zones-by-name --dns-name example.com"},
		{"hosted zone as the API gives it", environment("entry: {domain: shop.example.com, hostedZone: /hostedzone/Z1}"),
			"f:4:51: environments.entry.hostedZone is \"/hostedzone/Z1\"; it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ; write Z1"},
		{"zone and certificate without a domain", environment("entry: {hostedZone: Z1, certificate: " + certificate + "}"),
			"f:4:25: environments.entry.hostedZone is given without a domain; add entry.domain, the name under which users reach the service\n" +
				"f:4:42: environments.entry.certificate is given without a domain; add entry.domain, the name under which users reach the service"},
		{"certificate by id", environment("entry: {domain: shop.example.com, certificate: 12345678-1234-1234-1234-123456789012}"),
			"f:4:52: environments.entry.certificate is \"12345678-1234-1234-1234-123456789012\"; it must be the ARN of a certificate in Certificate Manager, such as arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"},
		{"one domain for two", "name: shop\nenvironments:\n  - {name: test, entry: {domain: a.example.com, hostedZone: Z1}}\n  - {name: prod, entry: {domain: a.example.com, hostedZone: Z1}}\n",
			"f:4:34: environments.entry.domain is \"a.example.com\" again, first on line 3; each environment must have a domain of its own"},
		{"allowed ranges", environment(`entry: {allow: [10.0.0.1, 0.0.0.0/0, "::/0", "2001:db8::/32", 10.0.0.1/8, 10.0.0.0/8, 10.0.0.0/8, home, 10]}`),
			"f:4:21: an item of environments.entry.allow is \"10.0.0.1\"; a single address is written 10.0.0.1/32\n" +
				"f:4:31: an item of environments.entry.allow is \"0.0.0.0/0\"; that is everybody: leave allow out\n" +
				"f:4:42: an item of environments.entry.allow is \"::/0\"; the load balancer has IPv4 addresses only, so nobody reaches it by IPv6; it must be an IPv4 range, such as 203.0.113.0/24\n" +
				"f:4:50: an item of environments.entry.allow is \"2001:db8::/32\"; the load balancer has IPv4 addresses only, so nobody reaches it by IPv6; it must be an IPv4 range, such as 203.0.113.0/24\n" +
				"f:4:67: an item of environments.entry.allow is \"10.0.0.1/8\"; that is an address within a range; the range itself is 10.0.0.0/8\n" +
				"f:4:91: an item of environments.entry.allow is 10.0.0.0/8 again; name it once\n" +
				"f:4:103: an item of environments.entry.allow is \"home\"; it must be an IPv4 range, such as 203.0.113.0/24\n" +
				"f:4:109: an item of environments.entry.allow is the number 10; it must be an IPv4 range, such as 203.0.113.0/24"},
		{"allowed a text", environment("entry: {allow: 10.0.0.0/8}"),
			"f:4:20: environments.entry.allow is the text \"10.0.0.0/8\"; it must be a list, each item begun with a dash"},
		{"too many allowed with a domain", environment("entry: {domain: a.example.com, hostedZone: Z1, allow: [" + manyRanges(31) + "]}"),
			"f:4:59: environments.entry.allow has 31 items; with a domain it may have 30, since a security group has 60 rules and each range needs one for HTTPS and one for HTTP"},
		{"rate limit without a firewall", environment("entry: {rateLimit: 100}"),
			"f:4:24: environments.entry.rateLimit is given, but it is the firewall that counts, and waf is false; set waf: true, or leave rateLimit out"},
		{"rate limit out of range", environment("entry: {waf: true, rateLimit: 5}"),
			"f:4:35: environments.entry.rateLimit is 5; it must be a whole number from 10 to 2000000000"},
		{"email", environment("watch: {email: team}"),
			"f:4:20: environments.watch.email is \"team\"; it must be an e-mail address, such as team@example.com"},
		{"topic by name", environment("watch: {topic: alerts}"),
			"f:4:20: environments.watch.topic is \"alerts\"; it must be the ARN of an SNS topic that is not FIFO, such as arn:aws:sns:eu-west-1:123456789012:alerts"},
		{"topic in order", environment("watch: {topic: arn:aws:sns:eu-west-1:123456789012:alerts.fifo}"),
			"f:4:20: environments.watch.topic is \"arn:aws:sns:eu-west-1:123456789012:alerts.fifo\"; it must be the ARN of an SNS topic that is not FIFO, such as arn:aws:sns:eu-west-1:123456789012:alerts"},
		{"email and topic", environment("watch: {email: a@example.com, topic: arn:aws:sns:eu-west-1:123456789012:alerts}"),
			"f:4:42: environments.watch.topic is given beside email; keep one of them: a topic that exists has its own subscribers"},
		{"latency without alarms", environment("watch: {alarms: false, latency: 5}"),
			"f:4:37: environments.watch.latency is given, but alarms is false, so there is no alarm that it belongs to; leave it out"},
		{"key by alias", "name: shop\nenvironments: [{name: prod}]\nsecurity: {key: arn:aws:kms:eu-west-1:123456789012:alias/shop, boundary: admin}\n",
			"f:3:17: security.key is \"arn:aws:kms:eu-west-1:123456789012:alias/shop\"; it must be the ARN of a KMS key, not of an alias, such as arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012; policies and log groups know keys by their id, so write the ARN of the key that the alias stands for: aws kms describe-key --key-id ALIAS\n" +
				"f:3:74: security.boundary is \"admin\"; it must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/boundary"},
		{"keys of other tools", service("image: x", "replicas: 3", "env: {}", "volumes: []"),
			"f:3:3: unknown key \"image\" in service; the image is built from the Dockerfile in the root of the repository\n" +
				"f:4:3: unknown key \"replicas\" in service; how many tasks run is said in environments.tasks, by min and max\n" +
				"f:5:3: unknown key \"env\" in service; variables stand in environment\n" +
				"f:6:3: unknown key \"volumes\" in service; volumes are not planned; service.storage sets the size of the task's own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.text))
			if err == nil {
				t.Fatal("Parse accepted it")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}
