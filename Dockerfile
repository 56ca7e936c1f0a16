# One image for the web server, the worker and the one-off commands of a node.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=config_service.settings
WORKDIR /srv/config

# Only what runs a node: the part of requirements.txt above the local group's servers and the test tools.
COPY requirements.txt .
RUN sed '/^# The local group/,$d' requirements.txt > runtime.txt \
    && pip install --no-cache-dir -r runtime.txt \
    && rm runtime.txt

COPY manage.py ./
COPY consensus ./consensus
COPY config_service ./config_service
COPY examples ./examples

RUN useradd --system --no-create-home config
USER config
EXPOSE 8000

CMD ["granian", "--interface", "asgi", "--loop", "asyncio", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", \
     "--no-access-log", "--backlog", "1024", "--backpressure", "8192", "--workers-kill-timeout", "5", \
     "config_service.asgi:application"]
