# The concierge as a container: what `concierge run` needs and nothing else. The record is elsewhere
# (CONCIERGE_RECORD), or in the volume at /data.
#
#   docker compose --profile concierge up -d --build
FROM python:3.12-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# what changes seldom first: the exact versions that are tested, each with its hash
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE NOTICE alembic.ini ./
COPY bot ./bot
COPY escalation ./escalation
COPY knowledge ./knowledge
COPY examples ./examples
RUN pip install --no-deps --no-build-isolation . \
    && useradd --create-home --uid 10001 concierge \
    && install -d -o concierge /data

USER concierge
ENV CONCIERGE_HOME=/data CONCIERGE_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
# 200 while everything is well, 503 where something waits for too long
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# what is being sent is finished before it ends: give it the half minute (docker stop --time 30)
STOPSIGNAL SIGTERM
CMD ["concierge", "run"]
