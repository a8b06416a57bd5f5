"""Writes internal/regions/regions.json: which resource types of slipway are missing in which Region.

The lists are cfn-lint's own, of the version that scripts/tools/requirements.lock pins; where AWS's documents know of
fewer Regions than those lists, the documents win (DOCUMENTED). Run it after a new cfn-lint or with a new resource type:

    .slipway/tools/venv/bin/python scripts/dev/regions.py

With --check it compares instead, and fails on a difference. ./scripts/test.sh templates does so.
"""

import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "internal" / "regions" / "regions.json"

# Every type that a template of slipway may hold. A test of internal/stacks names those that are missing here.
TYPES = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CertificateManager::Certificate",
    "AWS::CloudFormation::Stack",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeBuild::Project",
    "AWS::CodeBuild::ReportGroup",
    "AWS::CodePipeline::Pipeline",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ECR::Repository",
    "AWS::ECS::Cluster",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::ResourcePolicy",
    "AWS::Route53::RecordSet",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
]

# The only Regions of a type, as AWS's documents have them: its CloudFormation type is listed in more. Read 2026-11-22.
DOCUMENTED = {
    "AWS::CodePipeline::Pipeline": {
        "source": "docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
        "regions": """
            af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
            ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ca-central-1 eu-central-1
            eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1
            me-south-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2""",
    },
    # A service of slipway's always runs on Fargate.
    "AWS::ECS::Service": {
        "source": "docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html",
        "regions": """
            af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
            ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 cn-north-1
            cn-northwest-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3
            il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1
            us-west-1 us-west-2""",
    },
}

# The ids of the only zones with Fargate, in Regions where not all have it (the same page as for the service).
FARGATE_ZONES = {
    "ap-northeast-1": ["apne1-az1", "apne1-az2", "apne1-az4"],
    "cn-north-1": ["cnn1-az1", "cnn1-az2"],
    "us-west-1": ["usw1-az1", "usw1-az3"],
}


def table() -> dict:
    schemas = files("cfnlint") / "data" / "schemas"
    listed = {}
    for file in (schemas / "providers").iterdir():
        if file.name.endswith(".json") and file.name != "sam.json":  # not a Region but a transform
            listed[file.name.removesuffix(".json")] = set(json.loads(file.read_text()))
    regions = sorted(listed)
    without = {}
    for kind in TYPES:
        documented = DOCUMENTED.get(kind, {}).get("regions", " ".join(regions)).split()
        without[kind] = [region for region in regions if kind not in listed[region] or region not in documented]
        if without[kind] == regions:
            sys.exit(f"{kind} is in no Region: is it a resource type?")
    schema_date = json.loads((schemas / "version.json").read_text())["schema_date"][:10]
    return {
        "made": "by scripts/dev/regions.py; do not edit",
        "source": f"cfn-lint {version('cfn-lint')}, schemas of {schema_date}",
        "documented": {kind: entry["source"] + ", read 2026-11-22" for kind, entry in DOCUMENTED.items()},
        "regions": regions,
        "without": without,
        "fargateZones": FARGATE_ZONES,
    }


def text(content: dict) -> str:
    """JSON with one line for each type, so that a change shows as one."""
    lines = ["{"]
    for name, value in content.items():
        lines.append(f"  {json.dumps(name)}: " + ("{" if isinstance(value, dict) else json.dumps(value) + ","))
        if isinstance(value, dict):
            lines += [f"    {json.dumps(key)}: {json.dumps(item)}," for key, item in value.items()]
            lines[-1] = lines[-1].removesuffix(",")
            lines.append("  },")
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([*lines, "}", ""])


def main() -> None:
    made = text(table())
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(made)
    elif TABLE.read_text() != made:
        sys.exit(f"{TABLE} is not what cfn-lint's lists say: run scripts/dev/regions.py")


if __name__ == "__main__":
    main()
