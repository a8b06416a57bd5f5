package residue_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slipway/internal/residue"
)

// reply is what a service answers.
type reply struct {
	status int
	body   string
}

func ok(body string) reply { return reply{200, body} }

// notFound and refused are the error documents of the protocols.
func jsonError(code, message string) reply {
	return reply{400, fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)}
}

func queryError(status int, code, message string) reply {
	return reply{status, fmt.Sprintf(`<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code, message)}
}

func ec2Error(code, message string) reply {
	return reply{403, fmt.Sprintf(`<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r</RequestID></Response>`, code, message)}
}

func queryAnswer(action, result string) reply {
	return ok(fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, result))
}

func ec2Answer(action, list string) reply {
	return ok(fmt.Sprintf("<%[1]sResponse><requestId>r</requestId>%[2]s</%[1]sResponse>", action, list))
}

// aws answers calls, each by the name "service:Action", and counts them.
type double struct {
	mu     sync.Mutex
	reply  func(call, body string) reply
	called []string
}

var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]+/[^/]+/([^/]+)/`)

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	service := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if service == nil {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	form := regexp.MustCompile(`(?:^|&)Action=([A-Za-z]+)`).FindSubmatch(body)
	if form != nil {
		action = string(form[1])
	}
	call := service[1] + ":" + cmp.Or(action, r.Method+" "+r.URL.Path)
	d.mu.Lock()
	d.called = append(d.called, call)
	answer := d.reply(call, string(body))
	d.mu.Unlock()
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func start(t *testing.T, answer func(call, body string) reply) (*double, *residue.Checker) {
	t.Helper()
	d := &double{reply: answer}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return d, residue.NewChecker(aws.Config{
		Region:       "eu-central-1",
		BaseEndpoint: &server.URL,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 3
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
			})
		},
	})
}

const (
	arnService  = "arn:aws:ecs:eu-central-1:123456789012:service/shop-prod-Cluster-1/shop-prod-Service-1"
	arnTask     = "arn:aws:ecs:eu-central-1:123456789012:task-definition/shop:7"
	arnELB      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
	arnGroup    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/73e2d6bc24d8a067"
	arnListener = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/shop/50dc6c495c0c9188/0467ef3c8400ae65"
	arnRule     = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/shop/50dc6c495c0c9188/0467ef3c8400ae65/1291d13826f405c3"
	arnPolicy   = "arn:aws:iam::123456789012:policy/slipway/shop/env/Boundary"
	arnReports  = "arn:aws:codebuild:eu-central-1:123456789012:report-group/shop-unit-tests"
	arnStack    = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-prod/c6a0c3b0"
	target      = "service/shop-prod-Cluster-1/shop-prod-Service-1|ecs:service:DesiredCount|ecs"
	arnCert     = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
	arnTopic    = "arn:aws:sns:eu-central-1:123456789012:shop-prod-Topic-1"
	arnSub      = arnTopic + ":9f3a2b1c"
	arnACL      = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop-prod/1a2b3c4d"
	arnScaling  = "arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:12ab3c4d:resource/ecs/service/shop-prod-Cluster-1/shop-prod-Service-1:policyName/cpu"
)

// records is a page of a hosted zone's records.
func records(name, kind string) reply {
	record := ""
	if name != "" {
		record = "<ResourceRecordSet><Name>" + name + "</Name><Type>" + kind + "</Type></ResourceRecordSet>"
	}
	return ok("<ListResourceRecordSetsResponse><ResourceRecordSets>" + record + "</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></ListResourceRecordSetsResponse>")
}

// typeTest says how one type answers when it is there, and how when it has gone.
type typeTest struct {
	typeName, id string
	call         string
	there        reply
	state        string
	gone         []reply
	denied       reply
}

func typeTests() []typeTest {
	deniedJSON := jsonError("AccessDeniedException", "User is not authorized to perform this action")
	deniedQuery := queryError(403, "AccessDenied", "User is not authorized to perform this action")
	deniedEC2 := ec2Error("UnauthorizedOperation", "You are not authorized to perform this operation.")
	ec2 := func(typeName, id, action, list, state string, gone ...string) typeTest {
		test := typeTest{typeName, id, "ec2:" + action, ec2Answer(action, list), state, nil, deniedEC2}
		for _, list := range append(gone, "") {
			test.gone = append(test.gone, ec2Answer(action, list))
		}
		return test
	}
	return []typeTest{
		{"AWS::S3::Bucket", "shop-bucket", "s3:HEAD /shop-bucket", ok(""), "", []reply{{404, ""}}, reply{403, ""}},
		{"AWS::ECR::Repository", "shop", "ecr:DescribeRepositories", ok(`{"repositories":[{"repositoryName":"shop"}]}`), "",
			[]reply{jsonError("RepositoryNotFoundException", "The repository with name 'shop' does not exist in the registry with id '123456789012'")}, deniedJSON},
		{"AWS::IAM::Role", "shop-Role", "iam:GetRole", queryAnswer("GetRole", "<Role><RoleName>shop-Role</RoleName></Role>"), "",
			[]reply{queryError(404, "NoSuchEntity", "The role with name shop-Role cannot be found.")}, deniedQuery},
		{"AWS::IAM::ManagedPolicy", arnPolicy, "iam:GetPolicy", queryAnswer("GetPolicy", "<Policy><PolicyName>Boundary</PolicyName></Policy>"), "",
			[]reply{queryError(404, "NoSuchEntity", "Policy "+arnPolicy+" was not found.")}, deniedQuery},
		{"AWS::Logs::LogGroup", "/shop/web", "logs:DescribeLogGroups", ok(`{"logGroups":[{"logGroupName":"/shop/web"}]}`), "",
			[]reply{ok(`{"logGroups":[]}`), ok(`{"logGroups":[{"logGroupName":"/shop/web2"}]}`)}, deniedJSON},
		{"AWS::CodeBuild::Project", "image", "codebuild:BatchGetProjects", ok(`{"projects":[{"name":"image"}],"projectsNotFound":[]}`), "",
			[]reply{ok(`{"projects":[],"projectsNotFound":["image"]}`)}, deniedJSON},
		{"AWS::CodeBuild::ReportGroup", arnReports, "codebuild:BatchGetReportGroups", ok(`{"reportGroups":[{"arn":"` + arnReports + `","status":"DELETING"}],"reportGroupsNotFound":[]}`), "DELETING",
			[]reply{ok(`{"reportGroups":[],"reportGroupsNotFound":["` + arnReports + `"]}`)}, deniedJSON},
		{residue.ProofRecord, "Z1|_x.www.example.com.", "route53:GET /2013-04-01/hostedzone/Z1/rrset", records("_x.www.example.com.", "CNAME"), "",
			[]reply{records("", ""), records("_y.www.example.com.", "CNAME"), records("_x.www.example.com.", "TXT")}, deniedQuery},
		{"AWS::CodePipeline::Pipeline", "shop", "codepipeline:GetPipeline", ok(`{"pipeline":{"name":"shop"}}`), "",
			[]reply{jsonError("PipelineNotFoundException", "Account '123456789012' does not have a pipeline with name 'shop'")}, deniedJSON},
		{"AWS::Events::Rule", "shop-Rule", "events:DescribeRule", ok(`{"Name":"shop-Rule","State":"ENABLED"}`), "ENABLED",
			[]reply{jsonError("ResourceNotFoundException", "Rule shop-Rule does not exist on EventBus default.")}, deniedJSON},
		{"AWS::CloudFormation::Stack", arnStack, "cloudformation:DescribeStacks",
			queryAnswer("DescribeStacks", "<Stacks><member><StackName>shop-prod</StackName><StackStatus>DELETE_FAILED</StackStatus></member></Stacks>"), "DELETE_FAILED",
			[]reply{queryAnswer("DescribeStacks", "<Stacks><member><StackName>shop-prod</StackName><StackStatus>DELETE_COMPLETE</StackStatus></member></Stacks>"),
				queryError(400, "ValidationError", "Stack with id "+arnStack+" does not exist")}, deniedQuery},
		{"AWS::ECS::Cluster", "shop-prod-Cluster-1", "ecs:DescribeClusters",
			ok(`{"clusters":[{"clusterName":"shop-prod-Cluster-1","clusterArn":"a","status":"ACTIVE"}]}`), "ACTIVE",
			[]reply{ok(`{"clusters":[{"clusterName":"shop-prod-Cluster-1","clusterArn":"a","status":"INACTIVE"}]}`),
				ok(`{"clusters":[],"failures":[{"arn":"a","reason":"MISSING"}]}`)}, deniedJSON},
		{"AWS::ECS::Service", arnService, "ecs:DescribeServices", ok(`{"services":[{"serviceArn":"` + arnService + `","status":"DRAINING"}]}`), "DRAINING",
			[]reply{ok(`{"services":[{"serviceArn":"` + arnService + `","status":"INACTIVE"}]}`), ok(`{"services":[],"failures":[{"arn":"a","reason":"MISSING"}]}`),
				jsonError("ClusterNotFoundException", "Cluster not found.")}, deniedJSON},
		{"AWS::ECS::TaskDefinition", arnTask, "ecs:DescribeTaskDefinition", ok(`{"taskDefinition":{"taskDefinitionArn":"` + arnTask + `","status":"ACTIVE"}}`), "ACTIVE",
			[]reply{ok(`{"taskDefinition":{"status":"INACTIVE"}}`), ok(`{"taskDefinition":{"status":"DELETE_IN_PROGRESS"}}`),
				jsonError("ClientException", "Unable to describe task definition.")}, deniedJSON},
		{"AWS::KMS::Key", "1234abcd-12ab-34cd-56ef-1234567890ab", "kms:DescribeKey", ok(`{"KeyMetadata":{"KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","KeyState":"Enabled"}}`), "Enabled",
			[]reply{jsonError("NotFoundException", "Key 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist")}, deniedJSON},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", arnELB, "elasticloadbalancing:DescribeLoadBalancers",
			queryAnswer("DescribeLoadBalancers", "<LoadBalancers><member><LoadBalancerArn>"+arnELB+"</LoadBalancerArn><State><Code>active</Code></State></member></LoadBalancers>"), "active",
			[]reply{queryError(400, "LoadBalancerNotFound", "One or more load balancers not found")}, deniedQuery},
		{"AWS::ElasticLoadBalancingV2::TargetGroup", arnGroup, "elasticloadbalancing:DescribeTargetGroups",
			queryAnswer("DescribeTargetGroups", "<TargetGroups><member><TargetGroupArn>"+arnGroup+"</TargetGroupArn></member></TargetGroups>"), "",
			[]reply{queryError(400, "TargetGroupNotFound", "One or more target groups not found")}, deniedQuery},
		{"AWS::ElasticLoadBalancingV2::Listener", arnListener, "elasticloadbalancing:DescribeListeners",
			queryAnswer("DescribeListeners", "<Listeners><member><ListenerArn>"+arnListener+"</ListenerArn></member></Listeners>"), "",
			[]reply{queryError(400, "ListenerNotFound", "One or more listeners not found")}, deniedQuery},
		{"AWS::ElasticLoadBalancingV2::ListenerRule", arnRule, "elasticloadbalancing:DescribeRules",
			queryAnswer("DescribeRules", "<Rules><member><RuleArn>"+arnRule+"</RuleArn></member></Rules>"), "",
			[]reply{queryError(400, "RuleNotFound", "One or more rules not found"), queryError(400, "ListenerNotFound", "One or more listeners not found")}, deniedQuery},
		{"AWS::ApplicationAutoScaling::ScalableTarget", target, "application-autoscaling:DescribeScalableTargets",
			ok(`{"ScalableTargets":[{"ResourceId":"service/shop-prod-Cluster-1/shop-prod-Service-1","ScalableDimension":"ecs:service:DesiredCount","ServiceNamespace":"ecs"}]}`), "",
			[]reply{ok(`{"ScalableTargets":[]}`)}, deniedJSON},
		{"AWS::ApplicationAutoScaling::ScalingPolicy", arnScaling, "application-autoscaling:DescribeScalingPolicies",
			ok(`{"ScalingPolicies":[{"PolicyARN":"x"},{"PolicyARN":"` + arnScaling + `"}]}`), "", []reply{ok(`{"ScalingPolicies":[{"PolicyARN":"x"}]}`)}, deniedJSON},
		{"AWS::CertificateManager::Certificate", arnCert, "acm:DescribeCertificate", ok(`{"Certificate":{"CertificateArn":"` + arnCert + `","Status":"ISSUED"}}`), "ISSUED",
			[]reply{jsonError("ResourceNotFoundException", "Could not find certificate "+arnCert+".")}, deniedJSON},
		{"AWS::CloudWatch::Alarm", "shop-prod-Alarm-1", "monitoring:DescribeAlarms",
			queryAnswer("DescribeAlarms", "<MetricAlarms><member><AlarmName>shop-prod-Alarm-1</AlarmName><StateValue>OK</StateValue></member></MetricAlarms>"), "OK",
			[]reply{queryAnswer("DescribeAlarms", "<MetricAlarms/>")}, deniedQuery},
		{"AWS::CloudWatch::Dashboard", "shop-prod", "monitoring:GetDashboard", queryAnswer("GetDashboard", "<DashboardName>shop-prod</DashboardName>"), "",
			[]reply{queryError(404, "ResourceNotFound", "Dashboard shop-prod does not exist")}, deniedQuery},
		{"AWS::Route53::RecordSet", "Z1|shop.example.com", "route53:GET /2013-04-01/hostedzone/Z1/rrset", records("shop.example.com.", "A"), "",
			[]reply{records("", ""), records("shop.example.com.", "AAAA"), records("www.example.com.", "A"),
				queryError(404, "NoSuchHostedZone", "No hosted zone found with ID: Z1")}, deniedQuery},
		{"AWS::SNS::Topic", arnTopic, "sns:GetTopicAttributes", queryAnswer("GetTopicAttributes", "<Attributes/>"), "",
			[]reply{queryError(404, "NotFound", "Topic does not exist")}, queryError(403, "AuthorizationError", "not authorized")},
		{"AWS::SNS::Subscription", arnSub, "sns:GetSubscriptionAttributes",
			queryAnswer("GetSubscriptionAttributes", "<Attributes><entry><key>PendingConfirmation</key><value>false</value></entry></Attributes>"), "",
			[]reply{queryError(404, "NotFound", "Subscription does not exist")}, queryError(403, "AuthorizationError", "not authorized")},
		{"AWS::WAFv2::WebACL", "shop-prod|1a2b3c4d|REGIONAL", "wafv2:GetWebACL", ok(`{"WebACL":{"Name":"shop-prod"}}`), "",
			[]reply{jsonError("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation because your resource doesn’t exist.")}, deniedJSON},
		{"AWS::WAFv2::WebACLAssociation", arnELB + "|" + arnACL, "wafv2:GetWebACLForResource", ok(`{"WebACL":{"ARN":"` + arnACL + `"}}`), "",
			[]reply{ok(`{}`), ok(`{"WebACL":{"ARN":"arn:another"}}`),
				jsonError("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation because your resource doesn’t exist.")}, deniedJSON},
		ec2("AWS::EC2::FlowLog", "fl-1", "DescribeFlowLogs", "<flowLogSet><item><flowLogId>fl-1</flowLogId><flowLogStatus>ACTIVE</flowLogStatus></item></flowLogSet>", ""),
		ec2("AWS::EC2::VPC", "vpc-1", "DescribeVpcs", "<vpcSet><item><vpcId>vpc-1</vpcId><state>available</state></item></vpcSet>", "available"),
		ec2("AWS::EC2::Subnet", "subnet-1", "DescribeSubnets", "<subnetSet><item><subnetId>subnet-1</subnetId><state>available</state></item></subnetSet>", "available"),
		ec2("AWS::EC2::InternetGateway", "igw-1", "DescribeInternetGateways", "<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId></item></internetGatewaySet>", ""),
		ec2("AWS::EC2::VPCGatewayAttachment", "IGW|vpc-1", "DescribeInternetGateways",
			"<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>vpc-1</vpcId></item></attachmentSet></item></internetGatewaySet>", ""),
		ec2("AWS::EC2::RouteTable", "rtb-1", "DescribeRouteTables", "<routeTableSet><item><routeTableId>rtb-1</routeTableId></item></routeTableSet>", ""),
		ec2("AWS::EC2::Route", "rtb-1|0.0.0.0/0", "DescribeRouteTables",
			"<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock></item></routeSet></item></routeTableSet>", "",
			"<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet/></item></routeTableSet>"),
		ec2("AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-1", "DescribeRouteTables",
			"<routeTableSet><item><routeTableId>rtb-1</routeTableId><associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId></item></associationSet></item></routeTableSet>", ""),
		ec2("AWS::EC2::SecurityGroup", "sg-1", "DescribeSecurityGroups", "<securityGroupInfo><item><groupId>sg-1</groupId></item></securityGroupInfo>", ""),
		ec2("AWS::EC2::SecurityGroupIngress", "sgr-1", "DescribeSecurityGroupRules", "<securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId></item></securityGroupRuleSet>", ""),
		ec2("AWS::EC2::SecurityGroupEgress", "sgr-2", "DescribeSecurityGroupRules", "<securityGroupRuleSet><item><securityGroupRuleId>sgr-2</securityGroupRuleId></item></securityGroupRuleSet>", ""),
		ec2("AWS::EC2::EIP", "198.51.100.1", "DescribeAddresses", "<addressesSet><item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-1</allocationId></item></addressesSet>", ""),
		ec2("AWS::EC2::EIP", "198.51.100.1|eipalloc-1", "DescribeAddresses", "<addressesSet><item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-1</allocationId></item></addressesSet>", ""),
		ec2("AWS::EC2::NatGateway", "nat-1", "DescribeNatGateways", "<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>deleting</state></item></natGatewaySet>", "deleting",
			"<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>deleted</state></item></natGatewaySet>"),
		ec2("AWS::EC2::VPCEndpoint", "vpce-1", "DescribeVpcEndpoints", "<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><state>deleting</state></item></vpcEndpointSet>", "deleting",
			"<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><state>deleted</state></item></vpcEndpointSet>"),
	}
}

func (test typeTest) resource() residue.Resource {
	return residue.Resource{StackName: "shop-prod", LogicalID: "Thing", Type: test.typeName, PhysicalID: test.id}
}

// start answers the type's own call with the reply, and every other one with an error.
func (test typeTest) start(t *testing.T, answer reply) (*double, *residue.Checker) {
	return start(t, func(call, _ string) reply {
		if call != test.call {
			t.Errorf("called %s, want %s", call, test.call)
		}
		return answer
	})
}

func TestThere(t *testing.T) {
	for _, test := range typeTests() {
		t.Run(test.typeName, func(t *testing.T) {
			_, checker := test.start(t, test.there)
			left, pending, err := checker.Left(t.Context(), []residue.Resource{test.resource()})
			if err != nil || len(pending) != 0 || len(left) != 1 || left[0] != (residue.Finding{Resource: test.resource(), State: test.state}) {
				t.Errorf("left %+v, pending %+v, error %v", left, pending, err)
			}
		})
	}
}

func TestGone(t *testing.T) {
	for _, test := range typeTests() {
		for i, answer := range test.gone {
			t.Run(fmt.Sprintf("%s %d", test.typeName, i), func(t *testing.T) {
				_, checker := test.start(t, answer)
				left, pending, err := checker.Left(t.Context(), []residue.Resource{test.resource()})
				if err != nil || len(pending)+len(left) != 0 {
					t.Errorf("left %+v, pending %+v, error %v", left, pending, err)
				}
			})
		}
	}
}

func TestRefusalIsNeverGone(t *testing.T) {
	for _, test := range typeTests() {
		t.Run(test.typeName, func(t *testing.T) {
			_, checker := test.start(t, test.denied)
			_, _, err := checker.Left(t.Context(), []residue.Resource{test.resource()})
			service, _, _ := strings.Cut(strings.Replace(test.call, "monitoring:", "cloudwatch:", 1), ":") // CloudWatch signs with the one name and is allowed by the other
			if err == nil || !strings.Contains(err.Error(), test.resource().String()) || !strings.Contains(err.Error(), "("+service+":") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestServerErrorIsNeverGone(t *testing.T) {
	for _, test := range typeTests() {
		t.Run(test.typeName, func(t *testing.T) {
			double, checker := test.start(t, reply{503, ""})
			_, _, err := checker.Left(t.Context(), []residue.Resource{test.resource()})
			if err == nil || len(double.called) != 3 {
				t.Errorf("error %v after calls %v", err, double.called)
			}
		})
	}
}

// An answer with nothing in it is one that nothing is there, or an error; it is no crash.
func TestEmptyAnswerIsNoCrash(t *testing.T) {
	for _, test := range typeTests() {
		for _, body := range []string{"{}", "<Answer></Answer>"} {
			t.Run(test.typeName, func(t *testing.T) {
				_, checker := test.start(t, reply{200, body})
				left, pending, err := checker.Left(t.Context(), []residue.Resource{test.resource()})
				t.Logf("left %+v, pending %+v, error %v", left, pending, err)
			})
		}
	}
}

// Each type is either asked for in these tests, or declared part of another and tested as such.
func TestTypesAreTested(t *testing.T) {
	tested := []string{"AWS::S3::BucketPolicy", "AWS::IAM::Policy", "AWS::SNS::TopicPolicy"}
	for _, test := range typeTests() {
		tested = append(tested, test.typeName)
	}
	slices.Sort(tested)
	if got, want := residue.Types(), slices.Compact(tested); !slices.Equal(got, want) {
		t.Errorf("types %v\ntested %v", got, want)
	}
}
