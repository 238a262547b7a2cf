"""Turning stripe-python's types into pydantic-core schemas that refuse anything unknown.

`TypeAdapter` cannot do it: the annotations are strings under TYPE_CHECKING, and every enum is
widened with `| str`, which would let any value pass.
"""

import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_origin

import typing_extensions as te
from pydantic_core import CoreSchema, SchemaValidator
from pydantic_core import core_schema as cs

from .fields import (
    LITERALS,
    UNIONS,
    Field,
    encoded_fields,
    is_list_of_objects,
    is_object,
    is_untyped,
    object_fields,
    parameter_fields,
)
from .names import resolve

_PLAIN: dict[Any, CoreSchema] = {
    str: cs.str_schema(),
    bool: cs.bool_schema(),
    int: cs.int_schema(),
    float: cs.float_schema(),
    Decimal: cs.str_schema(),
    type(None): cs.none_schema(),
}


@cache
def class_validator(cls: type) -> SchemaValidator:
    """The validator of a resource or params class, built when it is first needed."""
    return SchemaBuilder(cls).validator(Field(cls, sys.modules[cls.__module__], None))


class SchemaBuilder:
    """Builds the schema of one type and of the classes that belong to it.

    Other resources that it mentions are left to validators of their own: as almost everything can
    be expanded into almost everything, each would otherwise be compiled a hundred times.
    """

    def __init__(self, own: type | None = None) -> None:
        self.own = own
        self.definitions: dict[str, Any] = {}

    def validator(self, field: Field) -> SchemaValidator:
        top = self.schema(field)
        return SchemaValidator(cs.definitions_schema(top, list(self.definitions.values())))

    def schema(self, field: Field) -> CoreSchema:
        value = resolve(field.type, field.module, field.owner)
        origin = get_origin(value)
        if origin in UNIONS:
            return self._union(field)
        if origin in LITERALS:
            return cs.literal_schema(list(get_args(value)))
        if origin in (list, Sequence):
            return cs.list_schema(self.schema(field.inner(get_args(value)[0])))
        if origin is dict:
            keys, values = get_args(value)
            return cs.dict_schema(self.schema(field.inner(keys)), self.schema(field.inner(values)))
        if is_untyped(value):
            inner = get_args(value)
            return cs.dict_schema(
                cs.str_schema(), self.schema(field.inner(inner[0])) if inner else cs.any_schema()
            )
        if is_list_of_objects(value):
            return self._list_object(field.inner(get_args(value)[0]), origin.OBJECT_NAME)
        if te.is_typeddict(value) or is_object(value):
            return self._reference(value)
        return _PLAIN.get(value, cs.any_schema())

    def _reference(self, cls: type) -> CoreSchema:
        if cls is not self.own and hasattr(cls, "OBJECT_NAME"):
            return cs.no_info_plain_validator_function(
                lambda value: class_validator(cls).validate_python(value, strict=True)
            )
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name not in self.definitions:
            self.definitions[name] = None  # a class may mention itself
            fields = self._parameters(cls) if te.is_typeddict(cls) else self._object(cls)
            self.definitions[name] = cs.typed_dict_schema(fields, extra_behavior="forbid", ref=name)
        return cs.definition_reference_schema(name)

    def _parameters(self, cls: type) -> dict[str, Any]:
        return {
            name: cs.typed_dict_field(self.schema(field), required=required)
            for name, (field, required) in parameter_fields(cls).items()
        }

    def _object(self, cls: type) -> dict[str, Any]:
        encoded = encoded_fields(cls)
        fields = {}
        for name, field in object_fields(cls).items():
            nullable = field.nullable
            schema: CoreSchema = cs.str_schema() if name in encoded else self.schema(field)
            if name in encoded and nullable:
                schema = cs.nullable_schema(schema)
            fields[name] = cs.typed_dict_field(schema, required=not nullable)
        return fields

    def _list_object(self, item: Field, object_name: str) -> CoreSchema:
        fields = {
            "object": cs.typed_dict_field(cs.literal_schema([object_name])),
            "data": cs.typed_dict_field(cs.list_schema(self.schema(item))),
            "has_more": cs.typed_dict_field(cs.bool_schema()),
            "url": cs.typed_dict_field(cs.str_schema()),
            "total_count": cs.typed_dict_field(cs.int_schema(), required=False),
        }
        if object_name == "search_result":
            page = cs.nullable_schema(cs.str_schema())
            fields["next_page"] = cs.typed_dict_field(page, required=False)
        return cs.typed_dict_schema(fields, extra_behavior="forbid")

    def _union(self, field: Field) -> CoreSchema:
        parts = field.alternatives()
        schema = self._choice(field, _narrowed([p for p in parts if p is not type(None)]))
        return cs.nullable_schema(schema) if type(None) in parts else schema

    def _choice(self, field: Field, parts: list[Any]) -> CoreSchema:
        resources = [p for p in parts if is_object(p) and hasattr(p, "OBJECT_NAME")]
        choices: list[Any] = []
        for part in parts:
            schema = self.schema(field.inner(part)) if part not in resources else None
            if schema is not None and schema not in choices:
                choices.append(schema)
        if len(resources) == 1:
            choices.append(self.schema(field.inner(resources[0])))
        elif resources:
            tagged = {p.OBJECT_NAME: self.schema(field.inner(p)) for p in resources}
            choices.append(cs.tagged_union_schema(tagged, discriminator="object"))
        if len(choices) == 1:
            return choices[0]
        if len(choices) == 2 and choices[0] == cs.str_schema() and resources:
            # An expandable field: tagging it makes the error point into the object.
            return cs.tagged_union_schema(
                {"id": choices[0], "object": choices[1]},
                discriminator=lambda value: "object" if isinstance(value, dict) else "id",
            )
        return cs.union_schema(choices, mode="left_to_right")


def _narrowed(parts: list[Any]) -> list[Any]:
    """Drop the `str` that widens an enum, and the untyped twin of a plain mapping."""
    if any(get_origin(p) in LITERALS and get_args(p) != ("",) for p in parts):
        parts = [p for p in parts if p is not str]
    if any(get_origin(p) is dict for p in parts):
        parts = [p for p in parts if not is_untyped(p)]
    return parts
