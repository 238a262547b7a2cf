from __future__ import annotations

from django.db import connection, models

ADVANCE = """
    INSERT INTO mirror_mirrorcursor (key, shown_at, rank) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET shown_at = excluded.shown_at, rank = excluded.rank
    WHERE (mirror_mirrorcursor.shown_at, mirror_mirrorcursor.rank)
        <= (excluded.shown_at, excluded.rank)
"""


class MirrorCursor(models.Model):
    """How new the mirrored state of one object is."""

    # The kind and the id: the ids of products and coupons may be chosen, and be the same.
    key = models.TextField(primary_key=True)
    shown_at = models.BigIntegerField()
    rank = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.key} as of {self.shown_at}"

    @classmethod
    def advance(cls, key: str, *, shown_at: int, rank: int) -> bool:
        """False if something newer is mirrored. Locks the object until the transaction ends."""
        with connection.cursor() as cursor:
            cursor.execute(ADVANCE, [key, shown_at, rank])
            return cursor.rowcount == 1
