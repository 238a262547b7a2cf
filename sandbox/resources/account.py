"""The account that the key belongs to."""

from sandbox.api.operations import Call, operation
from sandbox.world.rows import Obj, World

ACCOUNT_ID = "acct_1SandboxPlatform00"


def platform_account(world: World) -> Obj:
    known = world.find("account", ACCOUNT_ID)
    return known or world.create(
        "account",
        id=ACCOUNT_ID,
        type="standard",
        country="US",
        default_currency="usd",
        email="sandbox@example.com",
        business_type="company",
        charges_enabled=True,
        payouts_enabled=True,
        details_submitted=True,
        created=1_700_000_000,
    )


@operation("GET", "/v1/account", "AccountRetrieveCurrentParams")
def retrieve_current(call: Call) -> Obj:
    return platform_account(call.world)


@operation("GET", "/v1/accounts/{id}", "AccountRetrieveParams")
def retrieve(call: Call) -> Obj:
    platform_account(call.world)
    return call.world.get("account", call.id, in_url=True)
