from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consensus", "0005_registers")]

    operations = [
        migrations.AddField(
            model_name="hardstate",
            name="group_id",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
    ]
