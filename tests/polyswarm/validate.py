"""Sets PolySwarm's own validators upon answers: polyswarm-engine's, which looks at whole results, and
polyswarm-artifact's, which looks at their metadata.

    validate.py TESTDATA ANSWERS...     TESTDATA: recorded cases that the validators must judge as recorded
                                        ANSWERS: one JSON object a line: {"kind": "assertions" or "votes", "body": the answer}

The engine's validator wants a bid with every malicious or benign result, votes included; the marketplace wants none in
votes. So a vote is looked at with a bid put in.
"""
import json
import logging
import os
import sys

from polyswarm_engine.backend import CeleryBackend
from polyswarmartifact.schema.verdict import Verdict


def validate(answer):
    # It looks at the answer alone, so it needs no broker to be made.
    CeleryBackend.validate_result(object.__new__(CeleryBackend), answer)


def validate_metadata(metadata):
    # It logs what is wrong and returns False; it raises nothing.
    assert Verdict.model_validate(metadata) is not False, f"polyswarm-artifact refuses: {metadata}"


def takes(validator, what):
    try:
        validator(what)
        return True
    except Exception:  # each has its own: an assertion, a missing attribute, a validation error
        return False


def recorded(folder):
    """The validators installed judge as those that the cases were recorded of, and can refuse."""
    logging.disable()
    def cases(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)
    counted = 0
    for case in cases("engine-result-validation.json")["cases"]:
        assert takes(validate, case["analysis"]) == case["out"]["accepted"], f"polyswarm-engine: {case}"
        counted += 1
    for case in cases("verdict-metadata.json")["verdict"]:
        assert takes(validate_metadata, case["object"]) == case["valid_2_2_4"], f"polyswarm-artifact: {case}"
        counted += 1
    logging.disable(logging.NOTSET)
    return counted


def main(folder, paths):
    cases = recorded(folder)
    kinds, verdicts = {}, {}
    for path in paths:
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
                validate_metadata(body["metadata"])
                kinds[kind] = kinds.get(kind, 0) + 1
                verdicts[body["verdict"]] = verdicts.get(body["verdict"], 0) + 1
    assert kinds.get("assertions") and kinds.get("votes"), f"too few answers to say anything: {kinds}"
    print(f"polyswarm-engine and polyswarm-artifact take every answer: {kinds}, {verdicts}; {cases} recorded cases agree")


main(sys.argv[1], sys.argv[2:])
