# syntax=docker/dockerfile:1
# One image for each service: docker build --build-arg SERVICE=engine -t tidemill-engine .
# SERVICE is engine, triggers, actions, or cli: the command line with the code of all services.
ARG SERVICE=engine

FROM python:3.11-slim-bookworm AS build
ARG SERVICE
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/var/cache/pip pip install -q -c constraints.txt hatchling
COPY gen gen
COPY libs libs
COPY services services
# Into an environment without pip, which the last stage takes as it is.
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/var/cache/pip \
    if [ "$SERVICE" = cli ]; then extras=all; else extras="$SERVICE,s3,tracing"; fi \
    && python -m hatchling build -t wheel -d /wheels \
    && python -m venv --without-pip /opt/tidemill \
    && pip --python /opt/tidemill/bin/python install -q -c constraints.txt "$(echo /wheels/*.whl)[$extras]"
# CORE=compiled: the Engine's core through a C compiler, for a fifth less CPU a step.
ARG CORE=pure
COPY scripts scripts
# hadolint ignore=DL3008,DL3042
RUN --mount=type=cache,target=/var/cache/pip \
    if [ "$CORE" = compiled ]; then \
        apt-get -q update && apt-get -qy --no-install-recommends install gcc libc6-dev \
        && rm -rf /var/lib/apt/lists/* \
        && pip install -q -c constraints.txt "mypy[mypyc]" \
        && python scripts/compile_core.py --into /opt/tidemill/lib/python3.11/site-packages; \
    fi

FROM python:3.11-slim-bookworm AS runtime
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tidemill \
    && install -d -o tidemill -g tidemill /var/lib/tidemill /var/lib/tidemill/blobs
COPY --from=build /opt/tidemill /opt/tidemill
ENV PATH=/opt/tidemill/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /var/lib/tidemill
USER 10001:10001

# Each service listens on every interface of its container, and keeps files, if its settings name no
# servers, in /var/lib/tidemill.
FROM runtime AS engine
ENV TIDEMILL_ENGINE_LISTEN=0.0.0.0:7400 \
    TIDEMILL_ENGINE_METRICS_HOST=0.0.0.0 \
    TIDEMILL_ENGINE_METRICS_PORT=9464 \
    TIDEMILL_ENGINE_DATA=/var/lib/tidemill \
    TIDEMILL_ENGINE_BLOBS=/var/lib/tidemill/blobs
EXPOSE 7400 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-m", "tidemill.rpc.probe", "127.0.0.1:7400"]
ENTRYPOINT ["python", "-m", "tidemill.engine"]

FROM runtime AS triggers
ENV TIDEMILL_TRIGGERS_LISTEN=0.0.0.0:7401 \
    TIDEMILL_TRIGGERS_HTTP_LISTEN=0.0.0.0:7403 \
    TIDEMILL_TRIGGERS_METRICS_HOST=0.0.0.0 \
    TIDEMILL_TRIGGERS_METRICS_PORT=9464
EXPOSE 7401 7403 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-m", "tidemill.rpc.probe", "127.0.0.1:7401"]
ENTRYPOINT ["python", "-m", "tidemill.triggers"]

FROM runtime AS actions
ENV TIDEMILL_ACTIONS_LISTEN=0.0.0.0:7402 \
    TIDEMILL_ACTIONS_METRICS_HOST=0.0.0.0 \
    TIDEMILL_ACTIONS_METRICS_PORT=9464 \
    TIDEMILL_ACTIONS_DATA=/var/lib/tidemill \
    TIDEMILL_ACTIONS_BLOBS=/var/lib/tidemill/blobs
EXPOSE 7402 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-m", "tidemill.rpc.probe", "127.0.0.1:7402"]
ENTRYPOINT ["python", "-m", "tidemill.actions"]

# Runs and ends: nothing to watch over.
FROM runtime AS cli
HEALTHCHECK NONE
ENTRYPOINT ["tidemill"]

FROM ${SERVICE}
