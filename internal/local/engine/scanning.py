"""What the registry says of its scan of an image, which the emulator's registry is not asked for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Response]]

ACTION = "DescribeImageScanFindings"


def answering(original: Handler) -> Handler:
    """The service's entry with one action more."""

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Response:
        if headers.get("x-amz-target", "").endswith("." + ACTION):
            return _findings(json.loads(body))
        return await original(method, path, headers, body, query)

    return handle


def _findings(request: dict[str, Any]) -> Response:
    """Nothing scans images here, so that every one is as one that AWS cannot scan."""
    name, image = request["repositoryName"], request["imageId"]
    if name not in ecr._repositories:
        message = f"The repository with name '{name}' does not exist"
        return error_response_json("RepositoryNotFoundException", message, 400)
    found = ecr._find_image(name, image)
    if found is None:
        message = f"The image with imageId {image} does not exist within the repository with name '{name}'"
        return error_response_json("ImageNotFoundException", message, 400)
    return json_response(
        {
            "registryId": ecr._registry_id(),
            "repositoryName": name,
            "imageId": {"imageDigest": found["imageDigest"]},
            "imageScanStatus": {"status": "UNSUPPORTED_IMAGE", "description": "the local engine scans no images"},
        }
    )
