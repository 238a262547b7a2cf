"""A payment into escrow on pages: its two sides, each in a browser of their own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from billing.wallet.models import Escrow
from sessions_live.models import User
from tests.billing.browsing import browser_of, text

if TYPE_CHECKING:
    from tests.billing.conftest import Shop

GOOD, DECLINED = "4242424242424242", "4000000000000002"


class Pages:
    """Alice pays Bob, each in a browser of their own."""

    def __init__(self, shop: Shop, alice: User, bob: User) -> None:
        self.shop, self.alice, self.bob = shop, alice, bob
        self.hers, self.his = browser_of(alice), browser_of(bob)

    def agree(self, **changes: Any) -> Any:
        form = {
            **{"payee": self.bob.email, "description": "Three posts", "amount": "100.00"},
            **{"currency": "usd", "key": str(uuid.uuid4()), **changes},
        }
        return self.hers.post("/escrow/new", form)

    def open(self, **changes: Any) -> Escrow:
        """Ends on the provider's page."""
        answer = self.agree(**changes)
        assert answer.status_code == 302, text(answer)
        agreed = Escrow.objects.latest("created_at")
        assert answer["Location"] == agreed.page_url
        return agreed

    def pay(self, agreed: Escrow, card: str = GOOD) -> Any:
        return self.shop.stripe.pay(agreed.page_id, card)

    def hold(self, **changes: Any) -> Escrow:
        agreed = self.open(**changes)
        self.pay(agreed).raise_for_status()
        self.shop.hear()
        return Escrow.objects.get(pk=agreed.pk)

    def release(self, agreed: Escrow, amount: str, *, key: str = "") -> Any:
        form = {"amount": amount, "currency": "usd", "key": key or str(uuid.uuid4())}
        return self.hers.post(f"/escrow/{agreed.pk}/release", form, follow=True)

    def hers_of(self, agreed: Escrow) -> str:
        return text(self.hers.get(f"/escrow/{agreed.pk}"))

    def his_of(self, agreed: Escrow) -> str:
        return text(self.his.get(f"/escrow/{agreed.pk}"))
