#!/usr/bin/env python3
"""Writes a C header with the report's style sheet and script as strings, and their SHA-256 for the
page's content policy.

usage: embed.py STYLE.css SCRIPT.js OUT.h
"""
import base64
import hashlib
import sys

PIECE = 96  # bytes of a literal


def literal(data):
    """C string literals of the bytes, joined by the compiler."""
    lines = []
    for start in range(0, len(data), PIECE):
        text = ""
        for byte in data[start : start + PIECE]:
            if byte in b'"\\?':
                text += "\\" + chr(byte)
            elif 0x20 <= byte < 0x7F:
                text += chr(byte)
            else:
                text += f"\\{byte:03o}"
        lines.append(f'    "{text}"')
    return "\n".join(lines)


def main():
    style, script, out = sys.argv[1:]
    with open(out, "w", encoding="ascii") as file:
        file.write("/* Made by embed.py. */\n")
        for name, path in (("STYLE", style), ("SCRIPT", script)):
            with open(path, "rb") as source:
                data = source.read()
            digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
            file.write(f'#define REPORT_{name}_SHA256 "{digest}"\n')
            file.write(f"static const char report_{name.lower()}[] =\n{literal(data)};\n")


main()
