# One image for every process of the service: the command chooses the role.
#
#   docker build -t bureau .
#   docker run --rm bureau --help
#   docker run --rm --env-file service.env -p 127.0.0.1:8000:8000 bureau serve command-api
#
# Builds with Docker (BuildKit) and with Podman. PYTHON_IMAGE may name a mirror, or the same image by digest.
ARG PYTHON_IMAGE=python:3.12-slim

# ---- build: locked requirements, checked by hash, then the project itself without dependencies ----
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The environment has no pip of its own, so neither has the service. The build backend is locked too: its part of
# requirements.lock goes into the build stage's own Python.
COPY requirements-image.lock requirements.lock ./
RUN python -m venv --without-pip /opt/bureau \
 && python -m pip --python /opt/bureau/bin/python install --require-hashes --only-binary :all: \
      --requirement requirements-image.lock \
 && awk '/^[a-z0-9]/ { wanted = /^poetry-core==/ } wanted' requirements.lock >build-backend.lock \
 && python -m pip install --require-hashes --only-binary :all: --requirement build-backend.lock

# .dockerignore names what comes in. Sources of C extensions and the tests of libraries stay behind.
COPY . source
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./source \
 && python -m pip --python /opt/bureau/bin/python install --no-deps --no-index wheels/*.whl \
 && find /opt/bureau -type f \( -name '*.c' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyx' \) -delete \
 && rm -rf /opt/bureau/lib/python3.12/site-packages/sqlalchemy/testing \
 && mkdir /app && mv source/examples /app/examples && python -m compileall -q /app/examples

# ---- the image: no compiler, no pip of the project's, an ordinary user, nothing written outside /tmp ----
FROM ${PYTHON_IMAGE}
ARG BUREAU_VERSION=0.1.0
ARG BUREAU_REVISION=unknown
LABEL org.opencontainers.image.title="Bureau" \
      org.opencontainers.image.description="The system of record and control plane for autonomous agents." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${BUREAU_VERSION}" \
      org.opencontainers.image.revision="${BUREAU_REVISION}"

# A fixed number, so that Kubernetes' runAsNonRoot and the owners of volumes can rely on it.
RUN groupadd --gid 10001 bureau \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin bureau

COPY --from=build /opt/bureau /opt/bureau
COPY --from=build /app /app

# PYTHONPATH makes the examples importable: they are programs beside the package, not a part of it.
ENV PATH=/opt/bureau/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BUREAU_HOST=0.0.0.0 \
    BUREAU_PORT=8000 \
    BUREAU_LOG_FORMAT=json

WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

# Liveness. Every process answers /health on BUREAU_PORT; isolated Python starts in some 50 ms and there is no curl.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-S", "-c", "import http.client, os, sys; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['BUREAU_PORT']), timeout=3); connection.request('GET', '/health'); sys.exit(connection.getresponse().status != 200)"]

ENTRYPOINT ["bureau"]
CMD ["--help"]
