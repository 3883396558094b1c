# One image for every process of the service. By itself: API, feeds and a worker on SQLite in /data
# (first: docker run --rm -v scheduler:/data IMAGE scheduler migrate). compose.yaml runs the same image in parts.
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
RUN useradd --uid 10001 --create-home --home-dir /data scheduler
COPY --from=build /opt/scheduler /opt/scheduler
ENV PATH=/opt/scheduler/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SCHEDULER_HOST=0.0.0.0 \
    SCHEDULER_PORT=8080 \
    SCHEDULER_DATABASE_URL=sqlite:////data/scheduler.db
USER 10001
# Nothing but /data and /tmp is written to: the root may be read-only.
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
CMD ["scheduler", "serve"]
