"""A type for many records as one parameter."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(
            """CREATE TYPE audit_record_row AS (
              revision bigint, position bigint, at text, actor text, channel text, address text, token text,
              request_id text, action text, targets jsonb, previous bytea, digest bytea)""",
            'DROP TYPE audit_record_row',
        ),
    ]
