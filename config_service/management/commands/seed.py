"""Make a new group usable: a superuser, an API token, and a first configuration from a file. Can be run again."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandError

from config_service.accounts import selectors as accounts
from config_service.accounts import services as account_services
from config_service.entries import selectors, services, validation
from config_service.errors import NotFound
from config_service.origins import ProposingCommand
from config_service.refusals import REFUSALS, explain
from consensus import reads

ACTOR = "seed"
TOKEN_NAME = "seed"
SCOPES = ["read:*", "write:*", "publish:*", "reveal:*", "operate:*", "operate", "audit", "switches", "flip"]


class Command(ProposingCommand):
    help = "Creates a superuser and an API token, and loads a YAML file of namespaces and entries."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, help="YAML: namespaces, each with a description and its entries")
        parser.add_argument("--username", default="admin")
        parser.add_argument("--password-file", type=Path, required=True, help="holds the superuser's password")
        parser.add_argument("--token-file", type=Path, required=True, help="holds the API token")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            reads.catch_up()
            self._accounts(options["username"], _secret(options["password_file"]), _secret(options["token_file"]))
            if options["file"]:
                self._entries(options["file"])
        except REFUSALS as error:
            raise CommandError(explain(error)) from error
        except OSError as error:
            raise CommandError(str(error)) from error

    def _accounts(self, username: str, password: str, token: str) -> None:
        """What exists is left as it is: the password may have been changed since."""
        user = accounts.find_user(username)
        if user is None:
            user_id = account_services.create_superuser(ACTOR, username, password)
            self.stdout.write(f"superuser {username}: created")
        else:
            user_id = user.pk
            self.stdout.write(f"superuser {username}: exists")
        if accounts.find_token(token) is None:
            account_services.create_token(ACTOR, TOKEN_NAME, user_id, SCOPES, plain=token)
            self.stdout.write("API token: created")
        else:
            self.stdout.write("API token: exists")

    def _entries(self, path: Path) -> None:
        """Entries that exist are left as they are, so that running it again undoes nobody's change."""
        for name, content in _read(path).items():
            try:
                selectors.get_namespace(name)
            except NotFound:
                marks = {mark: content.get(mark) for mark in ("colour", "protected")}
                services.put_namespace(ACTOR, name, content.get("description", ""), **marks)
            created = sum(self._entry(name, key, item) for key, item in content["entries"].items())
            self.stdout.write(f"namespace {name}: {created} of {len(content['entries'])} entries created")

    def _entry(self, namespace: str, key: str, item: Any) -> bool:
        if selectors.find_entry(namespace, key) is not None:
            return False
        described = isinstance(item, dict) and "value" in item and item.keys() <= {"value", "type", "comment"}
        fields = item if described else {"value": item}
        # YAML knows more than JSON does (dates, not-a-number): what has no JSON form is refused here.
        try:
            value = validation.parse_json(json.dumps(fields["value"]))
        except TypeError as error:
            raise CommandError(f"{namespace}/{key}: {error}") from error
        services.put_entry(ACTOR, namespace, key, value, type=fields.get("type", ""), comment=fields.get("comment", ""))
        return True


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The namespaces of a seed file by name; only their outline is checked here, the services check the rest."""
    try:
        document = yaml.safe_load(path.read_text())
        namespaces = document["namespaces"]
        sound = all(
            isinstance(name, str)
            and all(isinstance(key, str) for key in content["entries"])
            and isinstance(content["entries"], dict)
            for name, content in namespaces.items()
        )
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    except (TypeError, KeyError, AttributeError):
        sound = False
    if not sound:
        raise CommandError(f"{path}: expected namespaces, each with entries by key")
    return namespaces


def _secret(path: Path) -> str:
    text = path.read_text().strip()
    if not text:
        raise CommandError(f"{path} is empty")
    return text
