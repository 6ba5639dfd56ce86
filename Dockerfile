# Any image with Python 3.11 or newer, its venv module and CA certificates. By digest: --build-arg BASE=NAME:TAG@sha256:…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
RUN python3 -m venv /build && python3 -m venv --without-pip /app
WORKDIR /source
COPY requirements.lock requirements-dev.lock ./
# What builds the wheel is pinned in the lock of the development tools, and only that is taken out of it. Were an entry
# missing here, pip would refuse to get it without a hash.
RUN awk '/^[^ ]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
        requirements-dev.lock > build.lock \
    && /build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement build.lock \
    && /build/bin/pip --python /app/bin/python install \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes --no-deps --requirement requirements.lock
COPY . .
# Of the Kubernetes client, the generated calls are left out: the operator sends its requests without them, and they are
# two fifths of all that is installed. Its models get no bytecode, apart from the few that the operator imports. The
# bytecode doesn't depend on its source's time, which a build for SOURCE_DATE_EPOCH sets to that.
ARG SOURCE_DATE_EPOCH
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && /build/bin/pip --python /app/bin/python install --no-cache-dir --no-compile --no-deps --no-index dist/*.whl \
    && rm -r /app/lib/python3*/site-packages/kubernetes/client/api \
        /app/lib/python3*/site-packages/kubernetes/aio/client/api \
    && /app/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -x '/kubernetes/(aio/)?client/models/' /app/lib \
    && /app/bin/python -Bc 'import sys, integration_token.runtime.process as _, kubernetes.aio.config.kube_config as _; \
        print(*(one.__file__ for name, one in sys.modules.items() if one and name.startswith("kubernetes.")), sep="\n")' \
        > imported \
    && /app/bin/python -m compileall -q --invalidation-mode unchecked-hash -i imported

FROM ${BASE}
ARG BASE
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.title="integration-token-operator" \
    org.opencontainers.image.description="Keeps OAuth 2.0 client-credentials access tokens current inside Kubernetes Secrets" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="https://github.com/integration-token/integration-token-operator" \
    org.opencontainers.image.base.name="${BASE}"
# The official image's pip, which nothing here uses.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip /usr/local/lib/python3*/site-packages/pip-*
# The root filesystem is read-only where the chart runs this, and the bytecode is there.
ENV PATH="/app/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=build /app /app
USER 65532:65532
ENTRYPOINT ["integration-token-operator"]
