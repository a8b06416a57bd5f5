"""Resource types that the emulator's CloudFormation has not, through the emulator's own services where it has them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ministack.services import ec2, waf
from ministack.services.cloudformation import provisioners

import quotas
import scaling

Json = dict[str, Any]


def install() -> None:
    """Register the handlers of the added types."""
    for kind, (create, delete, replacing) in _TYPES.items():
        handlers: Json = {"create": create, "update": _in_place(create, replacing, delete), "delete": delete}
        provisioners._RESOURCE_HANDLERS[kind] = {**handlers, "update_with_logical_id": True}
        provisioners._REPLACING_PROPERTIES[kind] = replacing
    for kind in ("AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::FlowLog"):
        provisioners._STACK_TAG_PROPERTY[kind] = ("Tags", "list")
    scaling.install()
    quotas.install()


def _in_place(create: Callable[..., Any], replacing: tuple[str, ...], delete: Callable[..., Any]) -> Callable[..., Any]:
    """An update: tags in place; rules are taken away and given again under a new id; the rest replaces."""

    def update(physical_id: str, old: Json, new: Json, stack: str, logical_id: str) -> Any:
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        if changed == {"Tags"}:
            ec2._tags[_tagged(physical_id)] = list(new.get("Tags") or [])
            return physical_id, {}
        made = create(logical_id, new, stack)
        provisioners._delete_predecessor(delete, physical_id, old)
        return made

    return update


def _tagged(physical_id: str) -> str:
    """The id that an address is tagged by; its physical id is the address itself."""
    found = (key for key, address in ec2._addresses.items() if address["PublicIp"] == physical_id)
    return next(found, physical_id)


def _call(action: Callable[[Json], Any], params: Json, name: str) -> str:
    """Call one of the emulator's EC2 actions; the value of the element of that name in its answer."""
    status, _headers, body = action({key: [str(value)] for key, value in params.items() if value is not None})
    text = body.decode() if isinstance(body, bytes) else body
    if status >= 400:
        code, message = re.search(r"<Code>(.*?)</Code>", text), re.search(r"<Message>(.*?)</Message>", text)
        raise ValueError(f"{message[1] if message else text} (Service: Ec2, Error Code: {code[1] if code else status})")
    found = re.search(f"<{name}>(.*?)</{name}>", text)
    return found[1] if found else ""


def _create_address(_logical_id: str, props: Json, _stack: str) -> Any:
    allocation = _call(ec2._allocate_address, {"Domain": props.get("Domain", "vpc")}, "allocationId")
    ec2._tags[allocation] = list(props.get("Tags") or [])
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(physical_id: str, _props: Json) -> None:
    allocation = _tagged(physical_id)
    if allocation in ec2._addresses:
        _call(ec2._release_address, {"AllocationId": allocation}, "return")


def _create_nat(_logical_id: str, props: Json, _stack: str) -> Any:
    params = {key: props.get(key) for key in ("SubnetId", "AllocationId", "ConnectivityType")}
    nat = _call(ec2._create_nat_gateway, params, "natGatewayId")
    ec2._tags[nat] = list(props.get("Tags") or [])
    return nat, {"NatGatewayId": nat}


def _delete_nat(physical_id: str, _props: Json) -> None:
    if physical_id in ec2._nat_gateways:
        _call(ec2._delete_nat_gateway, {"NatGatewayId": physical_id}, "natGatewayId")


def _create_flow_log(_logical_id: str, props: Json, _stack: str) -> Any:
    names = ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName")
    params = {"ResourceId.1": props["ResourceId"], **{name: props.get(name) for name in names}}
    log = _call(ec2._create_flow_logs, params, "item")
    ec2._tags[log] = list(props.get("Tags") or [])
    return log, {"Id": log}


def _delete_flow_log(physical_id: str, _props: Json) -> None:
    if physical_id in ec2._flow_logs:
        _call(ec2._delete_flow_logs, {"FlowLogId.1": physical_id}, "return")


def _associate(_logical_id: str, props: Json, _stack: str) -> Any:
    status, _headers, body = waf._associate_web_acl(props)
    if status >= 400:
        raise ValueError(f"{json.loads(body).get('message')} (Service: Wafv2, Status Code: {status})")
    return f"{props['ResourceArn']}|{props['WebACLArn']}", {}


def _disassociate(physical_id: str, _props: Json) -> None:
    waf._disassociate_web_acl({"ResourceArn": physical_id.partition("|")[0]})


def _rule_params(props: Json) -> Json:
    """A rule's properties as the parameters of the EC2 action."""
    first = "IpPermissions.1."
    other = props.get("SourceSecurityGroupId") or props.get("DestinationSecurityGroupId")
    prefixes = props.get("SourcePrefixListId") or props.get("DestinationPrefixListId")
    params = {
        "GroupId": props.get("GroupId"),
        first + "IpProtocol": props.get("IpProtocol"),
        first + "FromPort": props.get("FromPort"),
        first + "ToPort": props.get("ToPort"),
    }
    peers = (("IpRanges", "CidrIp", props.get("CidrIp")), ("Ipv6Ranges", "CidrIpv6", props.get("CidrIpv6")))
    for table, key, value in (*peers, ("Groups", "GroupId", other), ("PrefixListIds", "PrefixListId", prefixes)):
        if value:
            params[f"{first}{table}.1.{key}"] = value
            params[f"{first}{table}.1.Description"] = props.get("Description")
    return params


def _rule(authorize: Callable[..., Any], revoke: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def create(_logical_id: str, props: Json, _stack: str) -> Any:
        rule = _call(authorize, _rule_params(props), "securityGroupRuleId")
        return rule, {"Id": rule}

    def delete(physical_id: str, props: Json) -> None:
        if props.get("GroupId") in ec2._security_groups:
            _call(revoke, {"GroupId": props["GroupId"], "SecurityGroupRuleId.1": physical_id}, "return")

    return create, delete


_RULE = ("CidrIp", "CidrIpv6", "FromPort", "GroupId", "IpProtocol", "ToPort")

# How each type is created and deleted, and which of its properties need a replacement
# (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference, "Update requires").
_TYPES: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...]]] = {
    "AWS::EC2::EIP": (_create_address, _delete_address, ("Domain", "NetworkBorderGroup")),
    "AWS::EC2::NatGateway": (_create_nat, _delete_nat, ("AllocationId", "ConnectivityType", "SubnetId")),
    "AWS::EC2::FlowLog": (
        _create_flow_log,
        _delete_flow_log,
        ("LogDestination", "LogDestinationType", "LogGroupName", "ResourceId", "ResourceType", "TrafficType"),
    ),
    "AWS::WAFv2::WebACLAssociation": (_associate, _disassociate, ("ResourceArn", "WebACLArn")),
    "AWS::EC2::SecurityGroupIngress": (
        *_rule(ec2._authorize_sg_ingress, ec2._revoke_sg_ingress),
        (*_RULE, "SourceSecurityGroupId", "SourcePrefixListId"),
    ),
    "AWS::EC2::SecurityGroupEgress": (
        *_rule(ec2._authorize_sg_egress, ec2._revoke_sg_egress),
        (*_RULE, "DestinationSecurityGroupId", "DestinationPrefixListId"),
    ),
}
