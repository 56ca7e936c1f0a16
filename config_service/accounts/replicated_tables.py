"""The replicated tables of this app, for images of them (`consensus.ports.ReplicatedTable`).

Each node numbers Django's permissions by itself, as its migrations make them, so links to them travel by name. A
permission that a node does not have is passed over there, as `state_machine` does.
"""

from consensus.ports import ReplicatedTable


def _permission_links(table: str, owner: str) -> ReplicatedTable:
    return ReplicatedTable(
        table,
        columns=("id", owner, "app_label", "model", "codename"),
        export=f"""
            SELECT link.id, link.{owner}, kind.app_label, kind.model, permission.codename FROM {table} link
            JOIN auth_permission permission ON permission.id = link.permission_id
            JOIN django_content_type kind ON kind.id = permission.content_type_id
        """,
        insert=f"""
            INSERT INTO {table} (id, {owner}, permission_id)
            SELECT staged.id, staged.{owner}, permission.id FROM {{staging}} staged
            JOIN django_content_type kind ON kind.app_label = staged.app_label AND kind.model = staged.model
            JOIN auth_permission permission
              ON permission.content_type_id = kind.id AND permission.codename = staged.codename
        """,
    )


# Whoever remembers what a caller may do forgets it.
ACCOUNTS_CHANGED = """
INSERT INTO accounts_accountsstate (id, revision) VALUES (1, %(index)s)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision
"""

TABLES = (
    ReplicatedTable("auth_group"),
    ReplicatedTable("accounts_user"),
    ReplicatedTable("accounts_apitoken"),
    ReplicatedTable("accounts_accountsstate", restored=ACCOUNTS_CHANGED),
    ReplicatedTable("accounts_grant"),
    ReplicatedTable("accounts_user_groups"),
    _permission_links("accounts_user_user_permissions", "user_id"),
    _permission_links("auth_group_permissions", "group_id"),
)
