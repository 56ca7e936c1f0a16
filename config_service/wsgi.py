"""The web entry point of one node, for granian (or any WSGI server)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config_service.settings")

application = get_wsgi_application()
