#!/usr/bin/python3
"""test_protocol_example.py - the example of PROTOCOL.md, from the page alone.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

What an implementer would do with common/PROTOCOL.md and nothing of ours: PAE,
digests, key ids, signatures with libsodium's Python binding, the pre-image and
the approval with a stock ssh-keygen, the CRC of the record's frame.
"""
import base64
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, '..', '..', 'common', 'PROTOCOL.md')
NAME = 'test_protocol_example'
FAILED = []


def check(name, good, why='differs'):
    print('%s %s.%s%s' % ('ok' if good else 'not ok', NAME, name,
                          '' if good else ': ' + why))
    if not good:
        FAILED.append(name)


def blocks():
    with open(DOCUMENT, encoding='utf-8') as f:
        found = re.findall(r'^```example (\S+)\n(.*?)\n```$', f.read(),
                           re.M | re.S)
    return dict(found)


def unhex(text):
    return bytes.fromhex(text.replace('\n', ''))


def payload_type(word):
    return b'application/vnd.countersign.%s.v1+json' % word.encode()


def pae(word, body):
    kind = payload_type(word)
    return b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(body), body)


def string(b):
    return struct.pack('>I', len(b)) + b


def key_id(public):
    return hashlib.sha256(public).hexdigest()[:32]


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def read_keys(text):
    """Seed byte -> (signing key, public key), as the page lists them."""
    from nacl.signing import SigningKey
    keys, good = {}, True
    for line in text.splitlines():
        seed, public, keyid = line.split(' ')[:3]
        key = SigningKey(bytes([int(seed, 16)]) * 32)
        raw = bytes(key.verify_key)
        good = good and base64.b64decode(public) == raw and \
            keyid == key_id(raw)
        keys[int(seed, 16)] = (key, raw)
    check('keys', good)
    return keys


def check_signed(b, keys):
    signers = {'root': [1, 2], 'people': [0x11], 'policy': [0x12],
               'device': [0x13], 'card': [0x21]}
    for word, seeds in signers.items():
        body = b[word + '.payload'].encode()
        message = pae(word, body)
        digest = 'sha256:' + hashlib.sha256(message).hexdigest()
        check(word + '_digest', b[word + '.digest'] == digest)
        want = b''.join(keys[s][0].sign(message).signature for s in seeds)
        check(word + '_signatures', unhex(b[word + '.signatures']) == want)


def check_envelope(b, keys, word, seeds, sigs):
    e = json.loads(b[word + '.envelope'])
    good = e['payloadType'].encode() == payload_type(word)
    good = good and base64.b64decode(e['payload']) == \
        b[word + '.payload'].encode()
    good = good and [base64.b64decode(s['sig']) for s in e['signatures']] \
        == sigs
    good = good and [s['keyid'] for s in e['signatures']] == \
        [key_id(keys[s][1]) for s in seeds]
    check(word + '_envelope', good)


def check_approval(b, keys):
    body = b['approval.payload'].encode()
    message = pae('approval', body)
    digest = 'sha256:' + hashlib.sha256(message).hexdigest()
    check('approval_digest', b['approval.digest'] == digest)
    preimage = (b'SSHSIG' + string(b'countersign-approval-v1') + string(b'') +
                string(b'sha512') + string(hashlib.sha512(message).digest()))
    check('preimage', unhex(b['approval.preimage']) == preimage)
    signature = keys[0x22][0].sign(preimage).signature
    proof = b'\x01' + string(signature)
    check('proof', unhex(b['approval.signatures']) == proof)
    check_envelope(b, keys, 'approval', [0x22], [proof])
    names = json.loads(body)
    check('approval_names', names['card'] == b['card.digest'] and
          names['policy'] == b['policy.digest'] and
          names['device'] == b['device.id'])
    return message, signature


def check_ssh(message, signature, public):
    """The same 64 bytes, dressed as an SSHSIG, satisfy a stock ssh-keygen."""
    if shutil.which('ssh-keygen') is None:
        print('skip %s.ssh_keygen: there is no ssh-keygen' % NAME)
        return
    key = string(b'ssh-ed25519') + string(public)
    blob = (b'SSHSIG' + struct.pack('>I', 1) + string(key) +
            string(b'countersign-approval-v1') + string(b'') +
            string(b'sha512') +
            string(string(b'ssh-ed25519') + string(signature)))
    armour = base64.encodebytes(blob).decode()
    with tempfile.TemporaryDirectory() as folder:
        allowed = os.path.join(folder, 'allowed')
        sig = os.path.join(folder, 'sig')
        with open(allowed, 'w') as f:
            f.write('alice ssh-ed25519 %s\n' % base64.b64encode(key).decode())
        with open(sig, 'w') as f:
            f.write('-----BEGIN SSH SIGNATURE-----\n%s'
                    '-----END SSH SIGNATURE-----\n' % armour)
        done = subprocess.run(
            ['ssh-keygen', '-Y', 'verify', '-f', allowed, '-I', 'alice', '-n',
             'countersign-approval-v1', '-s', sig], input=message,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check('ssh_keygen', done.returncode == 0,
          done.stdout.decode(errors='replace').strip())


def check_ids(b, keys):
    raw = hashlib.sha256(keys[0x31][1]).digest()
    want = 'd-' + base64.b32encode(raw).decode().lower()[:26]
    check('device_id', b['device.id'] == want)
    check('pin', b['pin'] == 'countersign-pin:1:acme:%s:1.1.1.1.1' %
          b['root.digest'][len('sha256:'):])


def check_record(b, keys):
    body = b['record.payload'].encode()
    record = json.loads(body)
    check('record_names', record['card'] == b['card.digest'] and
          record['policy'] == b['policy.digest'] and record['sigs'] ==
          [[base64.b64encode(key_id(keys[0x21][1]).encode()).decode(),
            base64.b64encode(unhex(b['card.signatures'])).decode()]])
    check('record_form', json.dumps(record, separators=(',', ':'),
                                    ensure_ascii=False).encode() == body)
    length, index = struct.pack('<I', len(body)), struct.pack('<Q', 7)
    crc = struct.pack('<I', crc32c(length + index + body))
    check('record_header', unhex(b['record.header']) == length + crc + index)


def main():
    try:
        import nacl.signing  # noqa: F401
    except ImportError:
        print('skip %s: python3-nacl is not installed' % NAME)
        return 0
    b = blocks()
    keys = read_keys(b['keys'])
    check_ids(b, keys)
    check_signed(b, keys)
    roots = unhex(b['root.signatures'])
    check_envelope(b, keys, 'root', [1, 2], [roots[:64], roots[64:]])
    check_envelope(b, keys, 'card', [0x21], [unhex(b['card.signatures'])])
    message, signature = check_approval(b, keys)
    check_ssh(message, signature, keys[0x22][1])
    check_record(b, keys)
    return 1 if FAILED else 0


if __name__ == '__main__':
    sys.exit(main())
