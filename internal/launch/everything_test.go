package launch

import (
	"strings"
	"testing"
)

// everything asks for every type of resource that there is a template for.
const everything = `name: shop
service:
  secrets: {DB: "ssm:/shop/{environment}/db", KEY: "secretsmanager:shop-{environment}#key"}
  sidecars: [{name: proxy, image: "public.ecr.aws/nginx/nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]
  beforeDeploy: {command: [/web, migrate]}
  permissions: [{actions: ["s3:GetObject"], resources: ["arn:${AWS::Partition}:s3:::shop-data/*"]}]
environments:
  - name: test
    network: {nat: per-zone, flowLogs: true}
    entry: {internal: true, accessLogs: true}
    watch: {topic: "arn:aws:sns:us-east-1:123456789012:oncall"}
  - name: prod
    protected: true
    approval: true
    tasks:
      min: 2
      max: 6
      spot: 50
      scaleOnCPU: 60
      scaleOnMemory: 70
      scaleOnRequests: 1000
      schedule: [{at: cron(0 7 ? * MON-FRI *), timezone: Europe/Berlin, min: 3, max: 6}]
    network: {cidr: 10.1.0.0/16, zones: 3, nat: one, endpoints: true, flowLogs: true}
    entry: {domain: www.example.com, hostedZone: Z0123456789ABCDEFGHIJ, accessLogs: true, waf: true}
    watch: {email: oncall@example.com, insights: true}
security:
  boundary: arn:aws:iam::123456789012:policy/limit
  key: arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef
`

// Whatever there is a template for is launched, changed, destroyed and proven gone, by whoever has just the policies.
func TestEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, everything).trusting()
	b.mustDeploy(t, DeployOptions{})
	sets := len(b.double.CallsTo("CreateChangeSet"))
	b.asking(t, everything).trusting().mustDeploy(t, DeployOptions{Environments: []string{"test", "prod"}})
	if n := len(b.double.CallsTo("CreateChangeSet")) - sets; n != 0 {
		t.Errorf("the second run made %d change sets", n)
	}
	open := strings.Replace(everything, "protected: true", "protected: false", 1)
	b.asking(t, open).trusting().mustDeploy(t, DeployOptions{Environments: []string{"prod"}, KeepImage: true})
	b.asking(t, open).trusting().mustDestroy(t)
}
