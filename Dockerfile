# One image for every process of the service. By itself it runs API, feeds and a worker on SQLite in /data, which it
# migrates first: docker run -v scheduler:/data -e SCHEDULER_SECRET_KEY=... -e SCHEDULER_PUBLIC_URL=https://... IMAGE.
# compose.yaml runs it in parts.
FROM python:3.11-slim-trixie AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY scheduler scheduler
# Only what the lock file pins, by its hashes; pip and the build backend are not needed afterwards.
RUN python -m venv /opt/scheduler \
 && /opt/scheduler/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock \
 && /opt/scheduler/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/scheduler/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-trixie
# The default database is var/scheduler.db; no variable is set for it, so that either of its two can be given.
RUN useradd --uid 10001 --create-home --home-dir /data scheduler \
 && mkdir /srv/scheduler \
 && ln -s /data /srv/scheduler/var
COPY --from=build /opt/scheduler /opt/scheduler
COPY deploy/healthcheck.py /opt/scheduler/healthcheck.py
ENV PATH=/opt/scheduler/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SCHEDULER_HOST=0.0.0.0 \
    SCHEDULER_PORT=8080
USER 10001
# Nothing but /data and /tmp is written to: the root may be read-only.
WORKDIR /srv/scheduler
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "/opt/scheduler/healthcheck.py"]
CMD ["scheduler", "serve", "--migrate-sqlite"]
