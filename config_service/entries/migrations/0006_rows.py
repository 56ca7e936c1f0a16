"""A type for many rows as one parameter; room on each page, so that a changed entry needs no new index entries."""

from django.db import migrations

CHANGE = """id bigint, entry_id bigint, namespace text, key text, value text, type text, revision bigint,
  created_revision bigint, version bigint, at timestamptz, actor text, comment text, expires_at timestamptz,
  operation text, stands boolean"""


class Migration(migrations.Migration):

    dependencies = [
        ('entries', '0005_imports'),
    ]

    operations = [
        migrations.RunSQL(f'CREATE TYPE entries_change_row AS ({CHANGE})', 'DROP TYPE entries_change_row'),
        migrations.RunSQL(
            'ALTER TABLE entries_configentry SET (fillfactor = 70)',
            'ALTER TABLE entries_configentry RESET (fillfactor)',
        ),
    ]
