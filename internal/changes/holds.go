package changes

import "strconv"

// holds is what is lost with a resource of a type that cannot be made again just so.
var holds = map[string]string{
	"AWS::CodeBuild::Project":                   "the builds' history",
	"AWS::CodeBuild::ReportGroup":               "the reports of the builds' tests",
	"AWS::CodePipeline::Pipeline":               "the executions' history",
	"AWS::EC2::EIP":                             "the public address, which others may have let in",
	"AWS::EC2::Subnet":                          "the addresses of everything in it",
	"AWS::EC2::VPC":                             "the network, and everything in it",
	"AWS::ECR::Repository":                      "the images",
	"AWS::ECS::Cluster":                         "the running tasks",
	"AWS::ECS::Service":                         "the running tasks",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "the name and addresses that users know, and a while without answer",
	"AWS::ElasticLoadBalancingV2::TargetGroup":  "the registration of the running tasks",
	"AWS::KMS::Key":                             "whatever it encrypts",
	"AWS::Logs::LogGroup":                       "the log lines",
	"AWS::S3::Bucket":                           "the objects",
	"AWS::SNS::Subscription":                    "the confirmation by its recipient",
	"AWS::SNS::Topic":                           "the subscriptions, which their recipients have to confirm again",
	"AWS::SecretsManager::Secret":               "the secret",
}

func index(i int) string { return strconv.Itoa(i) }

// lookup finds a value by keys and indices; nil where there is none.
func lookup(v any, steps []string) any {
	for _, step := range steps {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}
