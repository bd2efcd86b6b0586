# Two images: `heddle`, the control plane with its command line, and `heddle-init`, which redirects the traffic of a
# pod into its sidecar.   docker build --target heddle -t heddle/heddle:0.1.0 .   docker build --target heddle-init ...

FROM python:3.13.12-slim-trixie AS build
WORKDIR /src
COPY requirements/runtime.txt requirements/dev.txt requirements/
COPY scripts/image scripts/
RUN scripts/image packages /opt/heddle
COPY pyproject.toml README.md LICENSE ./
COPY analysis analysis
COPY ca ca
COPY crds crds
COPY explain explain
COPY heddle heddle
COPY mesh mesh
COPY sources sources
COPY translator translator
COPY webhook webhook
COPY xds xds
RUN scripts/image project /opt/heddle

FROM debian:13.5-slim AS heddle-init
RUN apt-get update && \
    apt-get install -y --no-install-recommends iproute2 iptables && \
    rm -rf /var/lib/apt/lists/*
# The injector runs it as root, with NET_ADMIN and NET_RAW and nothing else; by itself it may do nothing.
USER 65532:65532

FROM python:3.13.12-slim-trixie AS heddle
COPY --from=build /opt/heddle /opt/heddle
ENV PATH=/opt/heddle/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# A number: the kubelet cannot tell whether a name is root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["heddle"]
