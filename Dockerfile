FROM python:3.13-slim AS packages
COPY requirements/production.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r production.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home billing
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
# Settings refuse to load without an environment; none of these values stays in the image.
RUN SECRET_KEY=only-for-collectstatic-0123456789-0123456789-0123456789 ALLOWED_HOSTS=localhost \
    DATABASE_URL=postgresql://localhost/none REDIS_URL=redis://localhost \
    STRIPE_SECRET_KEY=sk_test_000000000000000000000000 STRIPE_WEBHOOK_SECRET=whsec_0000000000000000 \
    python manage.py collectstatic --noinput \
    && python -m compileall -q . && mkdir /run/metrics && chown billing /run/metrics
# All processes of the container count together.
ENV PROMETHEUS_MULTIPROC_DIR=/run/metrics
USER billing
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "8", "--backpressure", "256", "--respawn-failed-workers", "--no-ws", \
     "config.wsgi:application"]
