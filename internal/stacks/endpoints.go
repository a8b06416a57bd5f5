package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/ec2"

	"slipway/internal/cfn"
	"slipway/internal/config"
)

type endpoint struct{ id, service string }

// addInterfaceEndpoints brings what a task needs of AWS into the private subnets.
func (n *network) addInterfaceEndpoints() {
	cidr := n.env.Network.CIDR.String()
	group := n.t.Add("EndpointSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Interface endpoints: HTTPS from inside the VPC",
		VpcId:            new(n.vpc.Ref()),
		SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{
			Description: new("HTTPS from inside the VPC"),
			CidrIp:      new(cidr), IpProtocol: "tcp", FromPort: new(443), ToPort: new(443),
		}},
		// Endpoints answer and begin nothing; without a rule of one's own a group lets everything out.
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("Inside the VPC only"),
			CidrIp:      new(cidr), IpProtocol: "tcp", FromPort: new(443), ToPort: new(443),
		}},
	})
	for _, e := range endpoints(n.cfg.Service) {
		n.t.Add(e.id, &ec2.VPCEndpoint{
			VpcId:             n.vpc.Ref(),
			VpcEndpointType:   new("Interface"),
			ServiceName:       cfn.Sub("com.amazonaws.${AWS::Region}." + e.service),
			PrivateDnsEnabled: new(true),
			SubnetIds:         n.private,
			SecurityGroupIds:  []string{group.Att("GroupId")},
		})
	}
}

// endpoints are those that Fargate needs to start a task (docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html),
// one for each store that secrets come from, and the one of ECS Exec
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html).
func endpoints(s config.Service) []endpoint {
	list := []endpoint{{"ECRAPIEndpoint", "ecr.api"}, {"ECRDockerEndpoint", "ecr.dkr"}, {"LogsEndpoint", "logs"}}
	if hasSecrets(s, config.SecretsManager) {
		list = append(list, endpoint{"SecretsManagerEndpoint", "secretsmanager"})
	}
	if hasSecrets(s, config.ParameterStore) {
		list = append(list, endpoint{"ParameterStoreEndpoint", "ssm"})
	}
	if s.Exec {
		list = append(list, endpoint{"ExecEndpoint", "ssmmessages"})
	}
	return list
}
