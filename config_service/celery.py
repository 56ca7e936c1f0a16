"""The Celery app of one node. Its worker hosts the node runtime (`consensus.bootstep`) and the scheduler."""

import os

from celery import Celery

from consensus import control

__all__ = ["app", "control"]  # importing the control commands registers them, for workers and for the command line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config_service.settings")

app = Celery("config_service")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add("consensus.bootstep:ConsensusStep")
app.autodiscover_tasks()
