"""Reading events back."""

from fnmatch import fnmatch

from sandbox.api.lists import listed
from sandbox.api.operations import Call, operation
from sandbox.world.rows import Obj, Row


@operation("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("event", call.id, "id", in_url=True)


@operation("GET", "/v1/events", "EventListParams")
def list_all(call: Call) -> Obj:
    params = call.params
    patterns = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    wanted = params.get("delivery_success")

    def fits(row: Row) -> bool:
        if row.notes.get("hand_made"):
            return False
        delivered = row.body["pending_webhooks"] == 0
        return any(fnmatch(row.body["type"], pattern) for pattern in patterns) and (
            wanted is None or delivered == wanted
        )

    return listed(call, "event", where=fits)
