from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("apikeys", "0002_expiry_warnings"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="revealed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
