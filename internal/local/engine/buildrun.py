"""What one build needs on this machine: its source, its environment, its shell, its artifacts.

Builds run unsandboxed as the user who started the engine, but see neither the user's home nor AWS credentials.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import selectors
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ministack.services import s3, secretsmanager, ssm

from buildspec import BuildError

# What a build may see of the engine's own environment. The manager gives the engine Go's settings as `go env` tells
# them: the build's own home has neither caches nor settings, and with the user's caches a build takes seconds.
INHERITED = (
    "PATH",
    "LANG",
    "DOCKER_HOST",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
    "GOCACHE",
    "GOMODCACHE",
    "GOPATH",
    "GOPROXY",
    "GOFLAGS",
    "GOSUMDB",
    "GONOSUMDB",
    "GONOPROXY",
    "GOPRIVATE",
    "GOTOOLCHAIN",
    "GOVULNDB",
    "SLIPWAY_TOOLS",
)

# The daemon of builds where tasks are processes: an image that Docker built of any Dockerfile need not run as one.
NO_DOCKER = "unix:///nonexistent/docker.sock"

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# One shell runs all of a build's commands ("runs all build commands in the same instance of the default shell",
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions), and yet `exit`
# ends one command only: each runs in a bash of its own that takes over variables, functions, options and directory.
PRELUDE = """. {state} 2>/dev/null
trap 'set -- $?; {{ declare -p; declare -f; shopt -p; printf "cd %q\\n" "$PWD"; set +o; }} >|{state}.new 2>/dev/null
mv -f {state}.new {state}; exit $1' EXIT
"""


class Shell:
    """Runs commands in order; everything they started ends with close."""

    def __init__(
        self,
        work: Path,
        env: dict[str, str],
        deadline: float,
        stopped: threading.Event,
        emit: Callable[[str], None],
        gently: bool = False,
    ) -> None:
        """deadline: of time.monotonic(). gently: everything else on this machine goes first."""
        bash = shutil.which("bash", path=env.get("PATH"))
        if bash is None:
            raise BuildError("CLIENT_ERROR", "bash is not on the engine's PATH; install it")
        self._script, self._state = (work / "command.sh", shlex.quote(str(work / "shell")))
        self._deadline, self._stopped, self._emit = deadline, stopped, emit
        self._mark = f"CODEBUILD_BUILD_ID={env['CODEBUILD_BUILD_ID']}"
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
        (work / "shell").touch(mode=0o600)  # it holds secrets
        (work / "shell").write_text(f"{exports}cd {shlex.quote(env['CODEBUILD_SRC_DIR'])}\n")
        self._token = f"slipway-{secrets.token_hex(16)}:"
        leader = str(Path(__file__).with_name("buildshell.py"))
        self._process = subprocess.Popen(
            [sys.executable, "-I", leader, bash, self._token, *(["gently"] if gently else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_marker(),
        )
        self._output = self._lines()

    def run(self, command: str, emit: Callable[[str], None] | None = None) -> int:
        """Runs one command to its end and returns its exit code; BuildError if the time is up or the build stopped."""
        self._script.write_text(PRELUDE.format(state=self._state) + command + "\n")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._script}\n".encode())
        self._process.stdin.flush()
        for line in self._output:
            text, answered, code = line.partition(self._token)
            if text or not answered:
                (emit or self._emit)(text)
            if answered:
                return int(code)
        raise BuildError("INTERNAL_ERROR", "the build's shell ended by itself", "FAULT")

    def exported(self, names: list[str]) -> list[dict[str, str]]:
        """The values of exported variables as they are now; what is not set is left out."""
        found: list[dict[str, str]] = []
        for name in filter(VARIABLE_NAME.fullmatch, names):
            lines: list[str] = []
            if self.run(f"printenv {name}", lines.append) == 0:
                found.append({"name": name, "value": "\n".join(lines)})
        return found

    def close(self) -> None:
        # Not waited for yet, so the number is still ours even if the process is gone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # What has a session of its own is not in the group; CodeBuild's container ends with all that it runs.
        for pid in _carriers(self._mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        pipe, rest = self._process.stdout.fileno(), b""
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while True:
                self._check()
                if not ready.select(0.05):
                    continue
                chunk = os.read(pipe, 65536)
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace").rstrip("\r")

    def _check(self) -> None:
        if self._stopped.is_set():
            raise BuildError("", "", "STOPPED")
        if time.monotonic() >= self._deadline:
            raise BuildError("BUILD_TIMED_OUT", "Build has timed out.", "TIMED_OUT")


def _carriers(variable: str) -> list[int]:
    """The processes that have the given NAME=VALUE in their environment."""
    if sys.platform != "linux":
        listed = subprocess.run(["ps", "-axEww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if variable in line.split()]
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def inherited() -> dict[str, str]:
    """What every build starts with, before the variables of buildspec, project and request."""
    return {"DOCKER_HOST": NO_DOCKER} | {name: os.environ[name] for name in INHERITED if os.environ.get(name)}


def own_variables(work: Path, region: str) -> dict[str, str]:
    """What no variable of a build may change: its own folders, and that it speaks to this engine and never to AWS."""
    port = os.environ.get("GATEWAY_PORT", "4566")
    return {
        "HOME": _folder(work, "home"),
        "TMPDIR": _folder(work, "tmp"),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GIT_CEILING_DIRECTORIES": str(work),  # nor is a repository around the temporary folder
        "SLIPWAY_LOCAL_ENGINE": "1",
        "SLIPWAY_LOCAL_CA": os.path.join(os.environ.get("SLIPWAY_RUN_DIR", ""), "tls", "ca.pem"),
        **_marker(),
    }


def _marker() -> dict[str, str]:
    """What marks the processes that this engine started."""
    return {name: os.environ[name] for name in ("SLIPWAY_ENGINE_TOKEN",) if name in os.environ}


def work_folder(place: int | None) -> Path:
    """A new folder for one build, where the manager looks for what must not outlive the engine.

    It is outside of the clone, whose git repository and Go module are none of a build's business. Go compiles and tests
    again what lies in another folder: builds that run one after the other, in one place, have the same one.
    """
    parent = Path(os.environ.get("SLIPWAY_BUILD_DIR") or tempfile.gettempdir())
    # As root, tests may go on as somebody else, who must be able to enter, as in CodeBuild's containers.
    mode = 0o755 if os.getuid() == 0 else 0o700
    parent.mkdir(mode=mode, exist_ok=True)
    if parent.is_symlink() or parent.stat().st_uid != os.getuid():
        raise BuildError("INTERNAL_ERROR", f"{parent} belongs to somebody else: remove it", "FAULT")
    if place is None:
        folder = Path(tempfile.mkdtemp(prefix="slipway-build-", dir=parent)).resolve()
        folder.chmod(mode)
        return folder
    folder = parent.resolve() / ("slipway-build-pipeline" + _numbered(place))
    remove(folder)
    folder.mkdir(mode=mode)
    return folder


def _numbered(place: int | None) -> str:
    return f"-{place + 1}" if place else ""


def restore(paths: list[str], code: Path, project: str, place: int | None) -> None:
    """Puts the folders of a buildspec's cache paths in their place, as a local custom cache does: by symbolic links.

    Such a cache is the build host's, and builds that run at once are on several.
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-caching.html
    """
    cache = Path(
        os.environ.get("SLIPWAY_RUN_DIR") or tempfile.gettempdir(), "slipway-cache" + _numbered(place), project
    ).resolve()
    for path in paths:
        parts = [part for part in PurePosixPath(path).parts if "*" not in part]
        folder, kept = code.joinpath(*parts), cache.joinpath(*parts)
        if not parts or not folder.resolve().is_relative_to(code) or folder.exists():
            continue
        kept.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(kept)


def _folder(work: Path, name: str) -> str:
    (work / name).mkdir()
    return str(work / name)


def value_of(kind: str, reference: str) -> str:
    """The value of a variable of type PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER."""
    if kind == "PARAMETER_STORE":
        value = ssm.resolve_parameter_value(reference, decrypt=True)
        if value is None:
            raise BuildError("Decrypted Variables Error", f"parameter does not exist: {reference}")
        return value
    return _secret(reference) if kind == "SECRETS_MANAGER" else reference


def _secret(reference: str) -> str:
    """A secret as secret-id:json-key:version-stage:version-id, where secret-id may be an ARN, which has six colons."""
    parts = reference.split(":")
    width = 7 if reference.startswith("arn:") else 1
    name = ":".join(parts[:width])
    key, stage, version = [*parts[width:], "", "", ""][:3]
    value = secretsmanager.resolve_secret_string(name, stage or "AWSCURRENT", version or None)
    if value is None:
        raise BuildError("Secrets Manager", f"Secrets Manager can't find the specified secret: {reference}")
    if not key:
        return value
    try:
        return str(json.loads(value)[key])
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError("Secrets Manager", f"secret {name} has no JSON key {key}") from error


def download(location: str, version: str, target: Path) -> None:
    """Unpacks the zip at bucket/key into a folder."""
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    body = s3._get_object_data(bucket, key, version or None)
    if body is None:
        which = f" in version {version}" if version else ""
        raise BuildError("CLIENT_ERROR", f"source s3://{bucket}/{key}{which} does not exist")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            unpack(archive, target)
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise BuildError("CLIENT_ERROR", f"unpack source s3://{bucket}/{key}: {error}") from error


def unpack(archive: zipfile.ZipFile, target: Path) -> None:
    """Unpacks files with their mode and symbolic links; what would lie or point outside the folder is refused."""
    root, links = target.resolve(), []
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            raise BuildError("CLIENT_ERROR", f"the source's entry {entry.filename!r} lies outside of it")
        mode, place = entry.external_attr >> 16, root.joinpath(path)
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            links.append((place, os.fsdecode(archive.read(entry))))
            continue
        with archive.open(entry) as packed, place.open("xb") as file:
            shutil.copyfileobj(packed, file)
        place.chmod(stat.S_IMODE(mode) & 0o777 if mode else 0o644)
        # The time in the archive, without which Go runs tests again that have read the file.
        changed = time.mktime((*entry.date_time, 0, 0, -1))
        os.utime(place, (changed, changed))
    # Links come last, so that no file is written through one.
    for place, points_to in links:
        place.symlink_to(points_to)
    for place, _ in links:
        if not place.resolve().is_relative_to(root):
            raise BuildError("CLIENT_ERROR", f"the source's link {place.relative_to(root)} points outside of it")


def upload(artifacts: dict[str, Any], spec: dict[str, Any], code: Path, project: str, build_id: str) -> dict[str, str]:
    """Puts what the buildspec's artifacts section names to S3 and returns the build's artifacts record.

    https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html
    """
    files = _artifact_files(spec, code)
    named = spec.get("name") if artifacts.get("overrideArtifactName") in (True, "true") else None
    folders = [artifacts.get("path", "").strip("/")]
    folders += [build_id.rpartition(":")[2]] if artifacts.get("namespaceType") == "BUILD_ID" else []
    folders += [(named or artifacts.get("name") or project).strip("/")]
    bucket, key = artifacts.get("location", ""), "/".join(filter(None, folders))
    if artifacts.get("packaging") == "ZIP":
        body = _zip(files)
        _put(bucket, key, body)
        return {"location": f"arn:aws:s3:::{bucket}/{key}", "sha256sum": hashlib.sha256(body).hexdigest()}
    for name, path in files.items():
        _put(bucket, f"{key}/{name}", path.read_bytes())
    return {"location": f"arn:aws:s3:::{bucket}/{key}"}


def upload_zip(place: str, spec: dict[str, Any], code: Path) -> None:
    """Puts what an artifacts section names to BUCKET/KEY, as one zip."""
    bucket, _, key = place.partition("/")
    _put(bucket, key, _zip(_artifact_files(spec, code)))


def _artifact_files(spec: dict[str, Any], code: Path) -> dict[str, Path]:
    base = (code / spec.get("base-directory", "")).resolve()
    files = _matches(base, spec)
    if not files or not base.is_relative_to(code.resolve()):
        raise BuildError("CLIENT_ERROR", "no matching artifact paths found")
    return files


def _matches(base: Path, spec: dict[str, Any]) -> dict[str, Path]:
    def select(key: str) -> set[Path]:
        patterns = spec.get(key) or []
        patterns = [patterns] if isinstance(patterns, str) else patterns
        # "**" at the end means all files below, as in CodeBuild; to pathlib it means folders.
        patterns = [f"{pattern}/*" if pattern.endswith("**") else pattern for pattern in patterns]
        return {path for pattern in patterns for path in base.glob(pattern.removeprefix("./")) if path.is_file()}

    flat = spec.get("discard-paths") in ("yes", "true")
    chosen = sorted(select("files") - select("exclude-paths"))
    return {path.name if flat else path.relative_to(base).as_posix(): path for path in chosen}


def _zip(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return buffer.getvalue()


def _put(bucket: str, key: str, body: bytes) -> None:
    status, _, answer = s3._put_object(bucket, key, body, {})
    if status >= 300:
        raise BuildError("CLIENT_ERROR", f"upload artifact to s3://{bucket}/{key}: {answer.decode(errors='replace')}")


def remove(work: Path) -> None:
    """Removes the build's folder, also where Go's module cache or a test made folders read-only."""
    for folder, _, _ in os.walk(work):
        os.chmod(folder, 0o700)
    shutil.rmtree(work, ignore_errors=True)
