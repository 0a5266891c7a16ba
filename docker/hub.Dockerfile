# The hub for a Kafka and a PostgreSQL of their own (docker/compose.yaml). Without the embedded broker: no Java in here.
FROM python:3.12-slim-bookworm

RUN useradd --system --create-home --home-dir /srv/hub --shell /usr/sbin/nologin hub
WORKDIR /opt/settlement-hub
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY hub ./hub
COPY schemas ./schemas
COPY topics ./topics
COPY connectors ./connectors
COPY simulators ./simulators
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .
COPY --chmod=755 docker/hub-start.sh /usr/local/bin/hub-start

USER hub
VOLUME /srv/hub
EXPOSE 8600
# SIGTERM ends the hub in good order; it needs longer than Docker's ten seconds when a file is under way.
STOPSIGNAL SIGTERM
ENTRYPOINT ["hub-start"]
CMD ["hub", "up"]
