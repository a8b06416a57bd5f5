package cause

import (
	"regexp"
	"slices"
	"strings"
)

// rule recognises one cause by what was said. The words are AWS's; the tests have each with its source.
type rule struct {
	name   string
	means  string
	next   string
	says   []pattern
	when   func(all []Signal, s Signal) bool   // a further condition; nil: none
	detail func(all []Signal, s Signal) string // nil: none
}

// pattern is how one of these origins puts it.
type pattern struct {
	by    string // the origins, in a row
	words *regexp.Regexp
}

// says makes a pattern. Case does not count: services disagree with themselves about it.
func says(by, words string) pattern { return pattern{by, regexp.MustCompile(`(?i)` + words)} }

func (p pattern) matches(s Signal) bool {
	return slices.Contains(strings.Fields(p.by), string(s.Origin)) && p.words.MatchString(s.Text)
}

func (r rule) recognises(all []Signal, s Signal) bool {
	return slices.ContainsFunc(r.says, func(p pattern) bool { return p.matches(s) }) && (r.when == nil || r.when(all, s))
}

func (r rule) cause(all []Signal, s Signal) Cause {
	c := Cause{Name: r.name, Means: r.means, Next: r.next, Signal: s}
	if r.detail != nil {
		c.Detail = r.detail(all, s)
	}
	return c
}

const (
	askQuota = "ask for more in Service Quotas, or free what is not used any more"
	redo     = "run go run ./gen and ./scripts/deploy.sh"
)

// rules are in the order in which they are tried: what is said exactly before what can have several reasons.
var rules = []rule{
	{
		name: "secret-missing", means: "a secret that the service needs is not there",
		next: "the reason says which: it must be there under that very name, in this account and Region, and in Secrets Manager have the key that is named (service.secrets in slipway.yaml); on the local engine .slipway/local/secrets.yaml has it",
		says: []pattern{
			says("task", `unable to retrieve secret.*(ResourceNotFoundException|can't find the specified secret)`),
			says("task", `did not contain json key`),
			says("task", `invalid ssm parameters`),
			says("task", `can't retrieve the secret with ARN`),
			says("task", `the local engine has no (ssm|secretsmanager):`),
		},
	},
	{
		name: "secret-forbidden", means: "the task execution role may not read a secret, or not decrypt it",
		next: "if a key of yours encrypts the secret, name that key in security.key of slipway.yaml; otherwise look for a policy of the secret, and for a change to the execution role or the environment's boundary, which only a person deploys: ./scripts/deploy.sh",
		says: []pattern{
			says("task", `unable to (retrieve|fetch|pull) secret.*AccessDenied`),
			says("task", `Fetching secret data.*AccessDenied`),
		},
	},
	{
		name: "secret-no-route", means: "the tasks cannot reach Secrets Manager or Parameter Store",
		next: "the tasks need a way there: public addresses, a NAT gateway (network.nat), or the endpoints (network.endpoints); in a VPC of your own look at route tables and the security group's port 443",
		says: []pattern{
			says("task", `unable to retrieve secrets? from (ssm|asm).*(context deadli|RequestCanceled|i/o timeout|connection timed out)`),
			says("task", `unable to get registry auth from asm.*fetching secret from the service`),
		},
	},
	{
		name: "architecture-mismatch", means: "the image is built for another processor than the tasks have",
		next: "let service.architecture in slipway.yaml name the image's (x86 or arm64), " + redo,
		says: []pattern{
			says("task", `descriptor matching platform|descriptor for platform|no matching manifest for`),
			says("task log build-log", `exec format error`),
		},
	},
	{
		name: "pull-limit", means: "the registry limits how often images are pulled",
		next: "wait and run ./scripts/deploy.sh again, or take the base image from another registry (public.ecr.aws has the common ones)",
		says: []pattern{says("task build-log", `toomanyrequests|pull rate limit`)},
	},
	{
		name: "image-missing", means: "the registry has no such image",
		next: "run ./scripts/deploy.sh, which builds the working tree's image again; if it is a sidecar's, correct its digest in slipway.yaml",
		says: []pattern{
			says("task", `(CannotPull|failed to resolve ref).*: not found`),
			says("task", `CannotPull.*manifest unknown`),
		},
	},
	{
		name: "image-no-route", means: "the tasks cannot reach the image registry",
		next: "the tasks need a way there: public addresses, a NAT gateway (network.nat), or the endpoints (network.endpoints); in a VPC of your own look at route tables and the security group's port 443",
		says: []pattern{
			says("task", `(CannotPull|registry auth|unable to retrieve ecr).*(i/o timeout|connection timed out|network is unreachable)`),
			says("task", `CannotPull.*(request canceled while waiting for connection|context deadline exceeded)`),
		},
	},
	{
		name: "image-forbidden", means: "the task execution role may not read the image",
		next: "look for changes to the execution role, to the environment's boundary or to the repository's policy; ./scripts/deploy.sh brings back what the templates say",
		says: []pattern{
			says("task", `(CannotPull|registry auth|unable to retrieve ecr).*(403 Forbidden|AccessDenied|not authorized)`),
			says("task", `CannotPull.*(no basic auth|pull access denied)`),
		},
	},
	{
		name: "log-unwritable", means: "the container's log cannot be written, so the container is not started",
		next: "the log group must be there and the execution role allowed to write to it; without a NAT gateway network.endpoints brings a way to CloudWatch Logs",
		says: []pattern{
			says("task", `failed to initialize logging driver`),
			says("task", `failed to validate logger args`),
		},
	},
	{
		name: "command-missing", means: "the image's command is not there or cannot be executed",
		next: "check ENTRYPOINT in the Dockerfile and service.command in slipway.yaml; where the image is FROM scratch the binary has to be static (CGO_ENABLED=0)",
		says: []pattern{
			says("task", `unable to start container process|executable file not found`),
			says("task", `exit code (126|127)\b`),
		},
	},
	{
		name: "out-of-memory", means: "the container needed more memory than its task has",
		next: "raise service.memory in slipway.yaml, " + redo,
		says: []pattern{says("task", `OutOfMemory`)},
	},
	{
		name: "subnet-full", means: "a subnet has no free addresses left",
		next: "free addresses in the subnet that is named, or give the environment a larger network.cidr (that replaces its network) or other subnets",
		says: []pattern{
			says("task", `InsufficientFreeAddressesInSubnet`),
			says("stack", `Not enough IP space available in subnet`),
		},
	},
	{
		name: "quota", means: "a quota of the account is used up",
		next: askQuota + "; for Fargate vCPUs fewer tasks or a smaller service.cpu help too, and of builds a new account may run one at a time",
		says: []pattern{
			says("stack call", `maximum number of [a-z ]+ has been reached`),
			says("stack call", `Cannot exceed quota for`),
			says("stack call", `HandlerErrorCode: ServiceLimitExceeded`),
			says("task service", `limit on the number of vCPUs`),
			says("call build", `Cannot have more than \d+ builds in queue`),
		},
	},
	{
		name: "no-spot-capacity", means: "Fargate Spot has taken the tasks back or has none to give",
		next: "lower tasks.spot in slipway.yaml (0: none on Spot), " + redo + ", or deploy again later",
		says: []pattern{
			says("task", `SpotInterruption|Spot Task was interrupted`),
			says("service", `capacity is unavailable.*FARGATE_SPOT|FARGATE_SPOT.*capacity is unavailable`),
		},
	},
	{
		name: "no-capacity", means: "Fargate has no capacity for the tasks at the moment",
		next: "deploy again later; more zones (network.zones) or another size (service.cpu, service.memory) raise the chance",
		says: []pattern{says("task service", `capacity is unavailable`)},
	},
	{
		name: "alarm-rollback", means: "an alarm went off during the deployment, and ECS went back",
		next: "look at the environment's alarms and at the new version's log: it answered with errors, slowly, or not at all",
		says: []pattern{says("service", `deployment failed: alarm detected`)},
	},
	{
		name: "certificate-not-validated", means: "the load balancer does not take the certificate: it is not issued (yet), or of a kind that it does not support",
		next: "in Certificate Manager of this Region the certificate must be ISSUED: create its validation record (entry.hostedZone does so) and wait; one of your own needs a domain name and an RSA key of at most 4096 bits, or a P-256, P-384 or P-521 key",
		says: []pattern{
			says("stack", `must have a fully-qualified domain name, a supported signature, and a supported key size`),
			says("stack", `not in the state certificateValidated|PENDING_VALIDATION`),
			says("stack", `CertificateNotFound|Certificate '?arn:\S+ not found`),
		},
	},
	{
		name: "bucket-not-empty", means: "a bucket cannot be deleted since it still has objects",
		next: "run the command again: it empties the bucket (versions too) just before it is deleted; what writes into it meanwhile has to be stopped first",
		says: []pattern{says("stack call", `BucketNotEmpty|bucket you tried to delete is not empty|The bucket '[^']*' is not empty`)},
	},
	{
		name: "dependency-on-delete", means: "something that slipway did not make still uses what was to be deleted",
		next: "the reason names it: take away what was attached by hand or by another stack (network interfaces, peerings, policies, rules), then run ./scripts/destroy.sh again",
		says: []pattern{
			says("stack call", `has dependencies and cannot be deleted|has a dependent object|DependencyViolation`),
			says("stack call", `must (detach|delete|remove) .*(policies|roles|entities).* first|must (detach|delete) all policies`),
			says("stack call", `is currently in use by a listener or a rule`),
			says("stack call", `cannot be deleted (because|since) it is currently associated with|ResourceInUse`),
			says("stack call", `Cluster cannot be deleted while`),
			says("stack", `Export \S+ cannot be deleted as it is in use by`),
		},
	},
	{
		name: "record-changed", means: "somebody has changed or deleted a DNS record that the stack made",
		next: "look at the record in its hosted zone: if it is not needed any more delete it, otherwise move it to another name; then run ./scripts/destroy.sh again",
		says: []pattern{says("stack call", `Tried to delete resource record set .* but (the values provided do not match|it was not found)`)},
	},
	{
		name: "deletion-protected", means: "what was to be deleted is protected against that",
		next: "slipway takes a load balancer's protection off before it deletes it, so look for the line that says why it could not: most often the right to elasticloadbalancing:ModifyLoadBalancerAttributes is missing (docs/permissions.md); then run the command again",
		says: []pattern{says("stack call", `cannot be deleted because deletion protection is enabled|cannot be deleted while TerminationProtection is enabled`)},
	},
	{
		name: "role-gone", means: "the role that CloudFormation was to act with is gone",
		next: "./scripts/destroy.sh deletes with another role, which it makes for that; to go on working with the application bring the role back, by its name, as the foundation's template has it",
		says: []pattern{says("stack call", `Role arn:\S+ is invalid or cannot be assumed`)},
	},
	{
		name: "address-range-taken", means: "the addresses of a subnet are used by another subnet already",
		next: "choose ranges that are free in that VPC (network.cidr in slipway.yaml), " + redo,
		says: []pattern{says("stack", `The CIDR '[^']*' conflicts with another subnet`)},
	},
	{
		name: "name-taken", means: "something of that name exists already",
		next: "if it is what an earlier, failed launch left, delete it; if it is somebody else's, choose another name in slipway.yaml, " + redo,
		says: []pattern{
			says("stack", `HandlerErrorCode: AlreadyExists|ResourceExistenceCheck`),
			says("stack call", `already exists`),
			says("stack call", `BucketAlreadyOwnedByYou|requested bucket name is not available`),
		},
	},
	{
		name: "service-linked-role", means: "a service-linked role is missing, or so new that the service cannot use it yet",
		next: "run ./scripts/deploy.sh again: it makes the roles first, and by now they can be used",
		says: []pattern{says("stack call", `service linked role`)},
	},
	{
		name: "permission-missing", means: "a right is missing",
		next: "give the right to whom it is missing, or remove what withholds it; which rights slipway and its roles need is in docs/permissions.md, and ./scripts/deploy.sh, run by a person, brings the foundation's roles and boundary up to date",
		says: []pattern{
			says("stack call service build build-log", `not authorized to perform`),
			says("stack call service build build-log", `AccessDenied|Access Denied|UnauthorizedOperation`),
		},
		detail: denial,
	},
	{
		name: "application-forbidden", means: "the application ended after AWS had refused it something",
		next: "give the task role the right: service.permissions in slipway.yaml; " + redo,
		says: []pattern{says("log", `not authorized to perform`)},
		when: func(all []Signal, _ Signal) bool {
			return strings.Contains(of(all, Task), "EssentialContainerExited")
		},
		detail: denial,
	},
	{
		name: "template-invalid", means: "CloudFormation does not accept the template or a property in it",
		next: "run ./scripts/test.sh templates; what came from override.yaml has to be corrected there, and what slipway wrote itself is a fault of slipway's",
		says: []pattern{
			says("stack call", `Template (format )?error|Template validation error`),
			says("stack call", `Properties validation failed|Model validation failed|extraneous key|Required property \[`),
			says("stack call", `Unresolved resource dependencies|Parameters: \[.*\] must have values|Encountered unsupported property|PropertyValidation`),
		},
	},
	{
		name: "task-timeout", means: "the task before the deployment took longer than it may, and was stopped",
		next: "look at its last log lines for what it waited for; if it needs the time raise service.beforeDeploy.timeout in slipway.yaml, and " + redo,
		says: []pattern{says("task", `^TaskTimedOut`)},
	},
	{
		name: "acceptance-refused", means: "the service runs, and does not answer as service.acceptance, or what web/ promises, wants",
		next: "look at the last log lines of the task that asked for what was answered; mend the service or service.acceptance in slipway.yaml, and " + redo,
		says: []pattern{says("task", `^AcceptanceRefused`)},
	},
	{
		name: "acceptance-timeout", means: "the task that asks whether the service answers did not end in time, and was stopped",
		next: "look whether its subnets lead to the image registry and the logs, by a NAT or by endpoints, and " + redo,
		says: []pattern{says("task", `^VisitTimedOut`)},
	},
	{
		name: "task-stopped", means: "somebody stopped the task",
		next: "ask who did, and deploy again",
		says: []pattern{says("task", `^UserInitiated`)},
	},
	{
		name: "throttled", means: "AWS got more calls than it takes at once",
		next: "run the command again; if it goes on, something else in the account calls the same service all the time",
		says: []pattern{says("stack call build", `Rate exceeded|HandlerErrorCode: Throttling|RequestLimitExceeded`)},
	},
	{
		name: "container-killed", means: "the container was killed (exit code 137)",
		next: "most often that is too little memory: raise service.memory in slipway.yaml; otherwise the container did not end on SIGTERM within service.stopTimeout",
		says: []pattern{says("task", `EssentialContainerExited.*exit code 137\b`)},
	},
	{
		name: "container-ends", means: "the container ended by itself, without an error",
		next: "a service has to keep running: check ENTRYPOINT in the Dockerfile and service.command in slipway.yaml; a sidecar that may end is essential: false",
		says: []pattern{says("task", `EssentialContainerExited.*exit code 0\b`)},
	},
	{
		name: "container-exits", means: "the container ends with an error",
		next: "its last log lines say why; ./scripts/deploy.sh --local shows the same without AWS",
		says: []pattern{says("task", `EssentialContainerExited.*exit code [1-9]`)},
	},
	{
		name: "health-path", means: "the health path does not answer 200",
		next: "make service.healthPath in slipway.yaml a path that answers 200 without login or redirect, " + redo,
		says: []pattern{
			says("target", `Target\.ResponseCodeMismatch`),
			says("service", `is unhealthy in .*Health checks failed with these codes`),
		},
	},
	{
		name: "health-grace", means: "the application listens, but later than the health checks wait for it",
		next: "raise service.healthGrace in slipway.yaml above the time that it takes to start, " + redo + "; if it starts fast, it has to answer service.healthPath within 5 seconds",
		says: []pattern{
			says("target", `Target\.(FailedHealthChecks|Timeout)`),
			says("service", `is unhealthy in .*reason (Health checks failed\)|Request timed out)`),
		},
		when: listensLate,
	},
	{
		name: "wrong-port", means: "health checks get no connection",
		next: "the container must listen on service.port of slipway.yaml (it is told in PORT), on all addresses and not only 127.0.0.1",
		says: []pattern{
			says("target", `Target\.FailedHealthChecks`),
			says("service", `is unhealthy in .*reason Health checks failed\)`),
			says("target", `Target\.Timeout`),
			says("service", `is unhealthy in .*reason Request timed out`),
		},
		when: func(all []Signal, s Signal) bool {
			return !timedOut.MatchString(s.Text) || listensElsewhere(all, s) || loopback.MatchString(of(all, Log))
		},
		detail: whichPort,
	},
	{
		name: "health-timeout", means: "health checks get no answer in time",
		next: "the container must answer service.healthPath within 5 seconds, on service.port and on all addresses (not only 127.0.0.1)",
		says: []pattern{
			says("target", `Target\.Timeout`),
			says("service", `is unhealthy in .*reason Request timed out`),
		},
		detail: whichPort,
	},
	{
		name: "balancer-fault", means: "the load balancer itself failed",
		next: "deploy again later; if it stays, look at the AWS Health Dashboard",
		says: []pattern{says("target", `Elb\.InternalError`)},
	},
	{
		name: "health-checks", means: "tasks were stopped since they did not pass the health checks, and the load balancer tells no more",
		next: "compare service.port, service.healthPath and service.healthGrace in slipway.yaml with the application; ./scripts/deploy.sh --local shows the same without AWS",
		says: []pattern{
			says("task", `failed (ELB|container) health checks`),
			says("service", `is unhealthy in`),
		},
	},
	{
		name: "image-unpullable", means: "an image cannot be pulled, for a reason that is not known to this slipway",
		next: "the words behind CannotPull say why",
		says: []pattern{says("task", `CannotPull|unable to pull`)},
	},
	{
		name: "circuit-breaker", means: "ECS gave the deployment up since its tasks did not start, and nothing was left that tells why",
		next: "look at the service's log group and its events, and try ./scripts/deploy.sh --local; a second run sees more if it fails in the same way",
		says: []pattern{
			says("stack", `Deployment Circuit Breaker was triggered`),
			says("service", `deployment failed: tasks failed to start|circuit breaker: tasks failed to start|unable to consistently start tasks`),
		},
	},
	{
		name: "not-stable", means: "a resource did not become ready in the time that CloudFormation waits",
		next: "run the command again; of the service the events and the log say what it waited for",
		says: []pattern{says("stack", `did not stabilize|NotStabilized|Exceeded attempts to wait|failed to stabilize|timed out waiting for`)},
	},
	{
		name: "aws-fault", means: "a fault within AWS",
		next: "run the command again; if it stays, look at the AWS Health Dashboard",
		says: []pattern{says("stack call", `Internal ?Failure|ServiceInternalError|InternalServerError|ServiceUnavailable`)},
	},
	{
		name: "docker-missing", means: "the build has no Docker",
		next: "the image project must be privileged, as the foundation makes it: ./scripts/deploy.sh brings that back",
		says: []pattern{says("build-log", `Cannot connect to the Docker daemon`)},
	},
	{
		name: "buildspec-invalid", means: "the build found no buildspec.yml that it understands",
		next: "buildspec.yml has to be in the repository's root and tracked by git, as slipway has it",
		says: []pattern{says("build", `YAML_FILE_ERROR`)},
	},
	{
		name: "build-stopped", means: "somebody stopped the build",
		next: "run ./scripts/deploy.sh again",
		says: []pattern{says("build", `^STOPPED`)},
	},
	{
		name: "build-timeout", means: "the build took longer than its project allows",
		next: "look at the log for what it waited for, and run ./scripts/deploy.sh again",
		says: []pattern{says("build", `^TIMED_OUT`)},
	},
	{
		name: "build-fails", means: "a command of the build failed",
		next: "the log says why; ./scripts/deploy.sh --local runs the same build without AWS",
		says: []pattern{says("build", `COMMAND_EXECUTION_ERROR`)},
	},
}
