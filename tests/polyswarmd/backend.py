"""A scan backend for PolySwarm's own microengine: a file that holds one of a few words is malicious.

Run by `python -m microengine --backend backend` with this folder in PYTHONPATH. It is as small as a backend can be: what
is tried is the client around it, and the market.
"""

from polyswarmartifact import ArtifactType
from polyswarmartifact.schema.verdict import Verdict
from polyswarmclient.abstractmicroengine import AbstractMicroengine
from polyswarmclient.abstractscanner import AbstractScanner, ScanMode, ScanResult

# What malicious files of client.py hold, and some of those of `stakeout demo`.
WORDS = [b"is marked as malicious", b"VirtualAllocEx", b"WriteProcessMemory"]


class Scanner(AbstractScanner):
    """Looks for the words."""

    def __init__(self):
        super().__init__(ScanMode.SYNC)

    def scan_sync(self, guid, artifact_type, content, metadata, chain):
        """The verdict on one artifact."""
        malicious = any(word in content for word in WORDS)
        verdict = Verdict().set_malware_family("Marked" if malicious else "")
        return ScanResult(bit=True, verdict=malicious, confidence=0.9, metadata=verdict.json())


class Microengine(AbstractMicroengine):
    """The client's engine with that scanner."""

    def __init__(self, client, testing=0, scanner=None, chains=None, artifact_types=None, **kwargs):
        super().__init__(client, testing, Scanner(), chains, [ArtifactType.FILE], **kwargs)
