from django.db import migrations


class Migration(migrations.Migration):
    """The published, stable view for audits from outside."""

    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW audit_inbox AS
            SELECT provider, event_id, type, status, attempts, received_at, processed_at
            FROM webhooks_webhookevent
            """,
            "DROP VIEW audit_inbox",
        )
    ]
