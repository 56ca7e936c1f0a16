from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consensus", "0004_diverged")]

    operations = [
        migrations.RunSQL(
            "CREATE TYPE consensus_register_row AS (name text, promised text, accepted text, value bytea)",
            "DROP TYPE consensus_register_row",
        ),
        migrations.CreateModel(
            name="RegisterState",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("reserved", models.BigIntegerField(default=0)),
                ("floor", models.TextField(default="0.0.")),
                ("floor_version", models.BigIntegerField(default=0)),
                ("membership", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="consensus_registerstate_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="RegisterRecord",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("promised", models.TextField()),
                ("accepted", models.TextField()),
                ("value", models.BinaryField()),
            ],
            options={"db_table": "consensus_register"},
        ),
    ]
