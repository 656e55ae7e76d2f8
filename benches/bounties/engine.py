"""PolySwarm's own polyswarm-engine with YARA, as an engine developer would write it: what stakeout is measured against.

PEER_RULES names compiled YARA rules.
"""
import os

import polyswarm_engine as pe
import yara

engine = pe.EngineManager("peer", vendor="peer")
rules = None


@engine.register_head
def head():
    return {"scanner": {"vendor_version": "1.0", "version": "1.0"}}


@engine.register_analyzer
def analyze(bounty):
    global rules
    if rules is None:
        rules = yara.load(os.environ["PEER_RULES"])
    with pe.ArtifactTempfile(bounty) as path:
        hits = rules.match(str(path))
    if hits:
        return {"verdict": pe.MALICIOUS, "bid": pe.bid_max(bounty), "confidence": 1.0, "metadata": {"malware_family": hits[0].rule}}
    return {"verdict": pe.BENIGN, "bid": pe.bid_median(bounty), "confidence": 0.5, "metadata": {"malware_family": ""}}


if __name__ == "__main__":
    engine.cli()
