#!/usr/bin/env python3
"""Checks evidence.json files against docs/evidence.schema.json.

usage: check_schema.py SCHEMA EVIDENCE.json ...
       check_schema.py SCHEMA PROGRAM WEEK.jsonl     # PROGRAM writes the files, see week_report.c

Knows the words of JSON Schema that the schema uses, and refuses a schema with any other, so that
nothing is silently left unchecked.
"""
import json
import os
import subprocess
import sys
import tempfile

NOTES = {"$schema", "$id", "title", "description", "$defs"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(schema, value, root, where):
    for word, rule in schema.items():
        if word in NOTES:
            continue
        if word == "$ref":
            yield from faults(root["$defs"][rule.rsplit("/", 1)[1]], value, root, where)
        elif word == "type":
            if not any(has_type(value, name) for name in (rule if isinstance(rule, list) else [rule])):
                yield f"{where}: not of type {rule}"
        elif word == "const":
            if value != rule:
                yield f"{where}: not {rule!r}"
        elif word == "enum":
            if value not in rule:
                yield f"{where}: {value!r} is none of {rule}"
        elif word == "minimum":
            if has_type(value, "number") and value < rule:
                yield f"{where}: {value} is less than {rule}"
        elif word == "maximum":
            if has_type(value, "number") and value > rule:
                yield f"{where}: {value} is more than {rule}"
        elif word == "required":
            for name in rule:
                if name not in value:
                    yield f"{where}: no {name}"
        elif word == "properties":
            for name, item in value.items():
                if name in rule:
                    yield from faults(rule[name], item, root, f"{where}.{name}")
        elif word == "additionalProperties":
            for name, item in value.items():
                if name not in schema.get("properties", {}):
                    if rule is False:
                        yield f"{where}: {name} is not in the schema"
                    else:
                        yield from faults(rule, item, root, f"{where}.{name}")
        elif word == "items":
            for index, item in enumerate(value):
                yield from faults(rule, item, root, f"{where}[{index}]")
        else:
            raise SystemExit(f"check_schema: {word} is not known here")


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def check(schema, path):
    with open(path, encoding="utf-8") as file:
        value = json.load(file, parse_constant=refuse_constant)
    found = list(faults(schema, value, schema, "$"))
    for fault in found[:20]:
        print(f"{os.path.basename(path)}: {fault}")
    return found, value


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    if sys.argv[2].endswith(".json"):
        sys.exit(1 if any(check(schema, path)[0] for path in sys.argv[2:]) else 0)
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for source in (sys.argv[3], "--hostile"):
            subprocess.run([sys.argv[2], source, folder], check=True, stdout=subprocess.DEVNULL)
            found, value = check(schema, os.path.join(folder, "evidence.json"))
            bad += found
    value["genres"][0]["clusters"][0]["size"] = 0  # the check itself must be able to fail
    del value["counts"]
    if len(list(faults(schema, value, schema, "$"))) != 2:
        bad.append("the check let two faults through")
        print(bad[-1])
    print(f"check_schema: {len(bad)} faults")
    sys.exit(1 if bad else 0)


main()
