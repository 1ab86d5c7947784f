"""owner.py - an org's owner and its people: trust files, cards, approvals.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Everything is made here from PROTOCOL.md alone, with another library's
signatures (libsodium through PyNaCl), so that what the agent takes is what the
document says.
"""
import copy
import hashlib
import json
import os
import struct
import time

from . import dsse, link

FULL = {
    'profile': 'full', 'net': 'host', 'read': 'all', 'write': [],
    'services': [], 'survivors': 'kill',
    'limits': {'timeout_s': 60, 'memory_mb': 512, 'processes': 64,
               'output_bytes': 8388608}}


def stamp(t):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))


def text(doc):
    return json.dumps(doc, ensure_ascii=False, separators=(',', ':')).encode()


def uuid7():
    ms = int(time.time() * 1000)
    h = (ms.to_bytes(6, 'big') + os.urandom(10))
    h = bytearray(h)
    h[6] = 0x70 | h[6] & 0x0f
    h[8] = 0x80 | h[8] & 0x3f
    h = h.hex()
    return '-'.join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))


def sshstr(data):
    return struct.pack('>I', len(data)) + data


def preimage(type_, payload):
    """B: what an approver's key signs."""
    m = dsse.pae(type_, payload)
    return (b'SSHSIG' + sshstr(b'countersign-approval-v1') + sshstr(b'') +
            sshstr(b'sha512') + sshstr(hashlib.sha512(m).digest()))


def proof(type_, payload, key):
    """The `sig` of an approval or cancel by an ed25519 key file, or by a key
    of proofs.py."""
    if hasattr(key, 'proof'):
        return key.proof(type_, payload)
    return b'\x01' + sshstr(key.sign(preimage(type_, payload)).signature)


def key_id(key):
    """The key id of either sort of key."""
    return key.id() if hasattr(key, 'proof') else dsse.key_id(key)


class Owner:
    """One org: root holder, signers of each file, people."""

    def __init__(self, org='acme.example'):
        self.org = org
        self.holders = [dsse.new_key() for _ in range(3)]
        # A console may hold this one; it is no root holder's.
        self.timestamp_key = dsse.new_key()
        self.keys = {}		# person id -> key
        self.version = {'root': 0, 'people': 0, 'policy': 0, 'device': 0,
                        'timestamp': 0}
        self.persons = []
        self.requesters = []
        self.revoked = []
        for name, roles in (('ai-1', ['proposer']),
                            ('tess', ['technician']),
                            ('tim', ['technician']),
                            ('ada', ['admin']), ('max', ['manager']),
                            ('prop-tech', ['proposer', 'technician'])):
            self.person(name, roles)

    def person(self, id_, roles, key=None):
        """A new person; key: one of proofs.py instead of a key file."""
        key = self.keys[id_] = key or dsse.new_key()
        entry = key.entry() if hasattr(key, 'proof') else {
            'kind': 'ed25519', 'key': dsse.b64(dsse.public_of(key))}
        self.persons.append({'id': id_, 'name': id_.title(),
                             'roles': roles, 'keys': [entry]})
        return self.persons[-1]

    def find(self, id_):
        """The person's entry."""
        return [p for p in self.persons if p['id'] == id_][0]

    def head(self, file_, life, version=None, issued=None, **more):
        now = int(time.time()) if issued is None else issued
        if version is None:
            self.version[file_] += 1
            version = self.version[file_]
        return {'v': 1, 'org': self.org, 'version': version,
                'issued': stamp(now), 'expires': stamp(now + life)}

    def role(self, threshold=2):
        return {'threshold': threshold, 'keys': [
            {'holder': 'holder-%d' % i, 'key': dsse.b64(dsse.public_of(k))}
            for i, k in enumerate(self.holders)]}

    def seal(self, word, doc, keys=None):
        return dsse.sign(dsse.type_of(word), text(doc),
                         self.holders[:2] if keys is None else keys)

    def root(self, keys=None, life=300 * 86400, **change):
        doc = self.head('root', life, **{
            k: change.pop(k) for k in ('version', 'issued') if k in change})
        doc['roles'] = {f: self.role() for f in
                        ('root', 'people', 'policy', 'device')}
        doc['roles']['timestamp'] = {'threshold': 1, 'keys': [
            {'holder': 'freshness',
             'key': dsse.b64(dsse.public_of(self.timestamp_key))}]}
        doc['min_version'] = {'people': 1, 'policy': 1, 'device': 1,
                              'timestamp': 1}
        doc.update(change)
        return self.seal('root', doc, keys)

    def people(self, life=20 * 86400, **change):
        head = {k: change.pop(k) for k in ('version', 'issued')
                if k in change}
        doc = self.head('people', life, **head)
        doc['persons'] = self.persons
        doc['requesters'] = self.requesters
        doc['revoked'] = self.revoked
        doc.update(change)
        return self.seal('people', doc)

    def policy(self, life=20 * 86400, **change):
        head = {k: change.pop(k) for k in ('version', 'issued')
                if k in change}
        doc = self.head('policy', life, **head)
        doc.update({
            'mode': 'execute', 'requester_may_approve': True,
            'tools': {'command': {
                'decision': 'approval_needed', 'require_manager': False,
                'profiles': ['observe', 'repair', 'full'],
                'shells': ['sh', 'bash']}}})
        doc.update(change)
        return self.seal('policy', doc)

    def device(self, device, life=300 * 86400, **change):
        head = {k: change.pop(k) for k in ('version', 'issued')
                if k in change}
        doc = self.head('device', life, **head)
        doc.update({'device': device, 'name': 'test machine',
                    'groups': ['lab']})
        doc.update(change)
        return self.seal('device', doc)

    def timestamp(self, files, life=48 * 3600, **change):
        head = {k: change.pop(k) for k in ('version', 'issued')
                if k in change}
        doc = self.head('timestamp', life, **head)
        doc['files'] = {
            word: {'version': json.loads(dsse.payload_of(env))['version'],
                   'digest': link.digest_text(dsse.digest(
                       env['payloadType'], dsse.payload_of(env)))}
            for word, env in files.items()}
        doc.update(change)
        return self.seal('timestamp', doc, [self.timestamp_key])

    def pin(self, root):
        d = dsse.digest(root['payloadType'], dsse.payload_of(root))
        return 'countersign-pin:1:%s:%s:1.1.1.1.1' % (self.org, d.hex())

    # ---- cards and what people say of them ----

    def card_doc(self, device, command, /, **change):
        now = int(time.time())
        doc = {'v': 1, 'id': uuid7(), 'org': self.org, 'device': device,
               'tool': 'command', 'args': None, 'shell': 'sh',
               'command': command, 'description': 'a test'}
        del doc['args']
        doc.update(copy.deepcopy(FULL))
        doc.update({'created': stamp(now), 'expires': stamp(now + 3600)})
        for k, v in change.items():
            if v is None:
                doc.pop(k, None)
            else:
                doc[k] = v
        return doc

    def card(self, device, command, /, by='ai-1', raw=None, **change):
        """The envelope of a card; raw: its payload as it is."""
        payload = raw if raw is not None else \
            text(self.card_doc(device, command, **change))
        return dsse.sign(dsse.type_of('card'), payload, [self.keys[by]])

    def say(self, word, doc, key):
        """An approval's or cancel's envelope."""
        payload = doc if isinstance(doc, bytes) else text(doc)
        type_ = dsse.type_of(word)
        return dsse.envelope(type_, payload, [
            (key_id(key), proof(type_, payload, key))])

    def approval_doc(self, card, nonce, policy, device, /, by='tess',
                     role='technician', decision='approve', ttl=600,
                     **change):
        now = int(time.time())
        doc = {'v': 1, 'card': card, 'policy': policy, 'device': device,
               'device_nonce': nonce, 'approver': by, 'role': role,
               'decision': decision, 'reason': '', 'issued': stamp(now),
               'expires': stamp(now + ttl)}
        doc.update(change)
        return doc

    def cancel_doc(self, card, nonce, device, by, /, **change):
        now = int(time.time())
        doc = {'v': 1, 'card': card, 'device': device,
               'device_nonce': nonce, 'by': by, 'reason': 'no longer',
               'issued': stamp(now), 'expires': stamp(now + 600)}
        doc.update(change)
        return doc


def digest_of(env):
    """sha256:… of an envelope's payload."""
    return link.digest_text(dsse.digest(env['payloadType'],
                                        dsse.payload_of(env)))
