"""The catalogue file: read, checked, stored, and pushed to the providers. Each step can be
repeated without harm."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from billing import plans
from billing.models import Item, Plan, Price, ProviderPrice
from billing.providers import get_provider
from billing.providers.base import ListedPrice
from billing.usage import quotas as usage_quotas
from config.kit import currencies
from config.kit.money import Money

FOLDER = Path(__file__).parent / "catalogs"

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
# -1 stands for no limit, as TOML has no null.
Limit = Annotated[int, Field(ge=-1, le=10**15, strict=True)]
Amount = Annotated[int, Field(gt=0, le=999_999_999_999, strict=True)]


class CatalogRefused(Exception):
    """The file is not right; the text says where and why."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceEntry(Strict):
    interval: Literal["month", "year", "once"]
    amount: Amount


class PlanEntry(Strict):
    tier: Slug
    name: str = Field(min_length=1, max_length=100)
    description: str = ""
    features: list[str] = []
    # Usage type → how much per period.
    quotas: dict[Slug, Limit] = {}
    # Those that are counted on beyond their limit; the person is told, and not stopped.
    soft_quotas: list[Slug] = []
    trial_days: int = Field(0, ge=0, le=730)
    trial_needs_card: bool = True
    grace_days: int = Field(7, ge=0, le=60)
    # How often an API key of somebody with this plan may ask.
    requests_per_minute: int = Field(600, ge=1, le=1_000_000)
    allow_promotion_codes: bool = True
    collect_billing_address: bool = True
    automatic_tax: bool = False
    prices: list[PriceEntry] = []

    @model_validator(mode="after")
    def one_price_per_interval(self) -> PlanEntry:
        intervals = [price.interval for price in self.prices]
        if len(set(intervals)) < len(intervals):
            raise ValueError("has two prices for one interval")
        return self

    @model_validator(mode="after")
    def soft_quotas_are_quotas(self) -> PlanEntry:
        strangers = sorted(set(self.soft_quotas) - self.quotas.keys())
        if strangers:
            raise ValueError(f"has the soft quota {strangers[0]!r}, but no such quota")
        return self


class ItemEntry(Strict):
    id: Slug
    name: str = Field(min_length=1, max_length=100)
    amount: Amount
    min_amount: Amount | None = None
    max_amount: Amount | None = None

    @model_validator(mode="after")
    def bounds_hold_the_amount(self) -> ItemEntry:
        if (self.min_amount is None) != (self.max_amount is None):
            raise ValueError("needs both min_amount and max_amount, or neither")
        low, high = self.min_amount or self.amount, self.max_amount or self.amount
        if not low <= self.amount <= high:
            raise ValueError("amount must lie between min_amount and max_amount")
        return self


class Catalog(Strict):
    """Plans stand in the order of their worth: from the least to the most."""

    name: Slug
    title: str
    currency: Currency
    plans: list[PlanEntry] = Field(min_length=1)
    items: list[ItemEntry] = []

    @model_validator(mode="after")
    def all_can_be_charged(self) -> Catalog:
        for what, amount in self._amounts():
            refusal = currencies.why_not(Money(amount, self.currency))
            if refusal:
                raise ValueError(f"{what}: {refusal}")
        return self

    def _amounts(self) -> Iterator[tuple[str, int]]:
        for plan in self.plans:
            for price in plan.prices:
                yield f"{plan.tier} per {price.interval}", price.amount
        for item in self.items:
            for amount in (item.amount, item.min_amount, item.max_amount):
                if amount is not None:
                    yield item.id, amount

    @model_validator(mode="after")
    def nothing_twice(self) -> Catalog:
        for kind, names in (
            ("plan", [plan.tier for plan in self.plans]),
            ("item", [item.id for item in self.items]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"has the {kind} {sorted(twice)[0]!r} twice")
        return self


def find_catalog(name: str) -> Path:
    """A path, or the name of a catalogue that comes with the product. Raises CatalogRefused."""
    for path in (Path(name), FOLDER / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
    raise CatalogRefused(f"There is no catalogue {name!r}; give a path, or one of: {known}.")


def read_catalog(path: Path) -> Catalog:
    """Raises CatalogRefused."""
    try:
        return Catalog.model_validate(tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogRefused(f"{path.name} is not TOML: {error}") from error
    except ValidationError as error:
        lines = [f"{path.name}: {_where(each['loc'])}{each['msg']}" for each in error.errors()]
        raise CatalogRefused("\n".join(lines)) from error


def _where(location: tuple[str | int, ...]) -> str:
    """`plans[2].prices[0].amount: `"""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{words.lstrip('.')}: " if words else ""


@transaction.atomic
def store_catalog(catalog: Catalog) -> None:
    """Makes the rows as the file says. What the file no longer has is no longer sold; who has
    bought it keeps it."""
    for rank, entry in enumerate(catalog.plans):
        plan, _ = Plan.objects.update_or_create(tier=entry.tier, defaults=_columns(entry, rank))
        _store_prices(catalog, plan, entry)
    Plan.objects.exclude(tier__in=[plan.tier for plan in catalog.plans]).update(active=False)
    Price.objects.filter(plan__active=False).update(active=False)
    for item in catalog.items:
        columns = item.model_dump(exclude={"id"}) | {"currency": catalog.currency, "active": True}
        Item.objects.update_or_create(slug=item.id, defaults=columns)
    Item.objects.exclude(slug__in=[item.id for item in catalog.items]).update(active=False)
    publish_quotas()


def _columns(entry: PlanEntry, rank: int) -> dict[str, object]:
    columns = entry.model_dump(exclude={"tier", "prices", "quotas"})
    quotas = {name: None if limit == -1 else limit for name, limit in entry.quotas.items()}
    return columns | {"quotas": quotas, "rank": rank, "active": True}


def publish_quotas() -> None:
    """Tells the meters what each plan allows, those included that are no longer sold."""
    free = plans.free_plan()
    usage_quotas.publish(
        usage_quotas.QuotaSet(
            tier=plan.tier, limits=plan.quotas, soft=plan.soft_quotas, is_default=plan == free
        )
        for plan in Plan.objects.all()
    )


def _store_prices(catalog: Catalog, plan: Plan, entry: PlanEntry) -> None:
    kept = []
    for price in entry.prices:
        same = {"interval": price.interval, "currency": catalog.currency, "amount": price.amount}
        Price.objects.filter(
            plan=plan, interval=price.interval, currency=catalog.currency, active=True
        ).exclude(amount=price.amount).update(active=False)
        row, _ = Price.objects.get_or_create(
            plan=plan,
            active=True,
            **same,
            defaults={"lookup_key": f"{catalog.name}.{plan.tier}.{price.interval}"},
        )
        kept.append(row.pk)
    plan.prices.exclude(pk__in=kept).update(active=False)


def push_catalog(catalog: Catalog, provider: str) -> int:
    """Brings a provider into step with the rows; returns the number of prices. Network."""
    prices = Price.objects.filter(active=True, plan__active=True).select_related("plan")
    by_key = {price.lookup_key: price for price in prices}
    published = get_provider(provider).publish_prices(
        ListedPrice(
            key=key,
            product_key=f"{catalog.name}_{price.plan.tier}",
            product_name=f"{catalog.title} {price.plan.name}",
            product_description=price.plan.description,
            money=price.money,
            interval=price.interval,
        )
        for key, price in by_key.items()
    )
    for key, (provider_id, product_id) in published.items():
        ProviderPrice.objects.update_or_create(
            price=by_key[key],
            provider=provider,
            defaults={"provider_id": provider_id, "product_id": product_id, "in_step": True},
        )
    return len(published)
