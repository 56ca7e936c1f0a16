"""Types for many rows as one parameter, and fewer indexes on the answers by request id.

Django gives a text key a second index for ``LIKE``, which nobody asks; answers go by age from the beginning of the
table, which a few pages of a BRIN index find.
"""

import django.contrib.postgres.indexes
from django.db import migrations, models

DROP_LIKE = "DROP INDEX IF EXISTS consensus_appliedrequest_request_id_03358fa1_like"


class Migration(migrations.Migration):

    dependencies = [
        ('consensus', '0002_membership_and_log_base'),
    ]

    operations = [
        migrations.RunSQL(
            'CREATE TYPE consensus_log_row AS (index bigint, term bigint, kind bigint, data bytea)',
            'DROP TYPE consensus_log_row',
        ),
        migrations.RunSQL(
            'CREATE TYPE consensus_answer_row AS (request_id text, index bigint, fingerprint bytea, result bytea)',
            'DROP TYPE consensus_answer_row',
        ),
        migrations.AlterField(
            model_name='appliedrequest',
            name='request_id',
            field=models.CharField(db_collation='C', max_length=200, primary_key=True, serialize=False),
        ),
        migrations.RunSQL(DROP_LIKE, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='appliedrequest',
            name='index',
            field=models.BigIntegerField(),
        ),
        migrations.AddIndex(
            model_name='appliedrequest',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['index'], name='answers_by_age', pages_per_range=32),
        ),
    ]
