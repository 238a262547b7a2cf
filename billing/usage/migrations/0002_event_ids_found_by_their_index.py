from django.db import migrations

# While the table is empty both of its indexes cost the same, PostgreSQL takes the newer one, and a
# process keeps that plan while the table grows: the other one reads all events of a person.
NEWER = """
ALTER INDEX one_count_per_event_id RENAME TO one_count_per_event_id_before;
CREATE UNIQUE INDEX one_count_per_event_id ON usage_usageevent (user_id, event_id)
    WHERE event_id IS NOT NULL;
DROP INDEX one_count_per_event_id_before;
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial")]

    operations = [migrations.RunSQL(NEWER, migrations.RunSQL.noop)]
