"""test_proofs.py - every kind of proof, and every way to bend one.
SPDX-License-Identifier: Apache-2.0

threat-model.md, rows "a stolen approver key" and "a page served by a
compromised console" (which origins count is the owner's word); lesson 2
(approval is proof). The good proof of each kind runs a card; whatever differs
in one thing from it does not.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, dsse, owner, proofs	# noqa: E402
from countersign.agent import Agent			# noqa: E402
from countersign.attack import (			# noqa: E402
    accepted, approval_refused, install, settled, touch, touched,
    trust_refused, untouched)

ALL = ['ed25519', 'ssh', 'sk', 'webauthn']


def with_key(key, kinds=None):
    """An agent whose technician `kim` has this key."""
    a = Agent()
    a.owner.person('kim', ['technician'], key)
    a.files['people'] = a.owner.people()
    tool = {'decision': 'approval_needed'}
    if kinds is not None:
        tool['proofs'] = kinds
    a.files['policy'] = a.owner.policy(tools={'command': tool})
    a.greet()
    return a


class Card:
    """A card that waits, and what is said of it in kim's name."""

    def __init__(self, a):
        self.a = a
        self.marker = a.marker()
        self.digest, self.got = a.pending(touch(self.marker))

    def say(self, **change):
        return self.a.approval(self.digest, self.got, by='kim',
                               reason=os.urandom(4).hex(), **change)

    def refused(self, reason, detail=None, env=None):
        r = approval_refused(self.a, env or self.say(), reason, self.marker)
        if detail is not None:
            checks.true(r.get('detail', '').startswith(detail), r)

    def runs(self):
        accepted(self.a, self.say())
        self.a.peer.record('exec_result', card=self.digest)
        touched(self.marker)


def bent(card, key, reason, detail=None, **change):
    """One thing of the key's proof is wrong, and right again afterwards."""
    old = {k: getattr(key, k) for k in change}
    for k, v in change.items():
        setattr(key, k, v)
    env = card.say()
    for k, v in old.items():
        setattr(key, k, v)
    card.refused(reason, detail, env)


def test_key_file():
    """A key file's signature; not over the payload or the PAE alone, nor of
    another kind's shape."""
    key = dsse.new_key()
    with with_key(key) as a:
        c = Card(a)
        type_ = dsse.type_of('approval')
        payload = dsse.payload_of(c.say())
        b = owner.preimage(type_, payload)
        good = key.sign(b).signature
        high = good[:32] + (int.from_bytes(good[32:], 'little') + (
            1 << 252) + 27742317777372353535851937790883648493).to_bytes(
                32, 'little')
        for n, sig in enumerate((
                key.sign(payload).signature,
                key.sign(dsse.pae(type_, payload)).signature,
                key.sign(b[6:]).signature, high, good[:63],
                good + b'\0')):
            p = dsse.envelope(type_, payload, [
                (dsse.key_id(key), b'\x01' + owner.sshstr(sig))])
            # The same text each time: what counts are the records.
            a.send('approval', p)
            a.peer.wait(lambda: len(a.peer.all(
                'approval_refused', reason='bad_proof')) == n + 1)
        untouched(c.marker)
        c.runs()


def test_ssh_keygen():
    """The machine's own ssh-keygen -Y sign: counts only where the policy lists
    `ssh`, and only under our namespace."""
    key = proofs.SshKey()
    with with_key(key) as a:
        c = Card(a)
        c.refused('proof_not_allowed')
        install(a, 'policy', a.owner.policy(tools={'command': {
            'decision': 'approval_needed', 'proofs': ALL}}))
        for name in ('file', 'git', 'countersign-approval-v2'):
            bent(c, key, 'bad_proof', 'namespace', namespace=name)
        other = proofs.SshKey()
        c.refused('unknown_approver', env=c.say(key=other))
        # Its armour, and one byte too many.
        env = c.say()
        blob = key.blob(dsse.pae(env['payloadType'], dsse.payload_of(env)))
        for raw in (blob + b'\0', blob[:-1]):
            bad = dsse.envelope(env['payloadType'], dsse.payload_of(
                c.say()), [(key.id(), b'\x02' + owner.sshstr(raw))])
            a.send('approval', bad)
            r = a.peer.record('approval_refused',
                              approval=owner.digest_of(bad))
            checks.true(r['reason'] in ('bad_proof', 'unknown_approver'), r)
        c.runs()


def security_key(alg):
    key = proofs.SecurityKey(alg)
    strict = proofs.SecurityKey(alg, verify_required=True)
    with with_key(key) as a:
        a.owner.person('kay', ['technician'], strict)
        install(a, 'people', a.owner.people())
        c = Card(a)
        bent(c, key, 'bad_proof', 'user_not_present', flags=0)
        bent(c, key, 'bad_proof', 'user_not_present', flags=4)
        bent(c, key, 'bad_proof', 'namespace', namespace='file')
        bent(c, key, 'bad_proof', 'reserved', reserved=b'x')
        bent(c, key, 'bad_proof', 'hash', hash='sha256')
        bent(c, key, 'bad_proof', None, signs='ssh:other')
        # Another application is another key, and nobody's.
        bent(c, key, 'bad_proof', 'key', names='ssh:other',
             signs='ssh:other')
        approval_refused(a, c.say(key=proofs.SecurityKey(alg)),
                         'unknown_approver', c.marker)

        def kay():
            return a.approval(c.digest, c.got, by='kay', key=strict,
                              reason=os.urandom(4).hex())
        strict.flags = 0x01
        r = approval_refused(a, kay(), 'bad_proof', c.marker)
        checks.true(r['detail'].startswith('user_not_verified'), r)
        strict.flags = 0x05
        accepted(a, kay())
        a.peer.record('exec_result', card=c.digest)
        Card(a).runs()


def test_security_key_ed25519():
    """sk-ssh-ed25519: touched, and verified where the entry says so."""
    security_key('ed25519')


def test_security_key_es256():
    """sk-ecdsa-sha2-nistp256: the same."""
    security_key('es256')


def passkey(alg):
    key = proofs.Passkey(alg)
    with with_key(key) as a:
        c = Card(a)
        for o in ('https://console.example', 'http://approve.example',
                  'https://approve.example:8443', 'https://approve.example.',
                  'https://approve.example.evil.example'):
            bent(c, key, 'bad_proof', 'origin', origin=o)
        bent(c, key, 'bad_proof', 'rp_id', signs_rp='console.example')
        bent(c, key, 'bad_proof', 'user_not_verified', flags=0x01)
        bent(c, key, 'bad_proof', 'user_not_present', flags=0x04)
        bent(c, key, 'bad_proof', 'backup_flags', flags=0x15)
        bent(c, key, 'bad_proof', 'attested_data', flags=0x45)
        bent(c, key, 'bad_proof', None, flags=0x05, tail=b'x')
        settled(a)
        untouched(c.marker)
        c.runs()


def passkey_client(alg):
    key = proofs.Passkey(alg)
    with with_key(key) as a:
        c = Card(a)
        bent(c, key, 'bad_proof', 'type', type='webauthn.create')
        bent(c, key, 'bad_proof', 'challenge', challenge=os.urandom(115))
        bent(c, key, 'bad_proof', 'challenge', challenge=owner.preimage(
            dsse.type_of('cancel'), b'{}'))
        bent(c, key, 'bad_proof', 'cross_origin', cross='true')
        bent(c, key, 'bad_proof', 'top_origin',
             rest=',"topOrigin":"https://console.example"')
        bent(c, key, 'unknown_approver', None, sends=os.urandom(24))
        # Another's assertion with kim's credential id.
        other = proofs.Passkey(alg)
        other.sends = key.credential
        approval_refused(a, c.say(key=other), 'bad_proof', c.marker)
        # An assertion moved to another text.
        first, second = c.say(), c.say()
        second['signatures'] = first['signatures']
        approval_refused(a, second, 'bad_proof', c.marker)
        c.runs()


def test_passkey_es256():
    """WebAuthn ES256: origin, rp id, flags, length."""
    passkey('es256')


def test_passkey_ed25519():
    """WebAuthn EdDSA: the same."""
    passkey('ed25519')


def test_passkey_client_es256():
    """WebAuthn ES256: clientDataJSON, credential, challenge."""
    passkey_client('es256')


def test_passkey_client_ed25519():
    """WebAuthn EdDSA: the same."""
    passkey_client('ed25519')


def test_es256_in_other_encodings():
    """DER that is not the one encoding: long lengths, leading zeros, trailing
    bytes, raw r and s."""
    key = proofs.Passkey('es256')
    with with_key(key) as a:
        c = Card(a)
        sign = key.key.sign

        def der(change):
            key.key.sign = lambda data: change(sign(data))
            env = c.say()
            key.key.sign = sign
            c.refused('bad_proof', 'sign', env)

        def raw(s):
            r, t = proofs.utils.decode_dss_signature(s)
            return r.to_bytes(32, 'big') + t.to_bytes(32, 'big')

        def padded(s):
            n = s[3]
            return bytes([0x30, s[1] + 1, 2, n + 1, 0]) + s[4:]

        der(raw)
        der(lambda s: s + b'\0')
        der(lambda s: bytes([0x30, 0x81, s[1]]) + s[2:])
        der(padded)
        der(lambda s: b'\x30\x06\x02\x01\x00\x02\x01\x00')
        der(lambda s: b'\x30\x06\x02\x01\x01\x02\x01\x01')
        c.runs()


def test_the_kind_is_the_entrys():
    """A proof of another kind than the key's entry says, and a policy that
    takes only some kinds."""
    sk = proofs.SecurityKey('ed25519')
    with with_key(sk, ['webauthn', 'sk']) as a:
        o = a.owner
        passkey_ = proofs.Passkey('ed25519')
        o.person('pam', ['technician'], passkey_)
        install(a, 'people', o.people())
        c = Card(a)
        # tess's key file counts for nothing here.
        approval_refused(a, a.approval(c.digest, c.got),
                         'proof_not_allowed', c.marker)
        # The security key's own bytes as a key file's.
        type_ = dsse.type_of('approval')
        for key in (sk, passkey_):
            for keyid in (sk.id(), passkey_.id()):
                payload = owner.text(dict(o.approval_doc(
                    c.digest, c.got['device_nonce'], a.policy_digest(),
                    a.device, by='kim'), reason=os.urandom(4).hex()))
                env = dsse.envelope(type_, payload, [
                    (keyid, b'\x01' + owner.sshstr(key.key.sign(
                        owner.preimage(type_, payload))))])
                a.send('approval', env)
                r = a.peer.record('approval_refused',
                                  approval=owner.digest_of(env))
                checks.true(r['reason'] in ('bad_proof',
                                            'unknown_approver'), r)
        untouched(c.marker)
        c.runs()
        c = Card(a)
        accepted(a, a.approval(c.digest, c.got, by='pam'))
        a.peer.record('exec_result', card=c.digest)


def test_a_key_twice():
    """A people file in which one raw key stands twice, whatever the kinds, is
    no people file: a key is one person's."""
    with Agent() as a:
        o = a.owner
        raw = dsse.public_of(o.keys['tess'])
        p = proofs.Passkey('ed25519')
        p.key.raw = raw
        o.person('twin', ['manager'], p)
        trust_refused(a, o.people(), 'duplicate')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
