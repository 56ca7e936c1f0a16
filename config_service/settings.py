"""Settings of one node, all from the environment, so that every node runs the same code.

Group-wide values must be equal on all nodes: ``DJANGO_SECRET_KEY`` (sessions made on one node are valid on every
other), ``GROUP_ID``, ``GROUP_MEMBERS`` and ``GROUP_SECRET``. The rest belongs to one node.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def _database(url: str) -> dict[str, object]:
    """``postgres://user:password@host:port/name`` as Django wants it."""
    parts = urlsplit(url)
    return {
        "ENGINE": "config_service.database",
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3},
    }


def _members(text: str) -> dict[str, str]:
    """``n1=redis://...,n2=redis://...`` as a dict."""
    return dict(item.strip().split("=", 1) for item in text.split(",") if item.strip())


DEBUG = env("DJANGO_DEBUG") == "1"
SECRET_KEY = env("DJANGO_SECRET_KEY", "insecure-development-key-never-for-a-group-that-others-can-reach")
ALLOWED_HOSTS = env("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in env("DJANGO_CSRF_TRUSTED_ORIGINS").split(",") if origin]

INSTALLED_APPS = [
    "config_service",
    "config_service.admin_config.ConfigAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "consensus",
    "config_service.accounts",
    "config_service.audit",
    "config_service.entries",
    "config_service.changesets",
    "config_service.switches",
    "config_service.api",
    "config_service.console",
    "config_service.localgroup",
]

# k2:BASE64,k1:BASE64, the same on every node: the first seals secrets, all open them (config_service/sealing).
SECRET_KEYS = env("SECRET_KEYS")

# Whose X-Forwarded-For is believed: addresses or networks of proxies. The client's address goes into the audit trail.
TRUSTED_PROXIES = [ip_network(proxy.strip()) for proxy in env("TRUSTED_PROXIES").split(",") if proxy.strip()]

MIDDLEWARE = [
    "config_service.origins.OriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config_service.content_policy.ContentPolicyMiddleware",
    "config_service.outage.OutageMiddleware",
]

ROOT_URLCONF = "config_service.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config_service" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": _database(env("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/config"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env("REDIS_URL", "redis://127.0.0.1:6379/0")

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["config_service.accounts.backends.NamespaceBackend"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "config_service.console.editing.resume.csrf_failure"

LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["config_service.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config_service.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config_service.api.parsers.StrictJsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["config_service.api.renderers.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config_service.api.renderers.AlwaysJson",
    "DEFAULT_THROTTLE_CLASSES": ["config_service.api.throttles.CallerThrottle"],
    "DEFAULT_SCHEMA_CLASS": "config_service.api.openapi.Schema",
    "EXCEPTION_HANDLER": "config_service.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Replicated configuration service",
    "DESCRIPTION": "Configuration that a group of nodes agrees on. Any node takes any request.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["config_service.api.documents.add_components"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# A form may carry a value of the greatest size three times over, or the packed file of an import.
DATA_UPLOAD_MAX_MEMORY_SIZE = 24 * 1024 * 1024
# As many as the list of entries may have selected.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# Requests a second that a caller (a token or a person) may make of one web process, and at once; 0: no limit.
API_RATE_PER_S = float(env("API_RATE_PER_S", "2000"))
API_BURST = float(env("API_BURST", "4000"))

# --- the web process -------------------------------------------------------------------------------------------------
WEB_THREADS = int(env("WEB_THREADS", "32"))
WEB_WAITING_MOST = int(env("WEB_WAITING_MOST", "1024"))
# How long a web process waits for its Postgres before it answers 503.
DATABASE_ANSWER_TIMEOUT_S = float(env("DATABASE_ANSWER_TIMEOUT_S", "5"))
# Memory for the entries that reads are answered from. What does not fit is read from Postgres.
REPLICA_MOST_MIB = int(env("REPLICA_MOST_MIB", "128"))

# --- the group -------------------------------------------------------------------------------------------------------
CONSENSUS = {
    "group": env("GROUP_ID", "config"),
    "node": env("NODE_ID", "n1"),
    "redis_url": REDIS_URL,
    "members": _members(env("GROUP_MEMBERS", f"{env('NODE_ID', 'n1')}={REDIS_URL}")),
    "web_url": env("NODE_WEB_URL"),
    "secret": env("GROUP_SECRET"),
    "state_machine": "config_service.replicated.ReplicatedTables",
    "register_function": "config_service.switches.function.change",
    "election_tick_ms": int(env("ELECTION_TICK_MS", "50")),
    "heartbeat_interval_ms": int(env("HEARTBEAT_INTERVAL_MS", "100")),
    "election_timeout_min_ms": int(env("ELECTION_TIMEOUT_MIN_MS", "500")),
    "election_timeout_max_ms": int(env("ELECTION_TIMEOUT_MAX_MS", "1000")),
    "deadline_s": float(env("PROPOSE_DEADLINE_S", "5")),
    "command_version": int(env("COMMAND_VERSION", "2")),
    "log_keep_entries": int(env("LOG_KEEP_ENTRIES", "10000")),
    "log_keep_bytes": int(env("LOG_KEEP_BYTES", str(64 << 20))),
    "log_keep_s": float(env("LOG_KEEP_S", "600")),
    "lease_reads": env("LEASE_READS") == "1",
}

# --- the product -----------------------------------------------------------------------------------------------------
# A change is kept while it is younger than keep_days or among the last keep_revisions of its entry.
HISTORY = {
    "keep_revisions": int(env("HISTORY_KEEP_REVISIONS", "10")),
    "keep_days": float(env("HISTORY_KEEP_DAYS", "90")),
}
# A closed change set is kept while it was closed less than keep_days ago or is among the last keep_closed of all.
CHANGE_SETS = {
    "keep_closed": int(env("CHANGE_SETS_KEEP_CLOSED", "100")),
    "keep_days": float(env("CHANGE_SETS_KEEP_DAYS", "90")),
}
# Without a snapshot of the group for so long, its operators are told; 0: never.
SNAPSHOT_WARN_DAYS = float(env("SNAPSHOT_WARN_DAYS", "7"))

# --- Celery ----------------------------------------------------------------------------------------------------------
# The schedule runs inside the worker, on the monotonic clock and without the broker: see consensus/scheduler.py.
OWN_THREAD = {"own_thread": True}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = f"{CONSENSUS['group']}.{CONSENSUS['node']}"
CELERY_RESULT_EXPIRES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "consensus.heartbeat", "schedule": CONSENSUS["heartbeat_interval_ms"] / 1000},
    "election": {"task": "consensus.election", "schedule": CONSENSUS["election_tick_ms"] / 1000},
    "compact": {"task": "consensus.compact", "schedule": float(env("LOG_COMPACT_EVERY_S", "10"))},
    "verify": {"task": "consensus.verify", "schedule": float(env("VERIFY_EVERY_S", "600"))},
    "propose_token_uses": {"task": "accounts.propose_token_uses", "schedule": 300.0, "options": OWN_THREAD},
    "record_switches": {"task": "switches.record", "schedule": 1.0, "options": OWN_THREAD},
    "expire": {"task": "entries.expire", "schedule": float(env("EXPIRE_EVERY_S", "1")), "options": OWN_THREAD},
    "publish_due": {
        "task": "changesets.publish_due",
        "schedule": float(env("PUBLISH_EVERY_S", "1")),
        "options": OWN_THREAD,
    },
    "compact_history": {
        "task": "entries.compact_history",
        "schedule": float(env("HISTORY_COMPACT_EVERY_S", "3600")),
        "options": OWN_THREAD,
    },
    "trim_change_sets": {
        "task": "changesets.trim",
        "schedule": float(env("CHANGE_SETS_TRIM_EVERY_S", "3600")),
        "options": OWN_THREAD,
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "celery.worker.strategy": {"level": "WARNING"}},
}
