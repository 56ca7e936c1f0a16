"""Django's Postgres backend with a limit on how long an answer is waited for."""
