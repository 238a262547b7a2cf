"""Answers dj-stripe's questions to Stripe at once, so that its network costs it next to nothing."""

import asyncio
import json
import os

ACCOUNT = {"id": "acct_benchmark", "object": "account", "settings": {}, "email": None}


def answer_to(path: str) -> dict[str, object]:
    kind, _, thing = path.split("?")[0].removeprefix("/v1/").partition("/")
    if kind == "account":
        return ACCOUNT
    if kind == "customers":
        return {
            "id": thing,
            "object": "customer",
            "created": 1_700_000_000,
            "livemode": False,
            "email": None,
            "metadata": {},
        }
    return {**json.loads(os.environ["INTENT"]), "id": thing}


class Stub(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        while b"\r\n\r\n" in self.heard:
            head, _, self.heard = self.heard.partition(b"\r\n\r\n")
            body = json.dumps(answer_to(head.split(b" ", 2)[1].decode())).encode()
            self.transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Request-Id: req_1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


asyncio.run(main())
