"""The Producer of polyswarm-client 2.13.3, without a patch, in front of whichever worker listens on the queue.

usage: producer.py REDIS_URL QUEUE ARTIFACTS_URL BOUNTIES [URI]; prints one JSON object of what came back. With URI, the
artifacts are URLs, which lie there.
"""
import asyncio
import collections
import json
import sys
import time
import uuid

from polyswarmartifact import ArtifactType
from polyswarmclient.filters.bountyfilter import BountyFilter
from polyswarmclient.filters.confidencefilter import ConfidenceModifier
from polyswarmclient.filters.filter import Filter, FilterComparison
from polyswarmclient.producer import Producer

redis_url, queue, artifacts, bounties = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
form, uri = (ArtifactType.URL, sys.argv[5]) if len(sys.argv) > 5 else (ArtifactType.FILE, 'QmTest')


class Client:
    """What the Producer asks of a client: where polyswarmd is, and how many artifacts a bounty has."""
    polyswarmd_uri = artifacts

    async def list_artifacts(self, uri):
        return [('artifact', 'Qm0'), ('artifact', 'Qm1')]


async def main():
    favor = [Filter('mimetype', FilterComparison.EQ, 'application/x-executable')]
    producer = Producer(Client(), redis_url, queue, 6, bounty_filter=BountyFilter(None, None),
                        confidence_modifier=ConfidenceModifier(favor, None), rate_limit=None)
    await producer.start()
    await asyncio.sleep(.5)  # its lock is made in a task of its own
    seen = collections.Counter()
    families = collections.Counter()
    generations = set()
    confidences = []

    async def one(number):
        await asyncio.sleep(number * .02)
        metadata = [{'mimetype': 'text/plain'}, {'mimetype': 'application/x-executable'}]
        results = await producer.scan(str(uuid.uuid4()), form, uri, 60, metadata, 'side')
        for index, result in enumerate(results):
            seen['%d %s %s' % (index, result.bit, result.verdict)] += 1
            metadata = json.loads(result.metadata)
            families['%d %s' % (index, metadata.get('malware_family', ''))] += 1
            generations.add(metadata.get('scanner', {}).get('signatures_version'))
        confidences.append(results[1].confidence)

    began = time.time()
    await asyncio.gather(*[one(number) for number in range(bounties)])
    keys = sorted(key.decode() for key in await producer.redis.keys('*_results'))
    print(json.dumps({'bounties': bounties, 'seen': seen, 'families': families, 'took': round(time.time() - began, 1),
                      'generations': sorted(map(str, generations)), 'left': keys,
                      'confidence': [min(confidences), max(confidences)]}))

asyncio.get_event_loop().run_until_complete(main())
