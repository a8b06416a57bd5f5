#!/usr/bin/env bash
# Builds a stand-in for the Dockerfile's base image from what this machine has, under the same name, so that
# `docker build` can be tested where no image can be pulled. For tests only: never push what is built on it.
# Needs: docker, go, busybox-static, ca-certificates. Remove it again: docker rmi "$(scripts/dev/base-image.sh --name)"
set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck disable=SC2016 # the Dockerfile's variable, not ours
name=$(sed -n 's/^FROM --platform=$BUILDPLATFORM \([^ ]*\) AS build$/\1/p' Dockerfile)
if [[ -z $name ]]; then
    echo "base-image.sh: the Dockerfile has no line \"FROM --platform=\$BUILDPLATFORM ... AS build\"" >&2
    exit 1
fi
if [[ ${1:-} == --name ]]; then
    echo "$name"
    exit
fi

busybox=$(command -v busybox || true)
if [[ -z $busybox ]] || ldd "$busybox" >/dev/null 2>&1; then
    echo "base-image.sh: a static busybox is missing; on Debian and Ubuntu: apt-get install busybox-static" >&2
    exit 1
fi
certificates=/etc/ssl/certs/ca-certificates.crt
if [[ ! -f $certificates ]]; then
    echo "base-image.sh: $certificates is missing; on Debian and Ubuntu: apt-get install ca-certificates" >&2
    exit 1
fi

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir -p "$context/bin" "$context/etc/ssl/certs" "$context/root" "$context/go"
mkdir -m 1777 "$context/tmp"
cp "$busybox" "$context/bin/busybox"
cp "$certificates" "$context/etc/ssl/certs/ca-certificates.crt"
cat >"$context/Dockerfile" <<'DOCKERFILE'
FROM scratch
COPY bin /bin
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY etc /etc
COPY root /root
COPY go /go
COPY tmp /tmp
COPY goroot /usr/local/go
ENV PATH=/usr/local/go/bin:/bin HOME=/root GOPATH=/go GOTOOLCHAIN=local
LABEL slipway.stand-in="base image"
DOCKERFILE

# The compiler goes in as it lies, without a copy and without what a build does not read.
goroot=$(go env GOROOT)
tar -C "$context" -cf - Dockerfile bin etc root go tmp \
    --transform='s,^\./,goroot/,' --exclude=testdata --exclude='*_test.go' --exclude=./test --exclude=./api --exclude=./doc \
    -C "$goroot" . |
    DOCKER_BUILDKIT=1 docker build --quiet --tag "$name" - >/dev/null
echo "$name: built here as a stand-in, with $(go env GOVERSION)"
