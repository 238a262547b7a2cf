"""Subscription schedules: a plan change that waits for the end of the period."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, Row, World
from sandbox.world.schedule import scheduled

from .schedule_phases import enter_due_phase, make_phase, phase_of_subscription, release
from .subscription_end import end_subscription
from .subscription_start import announce, bill_first, first_invoice, new_subscription

_LIVE = ("active", "not_started")


@operation("POST", "/v1/subscription_schedules", "SubscriptionScheduleCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    if id_ := params.get("from_subscription"):
        if params.keys() - {"from_subscription"}:
            raise InvalidRequest(
                "You cannot set any other parameters if `from_subscription` is set.",
                "from_subscription",
            )
        return _from_subscription(world, world.get("subscription", id_, "from_subscription"))
    customer = world.get("customer", params.get("customer", ""), "customer")
    start = params.get("start_date", "now")
    first = world.now() if start == "now" else start
    schedule = world.create(
        "subscription_schedule",
        customer=customer["id"],
        end_behavior=params.get("end_behavior", "release"),
        metadata=merged({}, params.get("metadata")),
        phases=_phases(world, params.get("phases") or [], first),
        status="not_started",
    )
    emit(world, "subscription_schedule.created", schedule)
    if first <= world.now():
        _begin(world, schedule)
    return schedule


def _from_subscription(world: World, subscription: Obj) -> Obj:
    if subscription["schedule"]:
        raise InvalidRequest(
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" {subscription['schedule']}",
            "from_subscription",
        )
    phase = phase_of_subscription(subscription)
    schedule = world.create(
        "subscription_schedule",
        customer=subscription["customer"],
        subscription=subscription["id"],
        phases=[phase],
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
    )
    emit(world, "subscription_schedule.created", schedule)
    with changing(world, "customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
    return schedule


def _phases(world: World, wanted: list[dict[str, Any]], start: int) -> list[Obj]:
    if not wanted:
        raise InvalidRequest("Missing required param: phases.", "phases", "parameter_missing")
    phases: list[Obj] = []
    for number, phase in enumerate(wanted):
        asked = phase.get("start_date", start)
        if isinstance(asked, int) and asked != start:
            raise InvalidRequest(
                "The start of a phase must be the end of the one before.",
                f"phases[{number}][start_date]",
            )
        phases.append(make_phase(world, phase, start, f"phases[{number}]"))
        start = phases[-1]["end_date"]
    return phases


def _begin(world: World, schedule: Obj) -> None:
    customer = world.get("customer", schedule["customer"])
    phase = schedule["phases"][0]
    items = [{"price": i["price"], "quantity": i["quantity"]} for i in phase["items"]]
    subscription = new_subscription(world, customer, {"items": items})
    subscription["schedule"] = schedule["id"]
    invoice = first_invoice(world, customer, subscription, [])
    bill_first(world, subscription, invoice, None, "allow_incomplete")
    announce(world, subscription)
    with changing(world, "subscription_schedule.updated", schedule):
        schedule.update(
            status="active",
            subscription=subscription["id"],
            current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
        )


def _due(body: Obj, notes: dict[str, Any]) -> int | None:
    if body["status"] == "not_started":
        return body["phases"][0]["start_date"]
    current = body["current_phase"]
    return current["end_date"] if body["status"] == "active" and current else None


@scheduled("subscription_schedule", _due)
def next_phase(world: World, schedule: Obj) -> None:
    if schedule["status"] == "not_started":
        _begin(world, schedule)
        return
    enter_due_phase(world, world.get("subscription", schedule["subscription"]))


@operation("GET", "/v1/subscription_schedules/{id}", "SubscriptionScheduleRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("subscription_schedule", call.id, "schedule", in_url=True)


def _live(call: Call, verb: str) -> Obj:
    schedule = retrieve(call)
    if schedule["status"] not in _LIVE:
        raise InvalidRequest(
            f"You cannot {verb} a subscription schedule that is currently in the"
            f" `{schedule['status']}` status. It must be in one of the following statuses:"
            " `not_started`, `active`."
        )
    return schedule


@operation("POST", "/v1/subscription_schedules/{id}", "SubscriptionScheduleUpdateParams")
def update(call: Call) -> Obj:
    world, params, schedule = call.world, call.params, _live(call, "update")
    with changing(world, "subscription_schedule.updated", schedule):
        if params.get("phases"):
            start = params["phases"][0].get("start_date")
            known = schedule["phases"][0]["start_date"]
            current = schedule["current_phase"] or schedule["phases"][0]
            if start not in (known, current["start_date"]):
                raise InvalidRequest(
                    "The start date of the current phase must be given, and cannot be changed.",
                    "phases[0][start_date]",
                )
            schedule["phases"] = _phases(world, params["phases"], start)
            _find_current(world, schedule)
        if "end_behavior" in params:
            schedule["end_behavior"] = params["end_behavior"]
        schedule["metadata"] = merged(schedule["metadata"], params.get("metadata"))
    return schedule


def _find_current(world: World, schedule: Obj) -> None:
    now = world.now()
    for phase in schedule["phases"]:
        if schedule["status"] == "active" and phase["start_date"] <= now < phase["end_date"]:
            schedule["current_phase"] = {
                "start_date": phase["start_date"], "end_date": phase["end_date"],
            }  # fmt: skip


@operation("POST", "/v1/subscription_schedules/{id}/release", "SubscriptionScheduleReleaseParams")
def release_it(call: Call) -> Obj:
    schedule = _live(call, "release")
    release(call.world, schedule)
    return schedule


@operation("POST", "/v1/subscription_schedules/{id}/cancel", "SubscriptionScheduleCancelParams")
def cancel(call: Call) -> Obj:
    schedule = _live(call, "cancel")
    subscription = call.world.find("subscription", schedule["subscription"])
    schedule.update(status="canceled", canceled_at=call.world.now(), current_phase=None)
    emit(call.world, "subscription_schedule.canceled", schedule)
    if subscription:
        end_subscription(call.world, subscription)
    return schedule


@operation("GET", "/v1/subscription_schedules", "SubscriptionScheduleListParams")
def list_all(call: Call) -> Obj:
    wanted = call.params.get("scheduled")

    def fits(row: Row) -> bool:
        return wanted is None or wanted == (row.body["status"] == "not_started")

    return listed(call, "subscription_schedule", ("customer",), fits)
