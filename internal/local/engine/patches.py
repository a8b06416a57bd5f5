"""The one table of what we mend in the emulator. `python engine.py --differences` prints it for users."""

from __future__ import annotations

import cloudformation as cfn
import rights
import scanning
import services
import tasksecrets
from patch import Patch

_AWS = "https://docs.aws.amazon.com/"
_CFN = _AWS + "AWSCloudFormation/latest/UserGuide/"
_RESOURCE = _AWS + "AWSCloudFormation/latest/TemplateReference/"
_ECS = _AWS + "AmazonECS/latest/developerguide/"
_ELB = _AWS + "elasticloadbalancing/latest/"

_PROVISIONERS = "services.cloudformation.provisioners:"
_STACKS = "services.cloudformation.stacks:"
_HANDLERS = "services.cloudformation.handlers:"


def _handler(kind: str, operation: str, function: str) -> tuple[str, str]:
    """The two places of a resource handler: the table, and its name, by which other handlers call it."""
    return f"{_PROVISIONERS}_RESOURCE_HANDLERS[{kind}][{operation}]", _PROVISIONERS + function


def table(service: services.Services) -> tuple[Patch, ...]:
    """All patches, with service giving those that need running checks and balancers."""
    return (*_ecs(service), *_balancers(service), *_stacks(), *_attributes(), *_rights(), *_registry())


def _ecs(service: services.Services) -> tuple[Patch, ...]:
    return (
        Patch(
            places=("services.ecs:_make_deployment",),
            sha256="5660a8c0ef36de2e92c1fd8fab3ff554394ba0985cca409f0906561fdbd5ff9b",
            fault="The first deployment of a service counts as completed at once: its circuit breaker never applies.",
            right="A deployment starts in progress and completes in a steady state.",
            source=_ECS + "deployment-circuit-breaker.html",
            wrap=service.in_progress,
        ),
        Patch(
            places=("services.ecs:_record_service_task_healthy",),
            sha256="ab75f8df0ba50f61c75c36ed1c659f42147bbc601328d35232ec82491b03f127",
            fault="A task counts as healthy as soon as its container runs.",
            right="A task counts when its targets are healthy; one that fails its health checks is replaced, and "
            "counts as a failure for the circuit breaker.",
            source=_ECS + "service-load-balancing.html",
            wrap=service.once_healthy,
        ),
        Patch(
            places=("services.ecs:_mark_task_stopped",),
            sha256="09bac9c1c8d02496b8b7b401a2431308a6d2ffe93ea4dcdcb3e7fe58cac1acc4",
            fault="A task that the service's scheduler stops counts as stopped by a user.",
            right="It is stopped by the scheduler, in a scaling activity of the deployment that it makes room for.",
            source=_ECS + "stopped-task-error-codes.html",
            wrap=services.scheduled,
        ),
        Patch(
            places=("services.ecs:_complete_service_deployment",),
            sha256="4472ae6823d0709f9933b39285b67d5b5e2085f9a7b814955189593e4a539df7",
            fault="A deployment that failed stays listed for ever, so that the waiter for stable services never ends.",
            right="A service that has rolled back lists one deployment.",
            source=_ECS + "deployment-circuit-breaker.html",
            wrap=service.without_failed,
        ),
        Patch(
            places=("services.ecs:_remove_docker_container",),
            sha256="209837990b2f6cbeb84ccf93c1c80925aebf5a5b3788f9b505e4f134206d5edf",
            fault="A container is stopped at once, with five seconds of grace, whatever requests its task has in hand.",
            right="The target is deregistered, requests in hand are answered, then come SIGTERM and, after "
            "stopTimeout, SIGKILL. (Here the deregistration delay ends as soon as nothing is in hand.)",
            source=_ECS + "task-lifecycle-explanation.html",
            wrap=service.drained,
        ),
        Patch(
            places=("services.ecs:_cleanup_task_resources",),
            sha256="077c78a7702ae82d95fd4e44dcd0a00e10ff2d6d9a546833dbe6972e885af4c5",
            fault="The container of a task that ended by itself stays for up to two minutes.",
            right="A stopped task has no containers.",
            source=_ECS + "task-lifecycle-explanation.html",
            wrap=service.with_client,
        ),
        Patch(
            places=("services.ecs:_resolve_container_secrets",),
            sha256="7646fdec34d8c12049d88c410a0f76f91cbc68237cded3bf9477c69ff30eb6e6",
            fault="An encrypted parameter arrives encrypted, and a secret whose name begins like the one that is meant "
            "is taken for it.",
            right="A task has the value of just that parameter or secret, or stops with the reason. (Here a place is "
            "looked up in .slipway/local/secrets.yaml first.)",
            source=_ECS + "specifying-sensitive-data.html",
            wrap=tasksecrets.resolved,
        ),
        Patch(
            places=_handler("AWS::ECS::Service", "create", "_ecs_service_create"),
            sha256="75dfd177d75c88d72290676ff6bcf8c4eaaf1d0e4d78dbcd36e968c540be0677",
            fault="CloudFormation does not wait for a service, fails on a count given by a Number parameter, and "
            "leaves a service behind whose creation fails.",
            right="CREATE_COMPLETE comes when the service is stable; what fails is deleted by the rollback.",
            source=_RESOURCE + "aws-resource-ecs-service.html",
            wrap=service.create_and_wait,
        ),
        Patch(
            places=_handler("AWS::ECS::Service", "update", "_ecs_service_update"),
            sha256="f77a6d52cf172780e3c8f4fe8d764fb7e0bb66522c929b1b9fa77918777d9bbf",
            fault="CloudFormation does not wait for a service's deployment: a broken image is UPDATE_COMPLETE.",
            right="UPDATE_COMPLETE comes when the deployment is stable; a failed one rolls the stack back.",
            source=_RESOURCE + "aws-resource-ecs-service.html",
            wrap=service.update_and_wait,
        ),
        Patch(
            places=_handler("AWS::ECS::Service", "delete", "_ecs_service_delete"),
            sha256="d322e4aa0f4cd1bc5df8d9e3e3df26f6774e95f83c0b5aecd96239b23af37e7c",
            fault="A service is gone before its containers are.",
            right="DELETE_COMPLETE comes when the service has drained.",
            source=_AWS + "AmazonECS/latest/APIReference/API_DeleteService.html",
            wrap=service.delete_and_wait,
        ),
        Patch(
            places=(_STACKS + "_runs_on_worker_thread",),
            sha256="23955511141f848108bb907711e115b38cd8e0822f19af3b62bf9b9b1c7a50d9",
            fault="Handlers of services run where they must not wait.",
            right="Operations of different stacks do not hold each other up.",
            source=_CFN + "cloudformation-overview.html",
            wrap=services.blocking,
        ),
        Patch(
            places=(_STACKS + "_sends_back_failed_update",),
            sha256="33bf2b1cccbaa678c5e44d4e7a7e4073859e7a1afea8c271de478f726391874c",
            fault="A service whose update failed is not given its previous properties again.",
            right="The rollback of an update restores every resource's last working state.",
            source=_CFN + "using-cfn-updating-stacks-continueupdaterollback.html",
            wrap=services.sent_back,
        ),
        Patch(
            places=_handler("AWS::ECS::TaskDefinition", "create", "_ecs_task_def_create"),
            sha256="a5b3d83f890ce257c3719d74e9e630a253e62564cde0205cc15ee04146d13173",
            fault="Members of nested properties of container definitions keep CloudFormation's spelling, so that "
            "DescribeTaskDefinition leaves them out.",
            right="The API spells all of them in lower camel case.",
            source=_AWS + "AmazonECS/latest/APIReference/API_ContainerDefinition.html",
            wrap=cfn.task_definition,
        ),
    )


def _balancers(service: services.Services) -> tuple[Patch, ...]:
    listening = cfn.listening(service.balancers.open)
    return (
        Patch(
            places=("services.alb:_ACTION_MAP[DescribeTargetHealth]",),
            sha256="d848e8a26fcb92985c323a24d160a86134330ad7895ee04b7c294ababa3aaef3",
            fault="Every registered target is called healthy, and gets traffic before it listens.",
            right="Targets are checked. (Here every quarter of a second; a starting target has 2 seconds to "
            "answer with the right status, 8 to answer at all.)",
            source=_ELB + "application/target-group-health-checks.html",
            wrap=service.checker.describe,
        ),
        Patch(
            places=_handler("AWS::ElasticLoadBalancingV2::LoadBalancer", "create", "_elbv2_load_balancer_create"),
            sha256="2a2822d7d5941d3858f7fca9cd837c8a15ba3adedca31fee159e3d3993178c31",
            fault="A load balancer's DNS name does not resolve.",
            right="http://${DNSName} and https://${DNSName} reach the load balancer. (Here the name is localhost:PORT, "
            "which stands for the listeners of the lowest port for HTTP and HTTPS.)",
            source=_RESOURCE + "aws-resource-elasticloadbalancingv2-loadbalancer.html",
            wrap=listening,
        ),
        Patch(
            places=_handler("AWS::ElasticLoadBalancingV2::LoadBalancer", "delete", "_elbv2_load_balancer_delete"),
            sha256="b96eac395cf4ce893b453fc4444453e41b03f99462f52762718473beee296893",
            fault="(The other half of the above.)",
            right="A deleted load balancer does not answer.",
            source=_RESOURCE + "aws-resource-elasticloadbalancingv2-loadbalancer.html",
            wrap=cfn.silent(service.balancers.close),
        ),
        *(
            Patch(
                places=_handler(
                    "AWS::ElasticLoadBalancingV2::ListenerRule", operation, f"_elbv2_listener_rule_{operation}"
                ),
                sha256=sha256,
                fault=f"The {operation} of a listener rule does not make its target group one of the balancer's.",
                right="DescribeTargetGroups names the balancers that forward to a group.",
                source=_ELB + "APIReference/API_TargetGroup.html",
                wrap=cfn.rule_on_group,
            )
            for operation, sha256 in (
                ("create", "86a2e34f17472eb9bd4f1c12ec5a4e0dd241598265a8ccc3f22d32249fb812a7"),
                ("update", "842ee8c985fa8ae5c7a8b1de91b1f38cc83e3aab8e32a581d32cd67d79f18431"),
            )
        ),
    )


def _stacks() -> tuple[Patch, ...]:
    nested = "AWS::CloudFormation::Stack"
    nested_source = _CFN + "using-cfn-nested-stacks.html"
    return (
        Patch(
            places=_handler(nested, "create", "_cfn_nested_stack_create"),
            sha256="195e0ad092991c59357d402ccc964f97fa11bd454081215deea4bc10a446811d",
            fault="A nested stack whose creation fails stays for ever with all it made; its id is not seen before it "
            "is complete; ParentId and RootId are missing.",
            right="The rollback of the parent deletes it; its id comes with the first event.",
            source=nested_source,
            wrap=cfn.create_nested,
        ),
        Patch(
            places=_handler(nested, "update", "_cfn_nested_stack_update"),
            sha256="4301566541384dde469870b23d2167795063198af3b7cf30bab9507926f0c30e",
            fault="The update of a nested stack loses the attributes of its unchanged resources, disregards "
            "UpdateReplacePolicy, and calls a rollback UPDATE_COMPLETE.",
            right="A nested stack is updated and rolled back as any stack.",
            source=nested_source,
            wrap=cfn.update_nested,
        ),
        Patch(
            places=_handler(nested, "delete", "_cfn_nested_stack_delete"),
            sha256="7770365b9f05fecbcecfb64e194124163e53554dd6e5d3d60fc42f6275b78666",
            fault="The deletion of a nested stack disregards DeletionPolicy, makes no events and hides failures.",
            right="A nested stack is deleted as any stack; if it cannot be, its parent is DELETE_FAILED.",
            source=nested_source,
            wrap=cfn.delete_nested,
        ),
        Patch(
            places=(_STACKS + "_roll_back_operation",),
            sha256="3464033d8f285fe36d6a0aa936dc91dd32e7936dda0d12217c31651afed0d607",
            fault="A resource whose creation fails half-way is left behind by the rollback, whose first event does not "
            "say what failed.",
            right="The rollback deletes whatever was made; its event names the resource.",
            source=_CFN + "stack-failure-options.html",
            wrap=cfn.with_half_made,
        ),
        Patch(
            places=(_PROVISIONERS + "_update_resource", _STACKS + "_update_resource"),
            sha256="21b9b1207f59a864b54bf49fa9859887d593490605e31eaf896e00a3d223dfd2",
            fault="An updated resource loses the attributes that its update handler does not return.",
            right="Fn::GetAtt works after an update as before.",
            source=_CFN + "using-cfn-updating-stacks.html",
            wrap=cfn.keep_attributes,
        ),
        Patch(
            places=(_HANDLERS + "_capabilities_enforced",),
            sha256="1e9f8980819321c19d17608591193c5931b94a6c51fb1ca80edf7b4a85d5acfe",
            fault="Templates with roles are taken without CAPABILITY_IAM.",
            right="They are refused with InsufficientCapabilities.",
            source=_CFN + "control-access-with-iam.html",
            wrap=cfn.always_enforced,
        ),
        Patch(
            places=(_HANDLERS + "_ACTION_HANDLERS[CreateChangeSet]",),
            sha256="06b31550065c78d58523bdd020e0bdd909cdfa02524ae4080bd37ff35b0cad7a",
            fault="The role given to a change set is forgotten.",
            right="DescribeStacks gives RoleARN, the role of the last operation.",
            source=_AWS + "AWSCloudFormation/latest/APIReference/API_Stack.html",
            wrap=cfn.remember_role,
        ),
        Patch(
            places=(_HANDLERS + "_ACTION_HANDLERS[ExecuteChangeSet]",),
            sha256="a4df5e5031d268f1d30c00921d684456f332d00c8b46bbb8b56efe747a0cc9ce",
            fault="(The other half of the above; and a retry with the token of the first time is refused.)",
            right="A stack keeps the role it was last changed with, and such a retry is answered as the first try was.",
            source=_AWS + "AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html",
            wrap=cfn.use_role,
        ),
        Patch(
            places=(_HANDLERS + "_ACTION_HANDLERS[DescribeStacks]",),
            sha256="e52b86a4104e115c45ae5932a3921657ae33589c3e0c64616c5baaacfb7c7c09",
            fault="DescribeStacks leaves out ParentId, RootId and RoleARN.",
            right="It gives them.",
            source=_AWS + "AWSCloudFormation/latest/APIReference/API_Stack.html",
            wrap=cfn.with_parents,
        ),
        Patch(
            places=("services.cloudformation.helpers:_resolve_document",),
            sha256="9ad9addb675b10cf3aa062cee7489e3133f181bb9086ad2763cd2fce7a3acd6a",
            fault="A template's URL must name the bucket in its path.",
            right="`https://BUCKET.s3.REGION.amazonaws.com/KEY` is the usual form.",
            source=_AWS + "AmazonS3/latest/userguide/VirtualHosting.html",
            wrap=cfn.any_style_of_url,
        ),
        Patch(
            places=_handler("AWS::S3::Bucket", "delete", "_s3_delete"),
            sha256="52bcaf59bd5bbc393353e495d872219a18409954c47cef8806499b3fdc63b11d",
            fault="A bucket that is not empty is deleted silently.",
            right="Its deletion fails.",
            source=_RESOURCE + "aws-resource-s3-bucket.html",
            wrap=cfn.refuse_non_empty,
        ),
        Patch(
            places=_handler("AWS::Logs::LogGroup", "create", "_cwlogs_create"),
            sha256="6e18ae6e4373ba0e5035a85597e261ab0bd8e4491f73600feacb9a83c3025b09",
            fault="A log group without a name is called /aws/cloudformation/STACK/LOGICAL-ID.",
            right="It is called STACK-LOGICAL-ID-RANDOM, and policies are for that name.",
            source=_RESOURCE + "aws-resource-logs-loggroup.html",
            wrap=cfn.named_log_group,
        ),
        Patch(
            places=_handler("AWS::Logs::LogGroup", "update", "_cwlogs_update"),
            sha256="0c65d3a8ddea45c280677b191a1023e0beba923cb78eb9068dde5b42fb64780c",
            fault="An updated log group without a name loses the one that it was given.",
            right="It keeps that.",
            source=_RESOURCE + "aws-resource-logs-loggroup.html",
            wrap=cfn.same_log_group,
        ),
        Patch(
            places=(_PROVISIONERS + "_cw_metric_alarm_record",),
            sha256="4565fcede1ebf266b93fd427e72d1606f3de10bea9993e680a1ef4d03485aada",
            fault="An alarm on an expression of several metrics is refused.",
            right="Metrics takes the place of MetricName.",
            source=_RESOURCE + "aws-resource-cloudwatch-alarm.html",
            wrap=cfn.metric_math,
        ),
    )


def _attributes() -> tuple[Patch, ...]:
    """Attributes that Fn::GetAtt should find."""
    missing = (
        (
            "AWS::EC2::VPC",
            "_ec2_vpc_create",
            cfn.vpc_attributes,
            "ec2-vpc",
            "CidrBlock",
            "4920746a78254f7a02b5f2c606992542084adbcae6b48da60063ebcf4b7e46f1",
        ),
        (
            "AWS::EC2::Subnet",
            "_ec2_subnet_create",
            cfn.subnet_attributes,
            "ec2-subnet",
            "CidrBlock and VpcId",
            "626e1b1e5d2ac16ce1c724cbc7b42df200a79554e660b282888675f8f757d346",
        ),
        (
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            "_elbv2_target_group_create",
            cfn.target_group_attributes,
            "elasticloadbalancingv2-targetgroup",
            "LoadBalancerArns, and the prefix targetgroup/ of TargetGroupFullName",
            "34b1fcad9c9ad8a953c35ca3189d5edaecbf9bea50ba76e3b89119de88e5dabf",
        ),
    )
    return tuple(
        Patch(
            places=_handler(kind, "create", function),
            sha256=sha256,
            fault=f"Fn::GetAtt on {kind} lacks {names}.",
            right="It gives them.",
            source=f"{_RESOURCE}aws-resource-{page}.html",
            wrap=cfn.with_attributes(find),
        )
        for kind, function, find, page, names, sha256 in missing
    )


def _rights() -> tuple[Patch, ...]:
    """Where callers are held to their policies."""
    reference = _AWS + "service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"
    return (
        Patch(
            places=("core.iam_actions:extract_resource_arn",),
            sha256="82f51700695c62fdca72583e1c264cc146fc22d5aa0a5faebabc3aa0a798f2e9",
            fault="Policies are asked for one resource of a request, and for some services not for the one that AWS "
            "asks for.",
            right="Every resource is asked for, as the service authorization reference names it.",
            source=reference,
            wrap=rights.resources,
        ),
        Patch(
            places=("core.iam_actions:request_tag_context",),
            sha256="d46adb816e024778849a7919c64f0d53773c5b181cc759ce69db89215ce77154",
            fault="Condition keys of the services are not there.",
            right="They are. (Here those of CloudFormation, ECS and IAM that slipway's policies use.)",
            source=reference,
            wrap=rights.keys,
        ),
        Patch(
            places=("core.iam_actions:_s3_object_context",),
            sha256="3a43e6ca9f518e9a2a272eff2b6c246ab770f4b8a9cd029f5a05809d56c8821b",
            fault="The condition keys of conditional writes are not there.",
            right="A bucket's policy can ask for If-None-Match.",
            source=_AWS + "AmazonS3/latest/userguide/conditional-writes-enforce.html",
            wrap=rights.conditional_writes,
        ),
        Patch(
            places=("core.iam_evaluator:enforce",),
            sha256="cf64b1ee5b099c8f705e919a43bd7b354e4772f150edb89f8218c930b8550c8c",
            fault="Whoever may call a service may give it any role.",
            right="Passing a role needs iam:PassRole on it, tagging a new stack cloudformation:TagResource.",
            source=_AWS + "IAM/latest/UserGuide/id_roles_use_passrole.html",
            wrap=rights.every,
        ),
        Patch(
            places=("core.iam_evaluator:pin_request_origin", "app:pin_request_origin"),
            sha256="de819c1bd9ac2be4b8dd3c7a66d2c3c690fe74d95b4d42519ec581ac9ebf3b36",
            fault="A request over HTTP fails where a policy asks for TLS.",
            right="AWS is called over TLS. (Here too it counts as that: the engine is on loopback.)",
            source=_AWS + "AmazonS3/latest/userguide/example-bucket-policies.html",
            wrap=rights.as_if_over_tls,
        ),
        Patch(
            places=("services.iam:_create_service_linked_role", "services.iam:_IAM_HANDLERS[CreateServiceLinkedRole]"),
            sha256="91eea53d4cecd201933465092f6815e149af1d60af585d35f3581297e247eeb1",
            fault="The role that is linked to a service has another name than on AWS.",
            right="It is found by its name, as AWSServiceRoleForECS.",
            source=_AWS + "AmazonECS/latest/developerguide/using-service-linked-roles.html",
            wrap=rights.linked_role,
        ),
    )


def _registry() -> tuple[Patch, ...]:
    return (
        Patch(
            places=("services.ecr:handle_request",),
            sha256="492f992e404de463b7dd89396a1f6a452dcd424e0c7a05a39c65ec814d778e91",
            fault="Nobody can ask for the scan of an image.",
            right="The registry says what its scan has found, or that it cannot scan it. (Here it can scan none.)",
            source=_AWS + "AmazonECR/latest/userguide/image-scanning.html",
            wrap=scanning.answering,
        ),
    )
