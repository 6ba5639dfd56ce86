# Any image with Python 3.11 or newer, its venv module and CA certificates.
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
        --no-cache-dir --only-binary :all: --require-hashes --no-deps --requirement requirements.lock
COPY . .
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && /build/bin/pip --python /app/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl

FROM ${BASE}
ARG BASE
LABEL org.opencontainers.image.title="integration-token-operator" \
    org.opencontainers.image.description="Keeps OAuth 2.0 client-credentials access tokens current inside Kubernetes Secrets" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE}"
# The root filesystem is read-only where the chart runs this, and the bytecode is compiled above.
ENV PATH="/app/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["integration-token-operator"]
COPY --from=build /app /app
