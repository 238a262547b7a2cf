from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0010_one_index_of_a_payer'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='payment',
            name='has_receipt',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunSQL(
            "UPDATE billing_payment SET has_receipt = true FROM billing_invoice receipt"
            " WHERE receipt.payment_id = billing_payment.id",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(models.Q(models.Q(('order', None), _negated=True), models.Q(('purchase', None), _negated=True), _connector='OR'), ('has_receipt', False), ('paid_at__isnull', False)), fields=['user'], name='payments_without_receipt'),
        ),
    ]
