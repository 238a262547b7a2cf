"""Which amounts can be charged, after https://docs.stripe.com/currencies: checked before a provider
is asked, so that a caller hears which field is wrong."""

from __future__ import annotations

from config.kit.errors import AppError
from config.kit.money import THREE_DECIMAL, ZERO_DECIMAL, Money

TWO_DECIMAL = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd btn bwp byn bzd cad
    chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf
    idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk
    mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd
    shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar zmw
    """.split()  # noqa: SIM905
)
CHARGEABLE = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL
MOST = 99_999_999
LEAST = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip


class NotChargeable(AppError):
    code = "amount_not_chargeable"


def refuse_unchargeable(money: Money) -> None:
    """Raises NotChargeable, with the field that is wrong."""
    if money.currency not in CHARGEABLE:
        raise NotChargeable("Payments in this currency are not possible.", attr="currency")
    least = Money(LEAST.get(money.currency, 1), money.currency)
    most = Money(MOST, money.currency)
    if not least.amount <= money.amount <= most.amount:
        raise NotChargeable(f"Between {least} and {most} can be paid at once.", attr="amount")
    step = step_of(money.currency)
    if money.amount % step:
        raise NotChargeable(f"This currency is paid in steps of {step}.", attr="amount")


def step_of(currency: str) -> int:
    """The last of three decimals is always zero, and Iceland's two are kept for old times' sake."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency == "isk" else 1
