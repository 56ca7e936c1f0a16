from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consensus", "0003_rows_and_lean_answers")]

    operations = [
        migrations.AddField(
            model_name="hardstate",
            name="diverged",
            field=models.TextField(blank=True, default=""),
        ),
    ]
