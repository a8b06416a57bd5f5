"""Container images from the emulator's own registry, verified and unpacked into folders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_TIMEOUT = 30  # seconds for one answer of the registry
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
# Python 3.10.12 and 3.11.4 brought the filter argument; before that there is no default to overrule.
_FILTER: dict[str, Any] = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}


class NotFound(Exception):
    """No such image, or not in a form that can be run here."""


@dataclass(frozen=True)
class Reference:
    """host/repository[:tag][@digest], taken apart; version is the digest where there is one, else the tag."""

    host: str
    repository: str
    version: str

    @staticmethod
    def parse(text: str) -> Reference:
        host, _, rest = text.partition("/")
        if not rest or not ("." in host or ":" in host or host == "localhost"):
            host, rest = "", text
        rest, _, digest = rest.partition("@")
        repository, _, tag = rest.partition(":")
        return Reference(host, repository, digest or tag or "latest")


@dataclass(frozen=True)
class Image:
    """An unpacked image: its manifest's digest, its root folder, its configuration."""

    id: str
    root: str
    config: dict[str, Any]

    def tag(self, *_args: object, **_options: object) -> bool:
        """Accept the docker SDK's call; digests are what is run here."""
        return True


class Store:
    """Unpacks each image once, below one folder."""

    def __init__(self, registry: str, folder: str) -> None:
        self._registry = registry
        self._folder = folder
        self._lock = threading.Lock()
        self._unpacked: dict[str, Image] = {}

    def holds(self, reference: str) -> bool:
        """Whether a reference is to the engine's registry, by its own address or the one that AWS would have."""
        host = Reference.parse(reference).host
        return host == self._registry or host.endswith(".amazonaws.com")

    def digest(self, reference: str) -> str:
        """The digest that a reference stands for now."""
        ref = Reference.parse(reference)
        return _digest(self._manifest(ref, ref.version))

    def get(self, reference: str) -> Image:
        """The image, unpacked; NotFound says why it cannot be had."""
        ref = Reference.parse(reference)
        raw = self._manifest(ref, ref.version)
        digest = _digest(raw)
        if ref.version.startswith("sha256:") and ref.version != digest:
            raise NotFound(f"{reference}: the registry's content does not match the digest")
        with self._lock:
            if digest not in self._unpacked:
                self._unpacked[digest] = self._unpack(ref, digest, self._for_this_machine(ref, json.loads(raw)))
            return self._unpacked[digest]

    def _for_this_machine(self, ref: Reference, manifest: dict[str, Any]) -> dict[str, Any]:
        if "manifests" not in manifest:
            return manifest
        machine = platform.machine()
        wanted = _ARCHITECTURES.get(machine, machine)
        for entry in manifest["manifests"]:
            if (entry.get("platform") or {}).get("architecture") == wanted:
                return json.loads(self._manifest(ref, entry["digest"]))
        raise NotFound(f"{ref.repository}: the image has no variant for linux/{wanted}")

    def _unpack(self, ref: Reference, digest: str, manifest: dict[str, Any]) -> Image:
        config = json.loads(self._blob(ref, manifest["config"]["digest"]))
        root = os.path.join(self._folder, digest.removeprefix("sha256:")[:24])
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)
        for layer in manifest["layers"]:
            try:
                with tarfile.open(fileobj=io.BytesIO(self._blob(ref, layer["digest"]))) as archive:
                    for member in archive:
                        _extract(archive, member, root)
            except tarfile.ReadError as error:
                kind = layer.get("mediaType", "a layer")
                raise NotFound(f"{ref.repository}: cannot unpack {kind}: {error}") from error
        return Image(digest, root, config.get("config") or {})

    def _manifest(self, ref: Reference, version: str) -> bytes:
        return self._fetch(ref, f"manifests/{version}")

    def _blob(self, ref: Reference, digest: str) -> bytes:
        content = self._fetch(ref, f"blobs/{digest}")
        if _digest(content) != digest:
            raise NotFound(f"{ref.repository}: blob {digest} is corrupt")
        return content

    def _fetch(self, ref: Reference, path: str) -> bytes:
        # The registry tells accounts and Regions apart by the Host header.
        host = ref.host if ref.host.endswith(".amazonaws.com") else self._registry
        request = urllib.request.Request(
            f"http://{self._registry}/v2/{ref.repository}/{path}",
            headers={"Host": host, "Accept": _MANIFESTS},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=_TIMEOUT) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()[:200].decode(errors="replace")
            raise NotFound(f"{host}/{ref.repository}: {path}: {error.code} {text}") from None


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _inside(root: str, name: str) -> str:
    """The path of an archive's member, which no symbolic link of an earlier layer may lead out of root."""
    parent = os.path.realpath(os.path.join(root, os.path.dirname(name.lstrip("/"))))
    if parent != os.path.realpath(root) and not parent.startswith(os.path.realpath(root) + os.sep):
        raise NotFound(f"the image's member {name!r} points outside of it")
    return os.path.join(parent, os.path.basename(name))


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, root: str) -> None:
    """Unpack one member, obeying whiteouts (github.com/opencontainers/image-spec, layer.md)."""
    target = _inside(root, member.name)
    base = os.path.basename(member.name)
    if base == ".wh..wh..opq":
        for name in os.listdir(os.path.dirname(target)):
            _remove(os.path.join(os.path.dirname(target), name))
    elif base.startswith(".wh."):
        _remove(os.path.join(os.path.dirname(target), base.removeprefix(".wh.")))
    elif member.isdir() or member.isfile() or member.issym() or member.islnk():
        if member.islnk():
            _inside(root, member.linkname)
        if not member.isdir():
            _remove(target)
        archive.extract(member, root, **_FILTER)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
