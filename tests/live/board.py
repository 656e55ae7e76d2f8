"""Grafana's own library reads docs/grafana.json, and what it understands is all that stands there: board.py FILE"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(ours, theirs, path):
    """Where what was written differs from what was understood."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{path}/{key}")
            else:
                yield f"{path}/{key} is not understood"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs)):
            yield from differences(one, other, f"{path}/{number}")
    elif ours != theirs:
        yield f"{path} is {ours!r}, and understood as {theirs!r}"


register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    board = json.load(file)
understood = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
wrong = list(differences(board, understood, ""))
if wrong:
    sys.exit("\n".join(wrong))
print(f"Grafana's library understands the board: {len(board['panels'])} panels")
