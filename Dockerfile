# The image of the service, for the platform of --platform. It needs BuildKit (Docker 20.10: DOCKER_BUILDKIT=1).
# internal/image makes the same image without Docker, for the local engine; its tests compare the two.

# The compiler runs on the builder's own architecture and compiles for the other: nothing is emulated.
FROM --platform=$BUILDPLATFORM public.ecr.aws/docker/library/golang:1.26.8-alpine AS build
WORKDIR /src

# What the service imports, and not all of go.mod: the SDKs in it are for the command that deploys.
COPY go.mod go.sum ./
ARG GOPROXY
RUN go mod download github.com/gorilla/mux

COPY web/ web/
ARG TARGETOS TARGETARCH VERSION=development COMMIT=unknown
# HTTP/2 is left out: the load balancer speaks HTTP/1.1 to its targets, and it is 6 % of the binary.
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS="$TARGETOS" GOARCH="$TARGETARCH" go build -buildvcs=false -trimpath -tags nethttpomithttp2 \
    -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /web ./web

FROM scratch
ARG VERSION=development COMMIT=unknown
LABEL org.opencontainers.image.title="web" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /web /web
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/web"]
