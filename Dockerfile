# One image, three roles: the command says which (see docker-compose.yml).
FROM python:3.12-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md ./
COPY api api
COPY cli cli
COPY connectors connectors
COPY migrations migrations
COPY models models
COPY sync sync
COPY worker worker
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 ledgerbridge
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REMAP_SIGTERM=SIGQUIT \
    LEDGERBRIDGE_HOME=/home/ledgerbridge/var
USER ledgerbridge
WORKDIR /home/ledgerbridge
EXPOSE 8000
CMD ["uvicorn", "--factory", "api.app:create_app", "--host", "0.0.0.0", "--port", "8000"]
