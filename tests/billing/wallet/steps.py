"""What can happen next in a random life, and how often it does. A step is False where there is
nothing for it to do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from django.test import override_settings
from django.utils import timezone

from billing import escrow_payments
from billing.models import Customer, Payment
from billing.wallet import ledger
from billing.wallet.models import Escrow
from tests.billing.wallet.bank import News
from tests.billing.wallet.machine import ESCROWS, PAYOUTS, PEOPLE, Act, Life
from tests.billing.wallet.reference import GOES_ON, LEAST_PAYOUT, STAFF, Held, Payout

FEES = (1_000, 1_000, 290, 3_333, 0)
CURRENCIES = ("usd", "usd", "kwd")
Step = Callable[[Life, Random], bool]


def some_of(draw: Random, whole: int) -> int:
    """Mostly all of it, or what is odd: one unit, and one more than there is."""
    return draw.choice([whole, whole, 1, whole + 1, *(draw.randint(1, max(1, whole)),) * 4])


def key_of(draw: Random) -> str:
    """One of few, so that people use one again; or none."""
    return draw.choice(["", "", "red", "blue", "green"])


def header(key: str, life: Life) -> dict[str, str]:
    return {"Idempotency-Key": f"{key} of {life.users[0].pk}"} if key else {}


# --- escrow ---------------------------------------------------------------------------------------
def agree(life: Life, draw: Random) -> bool:
    payer, payee = draw.sample(range(PEOPLE), 2)
    currency, bps = draw.choice(CURRENCIES), draw.choice(FEES)
    amount = draw.randint(50, 3_000) * (10 if currency == "kwd" else 1)
    begin(life, Held(payer, payee, amount, currency, bps), twice=draw.random() < 0.2)
    return True


def begin(life: Life, held: Held, *, twice: bool = False) -> str:
    label, key = f"e{len(life.books.escrows) + 1}", str(uuid.uuid4())
    wish = {"payee": life.users[held.payee].email, "amount": held.amount}
    wish |= {"currency": held.currency}

    def send() -> Any:
        headers = {"Idempotency-Key": key}
        with override_settings(PLATFORM_FEE_BPS=held.bps):
            answers = [life.clients[held.payer].post(ESCROWS, wish, headers=headers)]
        if twice:
            # What the platform takes from now on is not what these two agreed on.
            answers.append(life.clients[held.payer].post(ESCROWS, wish, headers=headers))
            assert answers[0].json() == answers[1].json()
        return answers[-1]

    def kept(body: Any, _: Any) -> None:
        life.ids[label] = body["id"]
        payment = Payment.objects.get(pk=body["id"])
        customer = Customer.objects.get(user=payment.user, provider="stripe").provider_id or ""
        life.bank.opens(label, held, intent=payment.provider_id, customer=customer)

    said = f"{held.payer} promises {held.payee} {held.amount} {held.currency} as {label}"
    life.do(Act(said, send, lambda books: books.agree(label, held), 201, kept))
    return label


def pay(life: Life, draw: Random) -> bool:
    unpaid = [each for each in life.books.escrows if each not in life.bank.paid]
    if not unpaid:
        return False
    escrow = draw.choice(unpaid)
    how = draw.choice(["pays", "pays", "pays", "declines", "gives_up"])
    return life.do(life.hear(getattr(life.bank, how)(escrow, life.ids[escrow])))


def release(life: Life, draw: Random) -> bool:
    escrow = some_escrow(life, draw)
    return life.do(a_release(life, draw, escrow)) if escrow else False


def a_release(life: Life, draw: Random, escrow: str) -> Act:
    held = life.books.escrows[escrow]
    part = draw.choice([None, *(some_of(draw, held.left),) * 4])
    others = [*range(PEOPLE), STAFF]
    by = draw.choice(others) if draw.random() < 0.15 else held.payer
    key = key_of(draw)
    body = {} if part is None else {"amount": part}

    def send() -> Any:
        path = f"{ESCROWS}/{life.ids[escrow]}/release"
        return life.clients[by].post(path, body, headers=header(key, life))

    said = f"{by} releases {'all' if part is None else part} of {escrow}" + f" ({key})" * bool(key)
    return Act(said, send, lambda books: books.release(escrow, part, by, key))


def some_escrow(life: Life, draw: Random) -> str:
    """Mostly one that holds something."""
    holding = [each for each, held in life.books.escrows.items() if held.left]
    among = holding if holding and draw.random() < 0.9 else list(life.books.escrows)
    return draw.choice(among) if among else ""


def days_pass(life: Life, draw: Random) -> bool:
    """Until the platform releases by itself what its payer forgot; then they are counted anew."""
    escrow = some_escrow(life, draw)
    if not escrow:
        return False
    row = Escrow.objects.filter(pk=life.ids[escrow])

    def send() -> None:
        row.update(release_at=timezone.now() - timedelta(seconds=1))
        escrow_payments.release_due()
        row.update(release_at=None)

    return life.do(
        Act(f"the days of {escrow} are over", send, lambda books: books.time_is_up(escrow))
    )


# --- what goes back -------------------------------------------------------------------------------
def give_back(life: Life, draw: Random) -> bool:
    escrow = what_can_go_back(life, draw)
    if not escrow:
        return False
    amount = min(some_of(draw, life.bank.can_give_back(escrow)), life.bank.can_give_back(escrow))
    news = life.bank.refunds_some(escrow, amount, is_slow=draw.random() < 0.2)
    return perhaps_later(life, draw, news)


def what_can_go_back(life: Life, draw: Random, *, without: Collection[str] = ()) -> str:
    among = [each for each in life.books.escrows if life.bank.can_give_back(each) > 0]
    among = [each for each in among if each not in without]
    return draw.choice(among) if among else ""


def perhaps_later(life: Life, draw: Random, news: list[News]) -> bool:
    """The provider's news come in any order, and some twice."""
    for each in news:
        if draw.random() < 0.2:
            life.unheard.append(again(each, draw))
        if draw.random() < 0.2:
            life.unheard.append(each)
            life.story.append(f"{each.said}, and nobody has told yet")
        else:
            life.do(life.hear(each))
    return True


def bounce(life: Life, draw: Random) -> bool:
    if not life.bank.refunds:
        return False
    return perhaps_later(life, draw, [life.bank.bounces(draw.choice(life.bank.refunds))])


def dispute(life: Life, draw: Random) -> bool:
    """A payment is disputed once."""
    escrow = what_can_go_back(life, draw, without=life.bank.was_disputed)
    if not escrow:
        return False
    whole = life.bank.can_give_back(escrow)
    asks = life.bank.asks_first if draw.random() < 0.15 else life.bank.asks_back
    return perhaps_later(life, draw, [asks(escrow, min(some_of(draw, whole), whole))])


def decide(life: Life, draw: Random) -> bool:
    if not life.bank.disputes:
        return False
    news = life.bank.decides(draw.choice(life.bank.disputes), draw.choice(["won", "lost"]))
    return perhaps_later(life, draw, [news])


def post_comes(life: Life, draw: Random) -> bool:
    if not life.unheard:
        return False
    return life.do(life.hear(life.unheard.pop(draw.randrange(len(life.unheard)))))


def say_again(life: Life, draw: Random) -> bool:
    if not life.told:
        return False
    return life.do(life.hear(again(draw.choice(life.told[-12:]), draw)))


def again(news: News, draw: Random) -> News:
    """The same event, or another that says the same."""
    if draw.random() < 0.5:
        return news
    other = {"id": f"evt_{uuid.UUID(int=draw.getrandbits(128)).hex}"}
    return replace(news, event=news.event | other)


# --- payouts --------------------------------------------------------------------------------------
def take_out(life: Life, draw: Random) -> bool:
    return life.do(a_payout(life, draw))


def a_payout(life: Life, draw: Random, who: int | None = None) -> Act:
    rich = [purse for purse, amount in life.books.has.items() if amount and who in (None, purse[0])]
    poor = (draw.randrange(PEOPLE) if who is None else who, draw.choice(CURRENCIES))
    whose, currency = draw.choice(rich) if rich and draw.random() < 0.9 else poor
    most, least = life.books.has[whose, currency], LEAST_PAYOUT[currency]
    amount = draw.choice([least, least - 1, *(some_of(draw, most),) * 4])
    wish, key = Payout(whose, amount, currency), key_of(draw)
    label = f"p{next(life.payout_numbers)}"
    body = {"amount": amount, "currency": currency}

    def send() -> Any:
        return life.clients[whose].post(PAYOUTS, body, headers=header(key, life))

    def kept(answer: Any, called: str) -> None:
        assert life.ids.setdefault(called, answer["id"]) == answer["id"]

    said = f"{whose} takes out {amount} {currency} as {label}" + f" ({key})" * bool(key)
    return Act(said, send, lambda books: books.ask_payout(label, wish, key), 201, kept)


def some_payout(life: Life, draw: Random) -> str:
    """Mostly one that is not over."""
    going = [each for each, payout in life.books.payouts.items() if payout.status in GOES_ON]
    among = going if going and draw.random() < 0.85 else list(life.books.payouts)
    return draw.choice(among) if among else ""


def bank_says(life: Life, draw: Random) -> bool:
    label = some_payout(life, draw)
    if not label:
        return False
    payout = life.books.payouts[label]
    word = draw.choice(["in_transit", "paid", "paid", "failed", "failed", "canceled"])
    terms = {"account": life.banks[payout.who], "word": word}
    says = life.bank.says
    if draw.random() < 0.15:
        says, is_known = life.bank.lies, payout.status in ("in_transit", "paid", "failed")
        others = [each for who, each in enumerate(life.banks) if is_known or who != payout.who]
        terms["account"] = draw.choice(others)
    return perhaps_later(life, draw, [says(label, payout, life.ids[label], **terms)])


def call_back(life: Life, draw: Random) -> bool:
    label = some_payout(life, draw)
    if not label:
        return False
    owner = life.books.payouts[label].who
    by = draw.randrange(PEOPLE) if draw.random() < 0.2 else owner
    path = f"{PAYOUTS}/{life.ids[label]}/cancel"
    said = f"{by} calls {label} back"
    act = Act(
        said, lambda: life.clients[by].post(path), lambda books: books.cancel_payout(label, by)
    )
    return life.do(act)


# --- at the same moment ---------------------------------------------------------------------------
def at_the_same_moment(life: Life, draw: Random) -> bool:
    """Two that touch the same money."""
    escrow = some_escrow(life, draw)
    if not escrow:
        return False
    first = a_release(life, draw, escrow)
    rest, second = life.bank.can_give_back(escrow), draw.choice(["goes back", "taken out", ""])
    if second == "goes back" and rest:
        [sent] = life.bank.refunds_some(escrow, rest, is_slow=False)
        other = life.hear(sent)
    elif second == "taken out":
        other = a_payout(life, draw, life.books.escrows[escrow].payee)
    else:
        other = a_release(life, draw, escrow)
    return life.do(first, other)


def two_payouts(life: Life, draw: Random) -> bool:
    rich = [who for (who, _), amount in life.books.has.items() if amount >= 200]
    if not rich:
        return False
    who, seed = draw.choice(rich), draw.getrandbits(64)
    # Half the time the same wish, with the same key if it has one.
    other = seed if draw.random() < 0.5 else seed + 1
    return life.do(*[a_payout(life, Random(each), who) for each in (seed, other)])


def fold(life: Life, draw: Random) -> bool:
    ledger.fold()
    return True


WEIGHTS: dict[Step, int] = {
    agree: 4,
    pay: 6,
    release: 16,
    days_pass: 3,
    give_back: 9,
    bounce: 6,
    dispute: 5,
    decide: 6,
    post_comes: 6,
    say_again: 6,
    take_out: 12,
    bank_says: 14,
    call_back: 4,
    at_the_same_moment: 2,
    two_payouts: 2,
    fold: 1,
}


def take_step(life: Life, draw: Random) -> str:
    """What it was."""
    while True:
        (step,) = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if step(life, draw):
            return step.__name__
