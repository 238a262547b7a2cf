from django.db import migrations, models

# What it was for at first is what it was before its first change.
NOTE_BEGINNINGS = """
INSERT INTO billing_subscriptionevent
    (subscription_id, kind, at, before, after, by, actor_id, told_by, reason, created_at)
SELECT
    s.id, 'began', s.created_at, '{}',
    COALESCE(
        (
            SELECT e.before FROM billing_subscriptionevent e
            WHERE e.subscription_id = s.id AND e.kind = 'plan_changed'
            ORDER BY e.at, e.id LIMIT 1
        ),
        jsonb_build_object('plan', p.name, 'interval', s.interval, 'amount', s.amount)
    ),
    CASE WHEN s.order_id IS NULL THEN 'provider' ELSE 'customer' END,
    CASE WHEN s.order_id IS NULL THEN NULL ELSE s.user_id END,
    '', '', now()
FROM billing_subscription s
JOIN billing_plan p ON p.id = s.plan_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0011_receipts_still_to_write'),
    ]

    operations = [
        migrations.AlterField(
            model_name='subscriptionevent',
            name='kind',
            field=models.CharField(choices=[('began', 'Began'), ('plan_changed', 'Plan Changed'), ('change_planned', 'Change Planned'), ('change_dropped', 'Change Dropped'), ('change_awaited', 'Change Awaited'), ('canceled', 'Canceled'), ('reactivated', 'Reactivated'), ('paused', 'Paused'), ('resumed', 'Resumed'), ('renewed', 'Renewed'), ('trial_ended', 'Trial Ended'), ('trial_extended', 'Trial Extended'), ('payment_failed', 'Payment Failed'), ('recovered', 'Recovered'), ('ended', 'Ended'), ('status_changed', 'Status Changed')], max_length=20),
        ),
        migrations.RunSQL(
            NOTE_BEGINNINGS, "DELETE FROM billing_subscriptionevent WHERE kind = 'began'"
        ),
    ]
