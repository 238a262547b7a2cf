from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sessions_live", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE VIEW audit_session AS SELECT id, user_id, ended_at FROM sessions_live_livesession",
            "DROP VIEW audit_session",
        ),
    ]
