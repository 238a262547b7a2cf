"""A mail server that does what a test asks of it, over real SMTP."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from typing import Any


class Dialogue(socketserver.StreamRequestHandler):
    server: PostOffice

    def handle(self) -> None:
        self.say("220 post office")
        while line := self.rfile.readline().decode().strip():
            command = line.split(":")[0].split()[0].upper()
            if command == "QUIT":
                self.say("221 bye")
                return
            if command == "DATA" and not self.take():
                return
            if command != "DATA":
                self.say(self.server.answers.get(command, "250 fine"))

    def take(self) -> bool:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.letters.append(
            email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        )
        if self.server.dies_after_taking:
            return False
        self.say("250 taken")
        return True

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class PostOffice(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.letters: list[EmailMessage] = []
        # SMTP command → another answer than "250 fine".
        self.answers: dict[str, str] = {}
        self.dies_after_taking = False
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def settings(self) -> dict[str, Any]:
        host, port = self.server_address[:2]
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": host,
            "EMAIL_PORT": port,
        }
