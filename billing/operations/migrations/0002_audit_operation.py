from django.db import migrations


class Migration(migrations.Migration):
    """The published, stable view for audits from outside."""

    dependencies = [("operations", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW audit_operation AS
            SELECT id, kind, status, provider_id, attempts FROM operations_operation
            """,
            "DROP VIEW audit_operation",
        )
    ]
