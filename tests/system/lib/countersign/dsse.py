"""dsse.py - DSSE envelopes, Ed25519 keys, Countersign key files.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import base64
import hashlib
import json

import nacl.exceptions
import nacl.pwhash
import nacl.secret
import nacl.signing
import nacl.utils


def type_of(word):
    """'card' -> its payload type."""
    return 'application/vnd.countersign.%s.v1+json' % word


def pae(type_, payload):
    t = type_.encode()
    return b'DSSEv1 %d %s %d %s' % (len(t), t, len(payload), payload)


def digest(type_, payload):
    """The 32 bytes that name a payload everywhere."""
    return hashlib.sha256(pae(type_, payload)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def envelope(type_, payload, sigs):
    """sigs: pairs of key id (text) and signature (bytes)."""
    return {'payloadType': type_, 'payload': b64(payload),
            'signatures': [{'keyid': k, 'sig': b64(s)} for k, s in sigs]}


def sign(type_, payload, keys):
    """An envelope signed by Ed25519 keys."""
    m = pae(type_, payload)
    return envelope(type_, payload,
                    [(key_id(k), k.sign(m).signature) for k in keys])


def payload_of(env):
    return base64.b64decode(env['payload'], validate=True)


def signed_by(env, public):
    """Whether a signature of the envelope is this public key's."""
    m = pae(env['payloadType'], payload_of(env))
    for s in env['signatures']:
        try:
            nacl.signing.VerifyKey(public).verify(
                m, base64.b64decode(s['sig'], validate=True))
            return True
        except (nacl.exceptions.BadSignatureError, ValueError):
            pass
    return False


def new_key(seed=None):
    return nacl.signing.SigningKey(seed) if seed else \
        nacl.signing.SigningKey.generate()


def public_of(key):
    return key.verify_key.encode()


def key_id(key):
    """A hint, as the tools give it: the hash of the public key."""
    return hashlib.sha256(public_of(key)).hexdigest()[:32]


def device_id(public):
    """d- and 26 characters of base32 of the key's hash, lower case."""
    text = base64.b32encode(hashlib.sha256(public).digest()).decode()
    return 'd-' + text.lower()[:26]


def key_file(key, use, passphrase=None, ops=1, mem=8192):
    """The text of a key file; without a passphrase a service key."""
    doc = {'v': 1, 'kind': 'countersign-key', 'use': use,
           'public': b64(public_of(key))}
    if passphrase is None:
        doc.update(kdf=None, seed=b64(key.encode()))
    else:
        salt = nacl.utils.random(16)
        nonce = nacl.utils.random(24)
        box = nacl.secret.SecretBox(nacl.pwhash.argon2id.kdf(
            32, passphrase, salt, opslimit=ops, memlimit=mem))
        doc.update(kdf={'name': 'argon2id', 'ops': ops, 'mem': mem,
                        'salt': b64(salt)},
                   box={'nonce': b64(nonce), 'ct': b64(box.encrypt(
                       key.encode() + use.encode(), nonce).ciphertext)})
    return json.dumps(doc, separators=(',', ':')) + '\n'


def read_key_file(text, passphrase=None):
    """(key, use) of a key file."""
    doc = json.loads(text)
    if doc['kdf'] is None:
        seed = base64.b64decode(doc['seed'])
    else:
        k = doc['kdf']
        box = nacl.secret.SecretBox(nacl.pwhash.argon2id.kdf(
            32, passphrase, base64.b64decode(k['salt']),
            opslimit=k['ops'], memlimit=k['mem']))
        inside = box.decrypt(base64.b64decode(doc['box']['ct']),
                             base64.b64decode(doc['box']['nonce']))
        seed = inside[:32]
        if inside[32:].decode() != doc['use']:
            raise ValueError('use')
    key = nacl.signing.SigningKey(seed)
    if public_of(key) != base64.b64decode(doc['public']):
        raise ValueError('public')
    return key, doc['use']
