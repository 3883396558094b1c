# The service with its embedded worker. Before the first start, and after each update:
#   docker run --rm -v scheduler:/data IMAGE migrate
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY scheduler scheduler
RUN python -m venv /opt/scheduler \
 && /opt/scheduler/bin/pip install --no-cache-dir --constraint requirements.lock .

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --home-dir /data scheduler
COPY --from=build /opt/scheduler /opt/scheduler
ENV PATH=/opt/scheduler/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SCHEDULER_HOST=0.0.0.0 \
    SCHEDULER_PORT=8080 \
    SCHEDULER_DATABASE_URL=sqlite:////data/scheduler.db
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
ENTRYPOINT ["scheduler"]
CMD ["serve"]
