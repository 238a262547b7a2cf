"""Links to the hosted form on which a connected account tells who it is: short-lived, used once."""

from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj

from .account import ACCOUNT_ID
from .addresses import check_url

LIFETIME = 300


@operation("POST", "/v1/account_links", "AccountLinkCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    account = world.get("account", params["account"], "account")
    if account["id"] == ACCOUNT_ID:
        raise InvalidRequest("You cannot create an account link for your own account.", "account")
    if params["type"] != "account_onboarding":
        raise InvalidRequest(
            "You cannot create `account_update` type Account Links for this account.", "type"
        )
    for name in ("refresh_url", "return_url"):
        if name not in params:
            raise InvalidRequest(f"You must provide {name}.", name, "parameter_missing")
        check_url(params[name], name)
    # The link itself has no id: whoever has the address has the link.
    key = f"_account_link_{random_text(24)}"
    url = world.link(f"/onboarding/{key.removeprefix('_account_link_')}")
    world.add(
        {
            "id": key,
            "object": "_account_link",
            "account": account["id"],
            "refresh_url": params["refresh_url"],
            "return_url": params["return_url"],
            "expires_at": world.now() + LIFETIME,
            "used": False,
        }
    )
    link: Obj = {
        "object": "account_link",
        "created": world.now(),
        "expires_at": world.now() + LIFETIME,
        "url": url,
    }
    return link
