# One image for every process of the service (watch, worker, Flower) and for the command line itself.
# Another Python, or a mirror of your own: docker build --build-arg PYTHON_IMAGE=…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# All installed packages are pinned, hashed and prebuilt; no compiler is needed here or later.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ONLY_BINARY=:all: PIP_ROOT_USER_ACTION=ignore
COPY requirements-build.lock requirements-service.lock ./
RUN python -m venv builder \
    && builder/bin/pip install --quiet --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /opt/anonymizer \
    && builder/bin/pip --python /opt/anonymizer/bin/python install --quiet --require-hashes -r requirements-service.lock
# Our own code changes more often than its dependencies. .dockerignore defines what is copied.
COPY . .
RUN builder/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
    && builder/bin/pip --python /opt/anonymizer/bin/python install --quiet --no-deps dist/*.whl \
    && cp deploy/flowerconfig.py /opt/anonymizer/
# `anonymizer --version` prints the revision from which the image was built. Mount points are writable by any uid, because
# a new named volume takes its mode from here.
ARG REVISION=unknown
RUN printf '%s\n' "${REVISION}" >/opt/anonymizer/revision \
    && install -d -m 1777 mounts/data mounts/share

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="RT Set Anonymizer" \
      org.opencontainers.image.description="Anonymizes radiotherapy sets so that each stays one connected set." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/anonymizer /opt/anonymizer
COPY --from=build /build/mounts /
# Nothing is written outside the share, /tmp and, by Flower, /data. HOME is needed if a uid has no name.
ENV PATH=/opt/anonymizer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    ANONYMIZER_SHARE=/share \
    ANONYMIZER_HEALTH=/tmp \
    ANONYMIZER_LOG_FORMAT=json
# Any other uid and gid can be used (--user), so that files written on the share belong to the right owner.
USER 10001:10001
WORKDIR /tmp
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["anonymizer", "health"]
ENTRYPOINT ["anonymizer"]
CMD ["--help"]
