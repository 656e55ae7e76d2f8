"""Sets PolySwarm's own validators upon answers: polyswarm-engine's, which looks at whole results, and
polyswarm-artifact's, which looks at their metadata.

    validate.py ANSWERS        one JSON object a line: {"kind": "assertions" or "votes", "body": the answer}

The engine's validator wants a bid with every malicious or benign result, votes included; the marketplace wants none in
votes. So a vote is looked at with a bid put in.
"""
import json
import sys

from polyswarm_engine.backend import CeleryBackend
from polyswarmartifact.schema.verdict import Verdict


def validate(answer):
    # It looks at the answer alone, so it needs no broker to be made.
    CeleryBackend.validate_result(object.__new__(CeleryBackend), answer)


def main(path):
    kinds, verdicts = {}, {}
    with open(path, encoding="utf-8") as answers:
        for line in answers:
            answer = json.loads(line)
            kind, body = answer["kind"], answer["body"]
            if kind == "votes":
                assert "bid" not in body, f"a vote has a bid: {body}"
                body = {**body, "bid": 1}
            else:
                assert type(body["bid"]) is int, f"no whole bid: {body}"
                assert body["verdict"] in ("malicious", "benign") or body["bid"] == 0, f"a bid on nothing: {body}"
            validate(body)
            Verdict.model_validate(body["metadata"])
            kinds[kind] = kinds.get(kind, 0) + 1
            verdicts[body["verdict"]] = verdicts.get(body["verdict"], 0) + 1
    assert kinds.get("assertions") and kinds.get("votes"), f"too few answers to say anything: {kinds}"
    print(f"polyswarm-engine and polyswarm-artifact take every answer: {kinds}, {verdicts}")


main(sys.argv[1])
