"""Sets PolySwarm's own validators upon answers: polyswarm-engine's, which looks at whole results, and
polyswarm-artifact's, which looks at their metadata: 2.2.4 beside the engine, 1.4.4 beside polyswarm-client.

    validate.py TESTDATA ANSWERS...     TESTDATA: recorded cases that the validators must judge as recorded
                                        ANSWERS: one JSON object a line: {"kind": "assertions" or "votes", "body": the answer},
                                        or {"kind": "metadata", "body": metadata of one artifact}

Where there is no polyswarm-engine, metadata alone is looked at.

The engine's validator wants a bid with every malicious or benign result, votes included; the marketplace wants none in
votes. So a vote is looked at with a bid put in.
"""
import json
import logging
import os
import sys

from polyswarmartifact.schema.verdict import Verdict

try:
    from polyswarm_engine.backend import CeleryBackend
except ImportError:
    CeleryBackend = None

# The version that the client of 2020 pins is of pydantic 1.
VERSION = "2_2_4" if hasattr(Verdict, "model_validate") else "1_4_4"


def validate(answer):
    if CeleryBackend is not None:
        # It looks at the answer alone, so it needs no broker to be made.
        CeleryBackend.validate_result(object.__new__(CeleryBackend), answer)


def validate_metadata(metadata):
    # It logs what is wrong and returns False; it raises nothing.
    check = Verdict.model_validate if VERSION == "2_2_4" else Verdict.validate
    assert check(metadata) is not False, f"polyswarm-artifact refuses: {metadata}"


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
    for case in cases("engine-result-validation.json")["cases"] if CeleryBackend is not None else []:
        assert takes(validate, case["analysis"]) == case["out"]["accepted"], f"polyswarm-engine: {case}"
        counted += 1
    for case in cases("verdict-metadata.json")["verdict"]:
        # A text in place of an object is refused by an error of its own.
        expected = case["valid_" + VERSION] is True
        assert takes(validate_metadata, case["object"]) == expected, f"polyswarm-artifact: {case}"
        counted += 1
    logging.disable(logging.NOTSET)
    return counted


def main(folder, paths):
    cases = recorded(folder)
    kinds, verdicts, hosts = {}, {}, 0
    for path in paths:
        with open(path, encoding="utf-8") as answers:
            for line in answers:
                answer = json.loads(line)
                kind, body = answer["kind"], answer["body"]
                if kind == "metadata":
                    validate_metadata(body)
                    kinds[kind] = kinds.get(kind, 0) + 1
                    hosts += bool(body.get("domains") and body.get("ip_addresses"))
                    continue
                if kind == "votes":
                    assert "bid" not in body, f"a vote has a bid: {body}"
                    body = {**body, "bid": 1}
                else:
                    assert type(body["bid"]) is int, f"no whole bid: {body}"
                    assert body["verdict"] in ("malicious", "benign") or body["bid"] == 0, f"a bid on nothing: {body}"
                validate(body)
                validate_metadata(body["metadata"])
                hosts += bool(body["metadata"].get("domains") and body["metadata"].get("ip_addresses"))
                kinds[kind] = kinds.get(kind, 0) + 1
                verdicts[body["verdict"]] = verdicts.get(body["verdict"], 0) + 1
    assert kinds.get("assertions") and kinds.get("votes") and kinds.get("metadata"), f"too few answers to say anything: {kinds}"
    assert hosts > 10, f"too few answers name hosts: {hosts}"
    engine = "polyswarm-engine and " if CeleryBackend is not None else ""
    version = VERSION.replace("_", ".")
    print(f"every answer is taken by {engine}polyswarm-artifact {version}: {kinds}, {hosts} with hosts, {verdicts}; {cases} recorded cases agree")


main(sys.argv[1], sys.argv[2:])
