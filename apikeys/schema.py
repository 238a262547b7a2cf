"""How the OpenAPI schema names keys, and at which doors they may be shown."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from apikeys.scopes import SCOPES
from config.kit.scopes import scope_of


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "apikeys.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_requirement(self, auto_schema: Any) -> Any:
        scope = scope_of(auto_schema.view, auto_schema.method)
        return {self.name: []} if scope else None

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        scheme = build_bearer_security_scheme_object("Authorization", "Bearer", "sk_…")
        lines = [f"* `{name}`: {what}" for name, what in SCOPES.items()]
        return {**scheme, "description": "An API key. Scopes:\n\n" + "\n".join(lines)}
