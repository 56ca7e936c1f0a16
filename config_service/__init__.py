"""The Django project and the product: typed configuration entries, an admin for people, REST for applications."""

from config_service.celery import app as celery_app

__all__ = ["celery_app"]
