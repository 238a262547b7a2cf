"""Webhook endpoints: who is told, about what."""

from typing import Any, NamedTuple

from sandbox import API_VERSION
from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World


class Hook(NamedTuple):
    """Where events go: those of one's own account, or those of the accounts connected to it."""

    url: str
    secret: str
    connect: bool = False


def keep_endpoint(world: World, hook: Hook) -> Obj:
    """An enabled endpoint for everything with exactly this secret; safe to call twice."""
    for endpoint in world.select("webhook_endpoint"):
        notes = world.notes(endpoint["id"])
        is_same = endpoint["url"] == hook.url or notes["secret"] == hook.secret
        if is_same and notes.get("connect", False) == hook.connect:
            endpoint.update(url=hook.url, enabled_events=["*"], status="enabled")
            notes["secret"] = hook.secret
            return endpoint
    return make_endpoint(world, hook, ["*"])


def make_endpoint(world: World, hook: Hook, events: list[str], **fields: Any) -> Obj:
    endpoint = world.new(
        "webhook_endpoint", url=hook.url, enabled_events=events, api_version=API_VERSION, **fields
    )
    # The answers do not say which of the two kinds it is, but its events do.
    return world.add(endpoint, secret=hook.secret, connect=hook.connect)


@operation("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams")
def create(call: Call) -> Obj:
    params = call.params
    if not params["url"].startswith(("http://", "https://")):
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            "url",
            "url_invalid",
        )
    version = params.get("api_version")
    if version and not version.endswith(".dahlia"):
        raise InvalidRequest(f"This sandbox speaks {API_VERSION} only.", "api_version")
    endpoint = make_endpoint(
        call.world,
        Hook(params["url"], f"whsec_{random_text(32)}", params.get("connect", False)),
        params["enabled_events"],
        description=params.get("description"),
        metadata=merged({}, params.get("metadata")),
    )
    # Only the answer to the creation tells the secret.
    return {**endpoint, "secret": call.world.notes(endpoint["id"])["secret"]}


@operation("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("webhook_endpoint", call.id, "webhook_endpoint", in_url=True)


@operation("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams")
def update(call: Call) -> Obj:
    endpoint, params = retrieve(call), call.params
    for name in ("url", "enabled_events", "description"):
        if name in params:
            endpoint[name] = params[name] or None
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint["metadata"] = merged(endpoint["metadata"], params.get("metadata"))
    return endpoint


@operation("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams")
def delete(call: Call) -> Obj:
    retrieve(call)
    call.world.notes(call.id)["deleted"] = True
    return {"id": call.id, "object": "webhook_endpoint", "deleted": True}


@operation("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "webhook_endpoint")
