"""A node with keys that cannot be read is refused at its start, not when the first secret is written."""

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from config_service.sealing.keys import parse
from consensus.startup import NODE


@register(NODE)
def keys_can_be_read(app_configs, **kwargs) -> list[Error]:
    try:
        parse(settings.SECRET_KEYS)
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="Make one with: openssl rand -base64 32", id="sealing.E001")]
    return []
