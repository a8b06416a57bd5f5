"""Writes internal/schema/schemas.json.gz: what CloudFormation's registry says of the resource types that slipway uses.

The schemas are those of the cfn-lint version that scripts/tools/requirements.lock pins, with cfn-lint's mends, without
descriptions. Of each type there are the properties with their rules, what GetAtt gives, what replaces the resource when
it changes, and the permissions that CloudFormation's handlers ask for. The types are those of regions.py. Run it after
a new cfn-lint or with a new resource type:

    .slipway/tools/venv/bin/python scripts/dev/schemas.py

With --check it compares instead, and fails on a difference. ./scripts/test.sh templates does so. To read the file:

    zcat internal/schema/schemas.json.gz
"""

import gzip
import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from cfnlint.schema._getatts import GetAtts

from regions import TYPES

DATA = Path(__file__).resolve().parents[2] / "internal" / "schema" / "schemas.json.gz"

# A type's schema is the same in every Region that has it; main makes sure of that.
REGION = "us-east-1"

# The keywords of a property's schema that internal/schema checks, with those that cfn-lint adds to JSON Schema's.
# fmt: off
KEYWORDS = {
    "type", "properties", "patternProperties", "additionalProperties", "items", "required", "enum", "const", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "$ref", "oneOf", "anyOf", "allOf", "requiredXor", "requiredOr", "dependentRequired",
    "dependentExcluded", "enumCaseInsensitive",
}
# fmt: on

# What a type's schema says beside the properties, under the names of the registry.
FACTS = {
    "readOnlyProperties",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "writeOnlyProperties",
    "primaryIdentifier",
}


def rules(schema: dict) -> dict:
    """The schema of one value without what is only said about it."""
    kept = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "patternProperties"):
            kept[keyword] = {name: rules(below) for name, below in value.items()}
        elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
            kept[keyword] = rules(value)
        elif keyword in ("oneOf", "anyOf", "allOf"):
            choices = [rules(choice) for choice in value]
            if all(choices):  # one without rules takes anything
                kept[keyword] = choices
        elif keyword in KEYWORDS:
            kept[keyword] = value
    return kept


def resource(kind: str) -> dict:
    found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind)
    schema = found.schema
    kept = rules(schema)
    kept["definitions"] = {name: rules(below) for name, below in schema.get("definitions", {}).items()}
    kept |= {fact: schema[fact] for fact in FACTS if fact in schema}
    kept["attributes"] = sorted(name.replace("\\", "").replace(".*", "*") for name in GetAtts(found).attrs)
    tagging = schema.get("tagging", {})
    kept["tagging"] = {key: tagging[key] for key in ("tagProperty", "permissions") if key in tagging}
    kept["handlers"] = {name: handler["permissions"] for name, handler in schema.get("handlers", {}).items()}
    return kept


def schemas() -> dict:
    data = files("cfnlint") / "data" / "schemas"
    listed = [json.loads(file.read_text()) for file in (data / "providers").iterdir() if file.name.endswith(".json")]
    for kind in TYPES:
        if len({region[kind] for region in listed if kind in region}) > 1:
            sys.exit(f"{kind} differs from Region to Region: its schema has to say where it holds")
    schema_date = json.loads((data / "version.json").read_text())["schema_date"][:10]
    return {
        "made": "by scripts/dev/schemas.py; do not edit",
        "source": f"cfn-lint {version('cfn-lint')}, schemas of {schema_date}",
        "types": {kind: resource(kind) for kind in TYPES},
    }


def main() -> None:
    made = json.dumps(schemas(), separators=(",", ":"), sort_keys=True).encode()
    if sys.argv[1:] != ["--check"]:
        DATA.write_bytes(gzip.compress(made, 9, mtime=0))
    elif gzip.decompress(DATA.read_bytes()) != made:  # what compresses differs from machine to machine
        sys.exit(f"{DATA} is not what cfn-lint's schemas say: run scripts/dev/schemas.py")


if __name__ == "__main__":
    main()
