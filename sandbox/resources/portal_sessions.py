"""Billing portal sessions, and the configurations that they follow."""

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, World

from .addresses import check_url


def _default_configuration(world: World) -> Obj:
    for configuration in world.select("billing_portal.configuration", is_default=True):
        return configuration
    return _make_configuration(world, is_default=True)


def _make_configuration(world: World, **fields: object) -> Obj:
    return world.create("billing_portal.configuration", active=True, updated=world.now(), **fields)


@operation("POST", "/v1/billing_portal/configurations", "billing_portal.ConfigurationCreateParams")
def create_configuration(call: Call) -> Obj:
    configuration = _make_configuration(
        call.world,
        default_return_url=call.params.get("default_return_url") or None,
        metadata=merged({}, call.params.get("metadata")),
    )
    for name, wanted in call.params["features"].items():
        configuration["features"][name]["enabled"] = wanted.get("enabled", False)
    emit(call.world, "billing_portal.configuration.created", configuration)
    return configuration


@operation("GET", "/v1/billing_portal/configurations", "billing_portal.ConfigurationListParams")
def list_configurations(call: Call) -> Obj:
    return listed(call, "billing_portal.configuration", ("active", "is_default"))


@operation("POST", "/v1/billing_portal/sessions", "billing_portal.SessionCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = world.get("customer", params.get("customer", ""), "customer")
    if params.get("return_url"):
        check_url(params["return_url"], "return_url")
    if "configuration" in params:
        configuration = world.get(
            "billing_portal.configuration", params["configuration"], "configuration"
        )
    else:
        configuration = _default_configuration(world)
    session = world.new(
        "billing_portal.session",
        customer=customer["id"],
        configuration=configuration["id"],
        return_url=params.get("return_url") or configuration["default_return_url"],
        locale=params.get("locale"),
    )
    session["url"] = world.link(f"/portal/{session['id']}")
    world.add(session)
    emit(world, "billing_portal.session.created", session)
    return session
