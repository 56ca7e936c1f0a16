"""The Celery app of one node. Its worker hosts the node runtime (`consensus.bootstep`) and the scheduler."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config_service.settings")

app = Celery("config_service")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add("consensus.bootstep:ConsensusStep")
app.autodiscover_tasks()
