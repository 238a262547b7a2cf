import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def say_what_was_guessed(apps, schema_editor):
    """Causes were fixed guesses by kind; they are told from now on as what they were."""
    differences = apps.get_model("reconciliation", "Difference").objects.all()
    for guess in ("missed event", "changed in the dashboard", "our own bug"):
        evidence = f"None: an earlier version guessed \u201c{guess}\u201d."
        differences.filter(cause=guess).update(cause="unknown", evidence=evidence)
    runs = apps.get_model("reconciliation", "Run").objects.all()
    runs.exclude(since=None).update(scope="recent")


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Match',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20)),
                ('reference', models.CharField(max_length=255)),
                ('movement_id', models.CharField(max_length=255)),
            ],
        ),
        migrations.AddField(
            model_name='difference',
            name='apart',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='difference',
            name='closed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='closed', to='reconciliation.run'),
        ),
        migrations.AddField(
            model_name='difference',
            name='currency',
            field=models.CharField(blank=True, max_length=3),
        ),
        migrations.AddField(
            model_name='difference',
            name='customer',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='difference',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='difference',
            name='evidence',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='run',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='run',
            name='customer',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='run',
            name='gone',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='run',
            name='scope',
            field=models.CharField(choices=[('all', 'Everything'), ('recent', 'The recent past'), ('customer', 'One customer')], default='all', max_length=10),
        ),
        migrations.AddField(
            model_name='run',
            name='trouble',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='difference',
            name='cause',
            field=models.CharField(choices=[('missed_event', 'No event of it came'), ('dead_letter', 'Its event was given up'), ('set_aside', 'Its event was put aside'), ('no_effect', 'Its event had no effect'), ('changed_there', 'Changed at the provider, by no call of ours'), ('changed_here', 'Changed here, by no event'), ('unknown_shape', 'A shape that we cannot read'), ('others', 'The sum of other differences'), ('unknown', 'Unknown')], default='unknown', max_length=100),
        ),
        migrations.AlterField(
            model_name='difference',
            name='status',
            field=models.CharField(choices=[('open', 'Open'), ('repaired', 'Repaired'), ('gone', 'gone by itself'), ('ignored', 'Ignored')], default='open', max_length=20),
        ),
        migrations.AlterField(
            model_name='run',
            name='seen_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='stage',
            field=models.CharField(default='events', max_length=20),
        ),
        migrations.RunPython(say_what_was_guessed, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='difference',
            index=models.Index(condition=models.Q(('customer', ''), _negated=True), fields=['customer', '-id'], name='differences_of_customer'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('customer', ''), _negated=True), fields=['customer', '-id'], name='reconciliations_of_customer'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.UniqueConstraint(models.F('provider'), models.F('reference'), name='one_match_per_transfer'),
        ),
    ]
