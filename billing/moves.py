"""What may be done to a subscription in which state, and why not. API, pages and console read this
one table; nothing else decides it."""

from __future__ import annotations

from django.db import models

from billing.models import Subscription
from config.kit.errors import AppError

Status = Subscription.Status


class State(models.TextChoices):
    """A subscription as its owner sees it: the provider's status, and what is planned."""

    NONE = "none"
    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    CHANGING = "changing"
    CONFIRMING = "confirming"
    ENDING = "ending"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    RESUMING = "resuming"
    ENDED = "ended"


class Move(models.TextChoices):
    # Another plan or interval: now, paying the difference, or when the period ends.
    SWITCH = "switch"
    PLAN_SWITCH = "plan_switch"
    # Drops a change that waits.
    KEEP = "keep"
    # At the period's end, or now.
    CANCEL = "cancel"
    END = "end"
    REACTIVATE = "reactivate"
    PAUSE = "pause"
    RESUME = "resume"
    EXTEND_TRIAL = "extend_trial"


class MoveRefused(AppError):
    code = "move_not_allowed"
    status = 409


YES = ""
NONE = "You have no subscription. Choose a plan to begin one."
ENDED = "This subscription has ended. Choose a plan to begin a new one."
INCOMPLETE = "The first payment is not complete yet. Finish it, or choose a plan again."
PAY_FIRST = "The last payment failed. Pay it with this or another card first."
RESUME_FIRST = "The subscription is paused. Resume it first."
KEEP_FIRST = "The subscription is about to end. Keep it (reactivate) first."
DROP_FIRST = "Another plan is to begin soon. Keep your present plan first."
CONFIRM_FIRST = "A change of plan waits for your bank. Confirm it, or keep your present plan first."
RESUMES_ALREADY = "This waits already, for you to confirm it at your bank."
NOTHING_PLANNED = "No other plan is to begin: there is nothing to take back."
NOT_CANCELED = "The subscription is not canceled: there is nothing to take back."
NOT_PAUSED = "The subscription is not paused."
NO_TRIAL = "There is no running trial to extend."
IN_TRIAL = "Nothing is charged during the trial. Cancel it instead; you keep it to its end."
NOW_INSTEAD = "During the trial a change of plan takes effect at once."


def everywhere(why: str) -> dict[Move, str]:
    return dict.fromkeys(Move, why)


# In the running states: what is always so, and then what each state says differently.
RUNNING: dict[Move, str] = {
    Move.SWITCH: YES,
    Move.PLAN_SWITCH: YES,
    Move.KEEP: NOTHING_PLANNED,
    Move.CANCEL: YES,
    Move.END: YES,
    Move.REACTIVATE: NOT_CANCELED,
    Move.PAUSE: YES,
    Move.RESUME: NOT_PAUSED,
    Move.EXTEND_TRIAL: NO_TRIAL,
}
UNPAID = {
    Move.KEEP: PAY_FIRST,
    Move.SWITCH: PAY_FIRST,
    Move.PLAN_SWITCH: PAY_FIRST,
    Move.PAUSE: PAY_FIRST,
}

PAUSED = RUNNING | {
    Move.SWITCH: RESUME_FIRST,
    Move.PLAN_SWITCH: RESUME_FIRST,
    Move.PAUSE: "The subscription is paused already.",
    Move.RESUME: YES,
}

TABLE: dict[State, dict[Move, str]] = {
    State.NONE: everywhere(NONE),
    State.ENDED: everywhere(ENDED),
    State.INCOMPLETE: everywhere(INCOMPLETE),
    State.ACTIVE: RUNNING,
    State.TRIALING: RUNNING
    | {Move.PLAN_SWITCH: NOW_INSTEAD, Move.PAUSE: IN_TRIAL, Move.EXTEND_TRIAL: YES},
    # A change at once, or another one for later, takes the place of the one that waits.
    State.CHANGING: RUNNING | {Move.KEEP: YES, Move.PAUSE: DROP_FIRST},
    State.CONFIRMING: RUNNING | {Move.KEEP: YES, Move.PAUSE: CONFIRM_FIRST},
    State.PAST_DUE: RUNNING | UNPAID,
    State.UNPAID: RUNNING | UNPAID,
    State.PAUSED: PAUSED,
    State.RESUMING: PAUSED | {Move.KEEP: YES, Move.RESUME: RESUMES_ALREADY},
    State.ENDING: everywhere(KEEP_FIRST)
    | {
        Move.CANCEL: "The subscription is canceled already, and ends with its period.",
        Move.END: YES,
        Move.REACTIVATE: YES,
        Move.KEEP: NOTHING_PLANNED,
    },
}
OF_STATUS = {
    Status.INCOMPLETE: State.INCOMPLETE,
    Status.INCOMPLETE_EXPIRED: State.ENDED,
    Status.TRIALING: State.TRIALING,
    Status.ACTIVE: State.ACTIVE,
    Status.PAST_DUE: State.PAST_DUE,
    Status.CANCELED: State.ENDED,
    Status.UNPAID: State.UNPAID,
    Status.PAUSED: State.PAUSED,
}


# What each becomes while the customer's bank has a question.
WAITING = {State.ACTIVE: State.CONFIRMING, State.PAUSED: State.RESUMING}


def state_of(subscription: Subscription | None) -> State:
    if subscription is None or subscription.duplicate:
        return State.NONE
    state = OF_STATUS[Status(subscription.status)]
    if state in (State.ENDED, State.INCOMPLETE):
        return state
    if subscription.cancel_at_period_end:
        return State.ENDING
    if subscription.awaits_confirmation and state in WAITING:
        return WAITING[state]
    if state == State.ACTIVE and subscription.planned_price_id is not None:
        return State.CHANGING
    return state


def why_not(subscription: Subscription | None, move: Move) -> str:
    """Empty where the move is allowed."""
    return TABLE[state_of(subscription)][move]


def refuse(subscription: Subscription | None, move: Move) -> None:
    """Raises MoveRefused."""
    if why := why_not(subscription, move):
        raise MoveRefused(why)


def allowed(subscription: Subscription | None) -> frozenset[Move]:
    row = TABLE[state_of(subscription)]
    return frozenset(move for move, why in row.items() if not why)
