"""Another scanner, for the worker of polyswarm-client 2.13.3: what contains EICAR is malicious, all else benign.

SCAN_SECONDS: how long a scan sleeps. RULES: a directory of YARA rules that are run on each artifact.
"""
import asyncio
import os
import pathlib

from polyswarmartifact.schema.verdict import Verdict
from polyswarmclient.abstractscanner import AbstractScanner, ScanResult


class Scanner(AbstractScanner):
    def __init__(self):
        super().__init__()
        self.sleep = float(os.environ.get('SCAN_SECONDS', '0'))
        self.rules = None
        if os.environ.get('RULES'):
            import yara
            files = sorted(pathlib.Path(os.environ['RULES']).rglob('*.yar*'))
            self.rules = yara.compile(filepaths={str(path): str(path) for path in files})

    async def scan_async(self, guid, artifact_type, content, metadata, chain):
        if self.sleep:
            await asyncio.sleep(self.sleep)
        bad = b'EICAR' in content
        if self.rules is not None:
            bad = bad or bool(self.rules.match(data=content))
        verdict = Verdict().set_malware_family('EICAR' if bad else '').set_scanner(
            version='1.0.0', vendor_version='2.0', operating_system='Linux', architecture='x86_64')
        return ScanResult(bit=True, verdict=bad, confidence=1.0 if bad else .9, metadata=verdict.json())
