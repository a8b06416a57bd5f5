#!/usr/bin/env bash
# Builds a stand-in for the base image of docs/examples/python from this machine's Python, under the same name, so that the
# example can be launched where no image can be pulled. For tests only: never push what is built on it.
# Needs: docker, python3, Linux with glibc. Remove it again: docker rmi "$(scripts/dev/python-image.sh --name)"
set -euo pipefail
cd "$(dirname "$0")/../.."

name=$(sed -n 's/^FROM \([^ ]*\)$/\1/p' docs/examples/python/Dockerfile)
if [[ -z $name ]]; then
    echo "python-image.sh: docs/examples/python/Dockerfile has no line \"FROM image\"" >&2
    exit 1
fi
if [[ ${1:-} == --name ]]; then
    echo "$name"
    exit
fi

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mapfile -t python < <(python3 -c '
import os, sys, sysconfig
print(os.path.realpath(sys.executable))
print(sysconfig.get_path("stdlib"))')
interpreter=${python[0]} library=${python[1]}

# What the interpreter and its compiled modules are linked with, at the same places.
mapfile -t linked < <(find "$library/lib-dynload" -name '*.so' -print0 | xargs -0 ldd "$interpreter" |
    sed -n 's|^.*[[:space:]]\(/[^ ]*\) (0x.*$|\1|p' | sort -u)
tar -C / --dereference -cf "$context/root.tar" --exclude=__pycache__ --exclude='*/test' --exclude='*/tests' --exclude='*/site-packages' \
    --exclude='*/dist-packages' --exclude='*/config-*' --exclude='*/idlelib' --exclude='*/ensurepip' "${interpreter#/}" "${library#/}" "${linked[@]#/}"
cat >"$context/Dockerfile" <<DOCKERFILE
FROM scratch
ADD root.tar /
ENV PATH=$(dirname "$interpreter"):/usr/local/bin:/usr/bin:/bin
LABEL slipway.stand-in="base image"
DOCKERFILE
# The image needs a python3 by that name.
if [[ $(basename "$interpreter") != python3 ]]; then
    mkdir -p "$context/bin/usr/local/bin"
    ln -s "$interpreter" "$context/bin/usr/local/bin/python3"
    echo "COPY bin /" >>"$context/Dockerfile"
fi
DOCKER_BUILDKIT=1 docker build --quiet --tag "$name" "$context" >/dev/null
echo "$name: built here as a stand-in, with $(python3 --version)"
