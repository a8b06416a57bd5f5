package cause

// recorded are failures as people and documents report them, word for word; ids and accounts are as they were reported or
// made up where the report had blanked them.
type record struct {
	cause, detail string // detail: a part of it
	source        string // where the words are from
	signals       []Signal
}

func said(origin Origin, text string) []Signal {
	return []Signal{{Origin: origin, Resource: "prod.ECS.Service", Text: text}}
}

// stopped is a task that ended by itself, and what its log says.
func stopped(text, log string) []Signal {
	signals := []Signal{{Task, "1111", text}}
	if log != "" {
		signals = append(signals, Signal{Log, "app", log})
	}
	return signals
}

// unhealthy is a target that fails on port 8080, and the log of the task that was stopped for it.
func unhealthy(text, log string) []Signal {
	return []Signal{{Task, "1111", "ServiceSchedulerInitiated: Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/73e2d6bc24d8a067); container app exit code 143"},
		{Target, "10.0.1.5:8080", text}, {Log, "app", log}}
}

// unwell is ECS's own event about it.
func unwell(reason, log string) []Signal {
	return []Signal{{Service, "shop-web", "(service shop-web) (task 0b0c11fa47b04ed0a669fa3ce6345afa) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/73e2d6bc24d8a067) due to (reason " + reason + ")."},
		{Log, "app", log}}
}

const (
	eventsPage   = "docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html"
	targetsPage  = "docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"
	deniedPage   = "docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
	registryAuth = "TaskFailedToStart: ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
	exited       = "EssentialContainerExited: Essential container in task exited; container app exit code "
)

var recorded = []record{
	{"secret-missing", "", "github.com/aws/amazon-ecs-agent agent/asm/asm.go", said(Task, "ResourceInitializationError: The task can't retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db' from AWS Secrets Manager. Check that the secret ARN is correct")},
	{"secret-missing", "", "github.com/digitalis-io/vals-operator/issues/44 for the service's words", said(Task, registryAuth+"unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:123456789012:secret:db from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.")},
	{"secret-missing", "", "github.com/aws/amazon-ecs-agent agent/asm/asm.go", said(Task, registryAuth+"unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key MY_SECRET")},
	{"secret-missing", "", "repost.aws/knowledge-center/ecs-unable-to-pull-secrets", said(Task, registryAuth+"unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /shop/prod/db")},
	{"secret-missing", "", "the local engine", said(Task, registryAuth+"unable to retrieve secret DB: the local engine has no ssm:/shop/prod/db; write it into .slipway/local/secrets.yaml")},
	{"secret-forbidden", "", "github.com/GiamPy5/terraform-aws-directus/issues/10", said(Task, registryAuth+"unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-central-1:account_id:secret:algo-dev-directus-secret20240626183203358800000004-EaPYTy from secrets manager: AccessDeniedException: Access to KMS is not allowed status code: 400, request id: a87a66d9-f839-4353-b8c2-9984b1465695")},
	{"secret-forbidden", "", "github.com/aws/aws-cdk/issues/3529", said(Task, "Fetching secret data from SSM Parameter Store in eu-west-1: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ExecutionRole/9e05ad12-2574-47a3-b48f-3a2244770318 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/db status code: 400, request id: 787934d9-56ba-4a43-9e60-4f05a950a90e")},
	{"secret-no-route", "", "github.com/umotif-public/terraform-aws-ecs-fargate/issues/50", said(Task, registryAuth+"unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled: request context canceled caused by: context deadli...")},
	{"secret-no-route", "", "github.com/aws-samples/keycloak-on-aws/issues/222", said(Task, registryAuth+"unable to get registry auth from asm: service call has been retried 5 time(s): asm fetching secret from the service for ...")},

	{"architecture-mismatch", "", "github.com/aviswerdlow/relay/issues/71", said(Task, "TaskFailedToStart: CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'.")},
	{"architecture-mismatch", "", "github.com/aws/containers-roadmap/issues/1120", said(Task, "TaskFailedToStart: CannotPullContainerError: failed to find a descriptor for platform {linux/amd64}")},
	{"architecture-mismatch", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting.html", stopped(exited+"255", "exec /web: exec format error")},
	{"pull-limit", "", "docs.docker.com/docker-hub/usage", said(Task, "TaskFailedToStart: CannotPullContainerError: toomanyrequests: You have reached your pull rate limit.")},
	{"pull-limit", "", "docs.docker.com/docker-hub/usage", append(said(Build, "FAILED in BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: ./scripts/stage.sh \"$STAGE\". Reason: exit status 1"), Signal{BuildLog, "", "ERROR: toomanyrequests: You have reached your unauthenticated pull rate limit."})},
	{"image-missing", "", "github.com/aws/containers-roadmap/issues/2687", said(Task, "TaskFailedToStart: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/example@sha256:863: not found")},
	{"image-missing", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html", said(Task, "TaskFailedToStart: CannotPullContainerError: Error response from daemon: manifest for example:1 not found: manifest unknown: manifest unknown")},
	{"image-no-route", "", "github.com/aws-samples/generative-ai-sagemaker-cdk-demo/issues/4", said(Task, registryAuth+"unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.us-west-2.amazonaws.com/\": dial tcp 34.223.27.76:443: i/o timeout. Please check your task network configuration.")},
	{"image-no-route", "", "github.com/globaldothealth/list/issues/2662", said(Task, exited+"0; CannotPullContainerError: Error response from daemon: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)")},
	{"image-forbidden", "", "github.com/aws/containers-roadmap/issues/2493", said(Task, "TaskFailedToStart: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.us-west-2.amazonaws.com/otel: unexpected status from HEAD request to https://1.dkr.ecr.us-west-2.amazonaws.com/v2/otel/blobs/sha256:863: 403 Forbidden")},
	{"image-forbidden", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html", said(Task, "TaskFailedToStart: CannotPullContainerError: Error response from daemon: pull access denied for example, repository does not exist or may require 'docker login'")},
	{"log-unwritable", "", "github.com/cn-terraform/terraform-aws-ecs-fargate-task-definition/issues/1", said(Task, "TaskFailedToStart: CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.")},
	{"log-unwritable", "", "github.com/civiform/civiform/issues/7648", said(Task, "TaskFailedToStart: ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed")},
	{"command-missing", "", "github.com/saebyn/glowing-telegram/issues/398", said(Task, "TaskFailedToStart: CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"web\": executable file not found in $PATH: unknown")},
	{"command-missing", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html; 127 is the shell's", stopped(exited+"127", "sh: web: not found")},
	{"out-of-memory", "", "github.com/aws/amazon-ecs-agent/issues/1187", stopped(exited+"137; OutOfMemoryError: Container killed due to memory usage", "")},

	{"subnet-full", "", "github.com/paradisec-archive/nabu/pull/1259; docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html", said(Task, "TaskFailedToStart: Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-05d93362e947058bc': InsufficientFreeAddressesInSubnet")},
	{"subnet-full", "", "github.com/aws/aws-rfdk/pull/621", said(Stack, "Not enough IP space available in subnet-08885c5805228af7a. ELB requires at least 8 free IP addresses in each subnet. (Service: AmazonElasticLoadBalancing; Status Code: 400; Error Code: InvalidSubnet; Request ID: 76f87391-94f2-4297-92d7-70811fe8f136; Proxy: null)")},
	{"quota", "", "github.com/awslabs/landing-zone-accelerator-on-aws/issues/241", said(Stack, `Resource handler returned message: "The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400, Request ID: 5ce9e2b3-ab97-48ae-9110-21df5e97e9b5)" (RequestToken: 79d65bb7-1d80-c629-18dc-b61fe9935538, HandlerErrorCode: GeneralServiceException)`)},
	{"quota", "", "github.com/ansible/workshops/issues/1801", said(Stack, "Cannot exceed quota for InstanceProfilesPerAccount: 1000")},
	{"quota", "", "docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html", said(Stack, `Resource handler returned message: "Limit exceeded" (RequestToken: 79d65bb7-1d80-c629-18dc-b61fe9935538, HandlerErrorCode: ServiceLimitExceeded)`)},
	{"quota", "", "repost.aws/questions/QUmYO0T8YKQgG5zOMJQ7HsMw", said(Service, "(service shop-web) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.")},
	{"quota", "", "github.com/aws-samples/aws-gateway-load-balancer-suricata-ids-ips-nsm/issues/12", said(Call, "AccountLimitExceededException: Cannot have more than 1 builds in queue for the account")},
	{"no-spot-capacity", "", "github.com/reproio/wrapbox/pull/53", said(Task, "SpotInterruption: Your Spot Task was interrupted.; container app exit code 2")},
	{"no-spot-capacity", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html; slipway adds the provider's name", said(Service, "(service shop-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide. (capacity provider FARGATE_SPOT)")},
	{"no-capacity", "", "github.com/sil-org/ecs-deploy/issues/277", said(Service, "(service shop-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.")},
	{"alarm-rollback", "", "github.com/aws/copilot-cli internal/pkg/stream/ecs_test.go", said(Service, "(service fraud-api-prod) (deployment ecs-svc/8028302815) deployment failed: alarm detected.")},

	{"certificate-not-validated", "", "github.com/medplum/medplum/issues/5804", said(Stack, `Resource handler returned message: "The certificate 'arn:aws:acm:us-west-2:462446642923:certificate/58cc9a38-1295-4866-be62-71366d672ee1' must have a fully-qualified domain name, a supported signature, and a supported key size. (Service: ElasticLoadBalancingV2, Status Code: 400)"`)},
	{"certificate-not-validated", "", "github.com/aws/aws-cdk/issues/6629", said(Stack, "Failed to create resource. Resource is not in the state certificateValidated")},
	{"certificate-not-validated", "", "docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html", said(Stack, `Resource handler returned message: "Certificate 'arn:aws:acm:us-east-1:123456789012:certificate/1' not found (Service: ElasticLoadBalancingV2, Status Code: 400, Error Code: CertificateNotFound)"`)},
	{"bucket-not-empty", "", "github.com/aws/aws-cdk/issues/21776", said(Stack, "The bucket you tried to delete is not empty (Service: Amazon S3; Status Code: 409; Error Code: BucketNotEmpty; Request ID: 13B5WKE8TCT9VS8K; S3 Extended Request ID: /7/TL8ibQg7kBnNvHowx/D81U0VISP2NwXFUmne62ZBh4ahsFgTHqnUYHyZRNGnuShor+HdGMQ8=; Proxy: null)")},
	{"dependency-on-delete", "", "github.com/aws/aws-cdk/issues/14456", said(Stack, "The subnet 'subnet-0d544dc539aeafb80' has dependencies and cannot be deleted. (Service: AmazonEC2; Status Code: 400; Error Code: DependencyViolation; Request ID: 02f317e9-0bd8-4565-91ae-707d9e847412; Proxy: null)")},
	{"dependency-on-delete", "", "github.com/waterbear-cloud/paco/issues/27", said(Stack, "Cannot delete entity, must detach all policies first. (Service: AmazonIdentityManagement; Status Code: 409; Error Code: DeleteConflict; Request ID: b6a25cfc-4389-4875-8104-70e74ad685d8)")},
	{"dependency-on-delete", "", "github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3037", said(Stack, "Target group 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/k8s-default-servicen-b7f80987ba/4f8374f642714aec' is currently in use by a listener or a rule")},
	{"dependency-on-delete", "", "github.com/cloud-custodian/cloud-custodian/issues/9921", said(Stack, "Load balancer 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/mysfits-nlb/48178a2f4e28b5f2' cannot be deleted because it is currently associated with another service")},
	{"dependency-on-delete", "", "docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html", said(Stack, "The Cluster cannot be deleted while Services are active. (Service: AmazonECS; Status Code: 400; Error Code: ClusterContainsServicesException; Request ID: 1)")},
	{"dependency-on-delete", "", "repost.aws/knowledge-center/cloudformation-stack-export-name-error", said(Stack, "Export vpc-id cannot be deleted as it is in use by other-stack")},
	{"record-changed", "", "github.com/ministackorg/ministack/pull/1308; CloudFormation passes Route 53's words on", said(Stack, "[Tried to delete resource record set [name='www.example.com.', type='A'] but the values provided do not match the current values]")},
	{"deletion-protected", "", "github.com/aws-cloudformation/rain/issues/187", said(Stack, "Load balancer 'arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/ecs-c-LoadB-2GALVJMRB92E/bb4b0a6ad4280345' cannot be deleted because deletion protection is enabled (Service: AmazonElasticLoadBalancing; Status Code: 400; Error Code: OperationNotPermitted; Request ID: ddb822e3-df38-43d0-aaf4-519896162eed; Proxy: null)")},
	{"role-gone", "", "github.com/aws/aws-cdk/issues/10116", said(Call, "ValidationError: Role arn:aws:iam::123456789012:role/shop-foundation-ExecutionRole-1 is invalid or cannot be assumed")},
	{"address-range-taken", "", "github.com/aws-samples/aws-genai-llm-chatbot/issues/153", said(Stack, `Resource handler returned message: "The CIDR '10.0.32.0/20' conflicts with another subnet (Service: Ec2, Status Code: 400, Request ID: a9a6cbdf-fb22-4fee-8b28-f19a9bf0f247)" (RequestToken: dcde7964-7201-9807-83f4-0d93ef400edd, HandlerErrorCode: AlreadyExists)`)},
	{"name-taken", "", "github.com/aws-solutions/amazon-marketing-cloud-uploader-from-aws/issues/167", said(Stack, `Resource handler returned message: "Resource of type 'AWS::Logs::LogGroup' with identifier '{"/properties/LogGroupName":"/aws/lambda/iantest-v2sol-AnonymousDataCustomResource-GeGYyD40GciG"}' already exists." (RequestToken: 258db5a1-23c6-5e4b-4d23-7a469fc2de96, HandlerErrorCode: AlreadyExists)`)},
	{"name-taken", "", "github.com/serverless/serverless/issues/3237", said(Stack, "/aws/lambda/development-get-stat already exists in stack arn:aws:cloudformation:us-east-1:1:stack/alertgraph-development/1")},
	{"name-taken", "", "docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html", said(Stack, `Resource handler returned message: "A target group with the same name but with different settings is there" (RequestToken: 1, HandlerErrorCode: AlreadyExists)`)},
	{"name-taken", "", "github.com/red-hat-storage/ocs-ci/issues/10451", said(Call, "BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded and you already own it.")},
	{"name-taken", "", "github.com/aws-cloudformation/rain/pull/744", said(Stack, "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.")},
	{"bucket-not-empty", "", "github.com/aws-cloudformation/rain/pull/744", said(Stack, "The bucket 'test-early-validation-20251218181322-2' is not empty. You must either delete all objects and versions or use the deletion policy to retain it, otherwise the delete operation will fail.")},
	{"template-invalid", "", "github.com/aws/aws-cdk-cli/pull/1463", said(Stack, "Required property [PolicyDocument] not found (at /Resources/BadPolicy/Properties)")},
	{"service-linked-role", "", "github.com/aws-samples/baseline-environment-on-aws/issues/238", said(Stack, `Resource handler returned message: "Unable to assume the service linked role. Please verify that the ECS service linked role exists. (Service: AmazonECS; Status Code: 400; Error Code: InvalidParameterException; Request ID: 22e06152-22fe-4af1-90e2-937ce3e62c01; Proxy: null)" (RequestToken: 70f29b80-2c90-67be-ab25-097676cebf8c, HandlerErrorCode: InvalidRequest)`)},

	{"permission-missing", "right iam:UpdateAssumeRolePolicy of role iac-analyzer-deployment-stack-EC2Role-zZiIW90X0coi on role; allowed by no policy of its own", "github.com/aws-samples/well-architected-iac-analyzer/issues/108", said(Stack, "User: arn:aws:sts::111111111111:assumed-role/iac-analyzer-deployment-stack-EC2Role-zZiIW90X0coi/i-1 is not authorized to perform: iam:UpdateAssumeRolePolicy on resource: role cdk-hnb659fds-image-publishing-role-111111111111-us-east-1 because no identity-based policy allows the iam:UpdateAssumeRolePolicy action")},
	{"permission-missing", "right ec2:CreateSecurityGroup of role ManagedOpenShift-HCP-ROSA-Installer-Role on arn:aws:ec2:us-east-1:891590055837:security-group/*; denied by a service control policy of the organization", "github.com/openshift/ci-chat-bot/issues/494", said(Stack, "You are not authorized to perform this operation. User: arn:aws:sts::891590055837:assumed-role/ManagedOpenShift-HCP-ROSA-Installer-Role/OCM is not authorized to perform: ec2:CreateSecurityGroup on resource: arn:aws:ec2:us-east-1:891590055837:security-group/* with an explicit deny in a service control policy.")},
	{"permission-missing", "of user svc.115189082206.tda.cocustest on policy; allowed by no permissions boundary", deniedPage, said(Call, "AccessDenied: User: arn:aws:iam::115189082206:user/svc.115189082206.tda.cocustest is not authorized to perform: iam:CreatePolicy on resource: policy platform-team-mbergo-policy because no permissions boundary allows the iam:CreatePolicy action")},
	{"permission-missing", "denied by a permissions boundary", deniedPage, said(Call, "AccessDeniedException: User: arn:aws:iam::123456789012:user/JohnDoe is not authorized to perform: codecommit:ListRepositories with an explicit deny in a permissions boundary")},
	{"permission-missing", "allowed by no session policy", deniedPage, said(Call, "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/Deploy/ci is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:eu-central-1:123456789012:service/a/b because no session policy allows the ecs:DescribeServices action")},
	{"permission-missing", "allowed by no service control policy of the organization", deniedPage, said(Call, "AccessDeniedException: User: arn:aws:iam::123456789012:user/JohnDoe is not authorized to perform: codecommit:ListRepositories because no service control policy allows the codecommit:ListRepositories action")},
	{"permission-missing", "right iam:CreateRole of role Owner on arn:aws:iam::123456789012:role/serverlessrepo-aws-lambda-power-tunin-analyzerRole-30U2WSAK4KID", "github.com/alexcasalboni/aws-lambda-power-tuning/issues/154", said(Stack, "API: iam:CreateRole User: arn:aws:sts::123456789012:assumed-role/Owner/myemail@domain.com is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/serverlessrepo-aws-lambda-power-tunin-analyzerRole-30U2WSAK4KID with an explicit deny")},
	{"permission-missing", "right s3:PutBucketPolicy", "github.com/prowler-cloud/prowler/issues/793", said(Stack, "API: s3:PutBucketPolicy Access Denied")},
	{"permission-missing", "", "github.com/aws-samples/unishop-monolith-to-microservices/issues/47", said(Stack, `Resource handler returned message: "Access Denied (Service: S3, Status Code: 403, Request ID:XXX, Extended Request ID: XXX" (RequestToken: XXXX, HandlerErrorCode: AccessDenied)`)},
	{"application-forbidden", "right s3:GetObject of role TaskRole", deniedPage, stopped(exited+"1", "panic: operation error S3: GetObject, AccessDenied: User: arn:aws:sts::123456789012:assumed-role/TaskRole/1111 is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::x/y\" because no identity-based policy allows the s3:GetObject action")},

	{"template-invalid", "", "github.com/gabehollombe-aws/step-functions-workshop/pull/18", said(Stack, "Template error: instance of Fn::GetAtt references undefined resource FindApplicationFunction")},
	{"template-invalid", "", "github.com/aws/aws-cdk/issues/28984", said(Stack, "Properties validation failed for resource myKeyPair53D5213E with message:\n#: extraneous key [KeyFormat] is not permitted")},
	{"template-invalid", "", "docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html", said(Call, "ValidationError: Template format error: Unresolved resource dependencies [Vpc] in the Resources block of the template")},
	{"template-invalid", "", "docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html", said(Call, "ValidationError: Parameters: [ZoneB] must have values")},
	{"throttled", "", "github.com/aws/aws-cdk/issues/9882", said(Stack, "Rate exceeded for operation 'Rate exceeded (Service: Lambda, Status Code: 429, Request ID: 2d5768a1-1dcc-42eb-9d7d-e3290f10f4ed, Extended Request ID: null)'.")},

	{"container-killed", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html", stopped(exited+"137", "")},
	{"container-ends", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html", stopped(exited+"0", "done")},
	{"container-exits", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html", stopped(exited+"3", "panic: boom")},

	{"health-path", "", targetsPage, unhealthy("Target.ResponseCodeMismatch: Health checks failed with these codes: [404]", "GET /health 404")},
	{"health-path", "", eventsPage, unwell("Health checks failed with these codes: [502]", "")},
	{"health-grace", "", "github.com/GuardBench/guardbench-backend/issues/166", unhealthy("Target.FailedHealthChecks: Health checks failed", "Tomcat initialized on port 8080\nTomcat started on port 8080, context path `/`\nStarted GuardbenchBackendApplication")},
	{"health-grace", "", eventsPage, unwell("Request timed out", "INFO: Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)")},
	{"wrong-port", "health checks ask port 8080, the log says that the application listens on 3000", targetsPage, unhealthy("Target.FailedHealthChecks: Health checks failed", "server listening on :3000")},
	{"wrong-port", "health checks ask port 8080", eventsPage, unwell("Health checks failed", "")},
	{"wrong-port", "the log says that the application listens on 9000", targetsPage, unhealthy("Target.Timeout: Request timed out", "Listening on [::]:9000")},
	{"wrong-port", "loopback", eventsPage, unwell("Request timed out", "Starting development server at 1\nServer running at http://127.0.0.1:8080/")},
	{"wrong-port", "the log says that the application listens on 18099", "web/ of slipway", unhealthy("Target.FailedHealthChecks: Health checks failed", `{"time":"2026-11-25T13:20:15Z","level":"INFO","msg":"listening","address":"[::]:18099","hostname":"ip-10-0-1-5"}`)},
	{"health-timeout", "", targetsPage, unhealthy("Target.Timeout: Request timed out", "loading the model")},
	{"health-timeout", "", eventsPage, unwell("Request timed out", "")},
	{"balancer-fault", "", targetsPage, said(Target, "Elb.InternalError: Health checks failed due to an internal error")},
	{"health-checks", "", eventsPage, said(Task, "ServiceSchedulerInitiated: Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1)")},
	{"health-checks", "", eventsPage, said(Service, "(service shop-web) (instance i-1) is unhealthy in (elb shop) due to (reason Instance has failed at least the UnhealthyThreshold number of health checks consecutively.)")},
	{"image-unpullable", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html", said(Task, "TaskFailedToStart: CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code")},
	{"circuit-breaker", "", "github.com/aws-cloudformation/rain/issues/458", said(Stack, "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)")},
	{"circuit-breaker", "", "github.com/hackforla/CivicTechJobs/issues/436", said(Service, "(service shop-web) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")},
	{"not-stable", "", "github.com/aws-cloudformation/cloudformation-cli-java-plugin/issues/210", said(Stack, "Resource timed out waiting for creation of physical resource")},
	{"aws-fault", "", "github.com/hotosm/tasking-manager/pull/1396", said(Stack, "Internal failure (Service: AmazonElasticLoadBalancingV2; Status Code: 500; Error Code: InternalFailure; Request ID: e35e18e2-49af-11e9-8a5f-2f83d93ca8c7)")},

	{"acceptance-refused", "", "slipway's own words", stopped("AcceptanceRefused: the service does not answer as it must", "GET http://localhost/ answered 500")},
	{"acceptance-timeout", "", "slipway's own words", stopped("VisitTimedOut: the task did not end within 10m0s", "")},
	{"task-timeout", "", "slipway's own words", stopped("TaskTimedOut: the task did not end within 10m0s", "waiting for a lock")},
	{"task-stopped", "", "docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html", stopped("UserInitiated: Task stopped by user; container app exit code 143", "")},
	{"docker-missing", "", "docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html", append(said(Build, "FAILED in BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: docker build. Reason: exit status 1"), Signal{BuildLog, "", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"})},
	{"buildspec-invalid", "", "github.com/stellar/anchor-platform/issues/469", said(Build, "FAILED in DOWNLOAD_SOURCE: YAML_FILE_ERROR: stat /codebuild/output/src961726718/src/buildspec.yml: no such file or directory")},
	{"build-stopped", "", "docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html", said(Build, "STOPPED in BUILD")},
	{"build-timeout", "", "docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html", said(Build, "TIMED_OUT in BUILD: BUILD_TIMED_OUT: Build has timed out.")},
	{"build-fails", "", "github.com/awslabs/aws-deployment-framework/issues/471", said(Build, `FAILED in BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: ./scripts/stage.sh "$STAGE". Reason: exit status 2`)},
	{"permission-missing", "right ecr:InitiateLayerUpload", deniedPage, append(said(Build, "FAILED in BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: ./scripts/stage.sh. Reason: exit status 1"), Signal{BuildLog, "", "denied: User: arn:aws:sts::123456789012:assumed-role/ImageRole/AWSCodeBuild-1 is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-central-1:123456789012:repository/shop because no identity-based policy allows the ecr:InitiateLayerUpload action"})},
}

// misses are what looks like a failure's words and is not, or is another's.
var misses = []record{
	{Unknown, "", "progress of a service, " + eventsPage, said(Service, "(service shop-web) has started 1 tasks: (task ca675154981d4ebd81b7a97747141a2e).")},
	{Unknown, "", eventsPage, said(Service, "(service shop-web) has reached a steady state.")},
	{Unknown, "", eventsPage, said(Service, "(service shop-web) deregistered 1 targets in (target-group shop)")},
	{Unknown, "", "a target that has only just come", said(Target, "Elb.RegistrationInProgress: Target registration is in progress")},
	{Unknown, "", "a service of that name", said(Service, "(service access-denied) has started 1 tasks: (task 1).")},
	{Unknown, "", "nothing", nil},
	{Unknown, "", "a failure whose words are not known", said(Stack, "Resource handler returned message: \"Invalid request provided: threshold\" (RequestToken: 1, HandlerErrorCode: InvalidRequest)")},
	{Unknown, "", "github.com/eddmann/serverless-fargate/issues/20: a subnet that is not there is no full one", said(Stack, "Invalid request provided: CreateService error: Error retrieving subnet information for [birdzview]: The subnet ID 'birdzview' does not exist (ErrorCode: InvalidSubnetID.NotFound)")},
	{Unknown, "", "the application's own words are no deployment's", said(Log, "toomanyrequests: slow down; user is not authorized to perform: login; CannotPull; already exists")},
	{"container-exits", "", "a file that is not found is no missing image", stopped(exited+"2", "open /etc/app.yaml: not found\nAccess Denied")},
	{"container-exits", "", "1370 is not 137, 30 is not 0", stopped(exited+"30", "")},
	{"wrong-port", "health checks ask port 8080", "a log that speaks of a port without listening", unhealthy("Target.FailedHealthChecks: Health checks failed", "connecting to database at db:5432")},
	{"wrong-port", "health checks ask port 8080", "nor one that has started and goes on, at a time of day", unhealthy("Target.FailedHealthChecks: Health checks failed", "server started, connecting to db:5432\nrunning migration at 13:20:15")},
	{"health-path", "", "the answer is there, however late the log says that it listens", unhealthy("Target.ResponseCodeMismatch: Health checks failed with these codes: [500]", "listening on :8080")},
	{"container-exits", "", "the task that ended counts more than the breaker that noticed", append(said(Stack, "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."), stopped(exited+"1", "boom")...)},
	{"application-forbidden", "", "and an application that was refused something more than its exit", stopped(exited+"1", "is not authorized to perform: s3:GetObject")},
	{"image-missing", "", "the image more than the breaker", append(said(Stack, "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."), said(Task, "TaskFailedToStart: CannotPullContainerError: failed to resolve ref a/b@sha256:1: not found")...)},
	{"aws-fault", "", "a name that holds another's words", said(Stack, "Internal failure (Service: AmazonECS; Status Code: 500) in arn:aws:ecs:eu-west-1:1:cluster/subnet-quota")},
	{"permission-missing", "", "a right is not a secret outside a task", said(Stack, "User: arn:aws:iam::1:user/a is not authorized to perform: secretsmanager:GetSecretValue on resource: x because no identity-based policy allows the secretsmanager:GetSecretValue action")},
}
