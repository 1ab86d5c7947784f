"""proofs.py - approvers' keys that are no key files: ssh, FIDO, passkeys.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Each has entry(), the key's entry in people; id(), its key id; and
proof(type, payload), the `sig` of an approval. What a test wants wrong it sets
as an attribute before: the proof is then made over the wrong thing, so that
the signature itself stays good.
"""
import base64
import hashlib
import os
import struct
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from . import dsse, link, owner

NAMESPACE = 'countersign-approval-v1'


def _id(raw):
    return hashlib.sha256(raw).hexdigest()[:32]


def _mpint(n):
    raw = n.to_bytes(n.bit_length() // 8 + 1, 'big')
    return owner.sshstr(raw)


class Es256:
    """A P-256 key: the raw point, and signatures as DER."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.raw = self.key.public_key().public_bytes(
            serialization.Encoding.X962,
            serialization.PublicFormat.UncompressedPoint)

    def sign(self, data):
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


class Ed25519:
    """The same of Ed25519."""

    def __init__(self):
        self.key = dsse.new_key()
        self.raw = dsse.public_of(self.key)

    def sign(self, data):
        return self.key.sign(data).signature


ALGS = {'es256': Es256, 'ed25519': Ed25519}


class SshKey:
    """An ssh-ed25519 key; the machine's own ssh-keygen makes and uses it."""

    def __init__(self):
        self.namespace = NAMESPACE
        self.dir = tempfile.TemporaryDirectory(prefix='cs-ssh-')
        self.path = os.path.join(self.dir.name, 'id')
        self._run('-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f',
                  self.path)
        with open(self.path + '.pub', encoding='ascii') as f:
            blob = base64.b64decode(f.read().split()[1])
        self.raw = blob[-32:]

    @staticmethod
    def _run(*args):
        subprocess.run(('ssh-keygen',) + args, check=True, timeout=20,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def entry(self):
        return {'kind': 'ssh', 'key': dsse.b64(self.raw)}

    def id(self):
        return _id(self.raw)

    def blob(self, message):
        """The binary SSHSIG over a message."""
        path = os.path.join(self.dir.name, os.urandom(6).hex())
        with open(path, 'wb') as f:
            f.write(message)
        self._run('-Y', 'sign', '-f', self.path, '-n', self.namespace, path)
        with open(path + '.sig', encoding='ascii') as f:
            lines = f.read().splitlines()
        return base64.b64decode(''.join(lines[1:-1]))

    def proof(self, type_, payload):
        return b'\x02' + owner.sshstr(self.blob(dsse.pae(type_, payload)))


class SecurityKey:
    """A FIDO key as OpenSSH uses it, made of software."""

    def __init__(self, alg, verify_required=False):
        self.alg = alg
        self.key = ALGS[alg]()
        self.verify_required = verify_required
        self.application = 'ssh:'	# what it is registered with
        self.signs = None		# another one to sign with
        self.names = None		# another one to name in the blob
        self.flags = 0x05 if verify_required else 0x01
        self.namespace = NAMESPACE
        self.reserved = b''
        self.hash = 'sha512'

    def entry(self):
        return {'kind': 'sk', 'alg': self.alg, 'key': dsse.b64(self.key.raw),
                'application': self.application,
                'verify_required': self.verify_required}

    def id(self):
        return _id(self.key.raw)

    def _public(self):
        s = owner.sshstr
        app = s((self.names or self.application).encode())
        if self.alg == 'ed25519':
            return s(b'sk-ssh-ed25519@openssh.com') + s(self.key.raw) + app
        return (s(b'sk-ecdsa-sha2-nistp256@openssh.com') + s(b'nistp256') +
                s(self.key.raw) + app)

    def proof(self, type_, payload):
        s = owner.sshstr
        m = dsse.pae(type_, payload)
        digest = hashlib.new(self.hash, m).digest()
        head = s(self.namespace.encode()) + s(self.reserved) + \
            s(self.hash.encode())
        app = (self.signs or self.application).encode()
        tail = bytes([self.flags]) + struct.pack('>I', 7)
        sig = self.key.sign(
            hashlib.sha256(app).digest() + tail +
            hashlib.sha256(b'SSHSIG' + head + s(digest)).digest())
        if self.alg == 'ed25519':
            sig = s(b'sk-ssh-ed25519@openssh.com') + s(sig) + tail
        else:
            r, t = utils.decode_dss_signature(sig)
            sig = s(b'sk-ecdsa-sha2-nistp256@openssh.com') + \
                s(_mpint(r) + _mpint(t)) + tail
        return b'\x02' + s(b'SSHSIG' + struct.pack('>I', 1) +
                           s(self._public()) + head + s(sig))


class Passkey:
    """A WebAuthn credential; every part of an assertion can be wrong."""

    def __init__(self, alg):
        self.alg = alg
        self.key = ALGS[alg]()
        self.credential = os.urandom(24)
        self.rp_id = 'approve.example'
        self.origins = ['https://approve.example']
        self.reset()

    def reset(self):
        self.type = 'webauthn.get'
        self.origin = self.origins[0]
        self.signs_rp = self.rp_id
        self.flags = 0x05		# user present, user verified
        self.cross = 'false'
        self.rest = ''			# after crossOrigin
        self.challenge = None
        self.tail = b''			# after authenticatorData
        self.sends = self.credential

    def entry(self):
        return {'kind': 'webauthn', 'alg': self.alg,
                'key': dsse.b64(self.key.raw),
                'credential_id': link.b64url(self.credential),
                'rp_id': self.rp_id, 'origins': self.origins}

    def id(self):
        return _id(self.key.raw)

    def proof(self, type_, payload):
        s = owner.sshstr
        challenge = self.challenge or owner.preimage(type_, payload)
        data = hashlib.sha256(self.signs_rp.encode()).digest() + \
            bytes([self.flags]) + struct.pack('>I', 3) + self.tail
        client = ('{"type":"%s","challenge":"%s","origin":"%s",'
                  '"crossOrigin":%s%s}' % (
                      self.type, link.b64url(challenge), self.origin,
                      self.cross, self.rest)).encode()
        sig = self.key.sign(data + hashlib.sha256(client).digest())
        return b'\x03' + s(self.sends) + s(data) + s(client) + s(sig)
