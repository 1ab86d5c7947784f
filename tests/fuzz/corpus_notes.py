#!/usr/bin/python3
"""corpus_notes.py - writes the corpus of fuzz_note and fuzz_witness.
SPDX-License-Identifier: Apache-2.0
Runs in: by hand, when the formats change.
"""
import base64
import hashlib
import os

from nacl.signing import SigningKey

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')
EXAMPLE = ('example.com/foo+530d903a+'
           'AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')


def b64(b):
    return base64.b64encode(b).decode()


def line(name, kind, seed, message, time=None):
    key = SigningKey(bytes([seed]) * 32)
    public = key.verify_key.encode()
    ident = hashlib.sha256(name.encode() + bytes([10, kind]) +
                           public).digest()[:4]
    if time is not None:
        message = 'cosignature/v1\ntime %d\n' % time + message
    sig = key.sign(message.encode()).signature
    if time is not None:
        sig = time.to_bytes(8, 'big') + sig
    return '\u2014 %s %s\n' % (name, b64(ident + sig))


def note(size):
    text = 'acme/d-1\n%d\n%s\n' % (size, b64(hashlib.sha256(
        b'%d' % size).digest()))
    return (text + '\n' + line('acme/d-1', 1, 1, text) +
            line('acme/d-1/epoch-2', 1, 2, text) +
            line('w.example/1', 4, 3, text, 1679315147))


def main():
    hashes = [b64(hashlib.sha256(b'%d' % i).digest()) for i in range(70)]
    text = 'a\n\nb\n'
    files = {
        'note/vkey': EXAMPLE,
        'note/checkpoint': note(17),
        'note/empty_tree': note(0),
        'note/two_parts': text + '\n' + line('somebody', 1, 4, text),
        'note/unknown': 'x\n\n\u2014 somebody.example AAAAAAEC\n',
        'note/extension': 'o\n5\n%s\nmore\n' % hashes[0],
        'note/no_signature': 'x\n\n',
        'witness/first': 'old 0\n\n' + note(17),
        'witness/next': 'old 17\n%s\n\n' % '\n'.join(hashes[:5]) + note(40),
        'witness/longest': 'old 17\n%s\n\n' % '\n'.join(hashes[:63]) +
                           note(40),
        'witness/too_long': 'old 17\n%s\n\n' % '\n'.join(hashes[:64]) +
                            note(40),
        'witness/zeros': 'old 017\n\n' + note(40),
        'witness/proof': 'c2sp.org/tlog-proof@v1\nindex 3\n%s\n\n' %
                         '\n'.join(hashes[:5]) + note(40),
        'witness/proof_extra': 'c2sp.org/tlog-proof@v1\nextra AAEC\nindex 0'
                               '\n\n' + note(1),
    }
    for name, content in files.items():
        path = os.path.join(HERE, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', newline='') as f:
            f.write(content)


if __name__ == '__main__':
    main()
