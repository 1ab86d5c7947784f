#!/usr/bin/python3
"""corpus_formats.py - writes the seeds of the fuzzers for formats and proofs.
SPDX-License-Identifier: Apache-2.0

    tests/fuzz/corpus_formats.py

For json, doc, envelope, sshsig, der, proof, webauthn, keyfile and text. The
proofs are those of tests/harness/proofs.h.
"""
import base64
import hashlib
import os
import re
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
PROOFS = os.path.join(HERE, "..", "harness", "proofs.h")


def proofs():
    text = open(PROOFS).read().replace("\\\n", "")
    found = {}
    for name, value in re.findall(r"#define PROOFS_(\w+)((?:\s+\"[^\n]*?\")+)",
                                  text):
        joined = "".join(re.findall(r'"(.*?)"', value))
        try:
            found[name] = bytes.fromhex(joined)
        except ValueError:
            found[name] = joined.replace("\\n", "\n").encode()
    return found


def save(module, seeds):
    folder = os.path.join(HERE, "corpus", module)
    os.makedirs(folder, exist_ok=True)
    for name, data in seeds.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())


def string(b):
    return struct.pack(">I", len(b)) + b


def main():
    p = proofs()
    card = ('{"v":1,"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","org":"acme",'
            '"command":"df -h\\n","limits":{"timeout_s":300},"write":[],'
            '"created":"2025-06-01T12:30:05Z","after":["sha256:' + "0" * 64 +
            '"],"a":"\\ud83d\\ude00\u00e9","b":[true,false,null,-1]}')
    json = {
        "empty": "{}", "card": card,
        "numbers": '[0,-0,1.5,-2e+10,9007199254740991,-9007199254740991]',
        "strings": '["\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00","\u202e"]',
        "nested": "[" * 16 + "]" * 16, "words": " [ true , false , null ] ",
        "duplicate": '{"a":1,"\\u0061":2}', "nul": '{"a":"\\u0000"}',
        "bom": b"\xef\xbb\xbf{}", "surrogate": '"\\ud800"',
        "zero": "0123", "big": "9007199254740993", "trailing": "{} x",
        "utf8": b'"\xc0\x80"', "cut": '{"a":[1,',
    }
    save("json", json)
    save("doc", dict(json, fields='{"a":"sha256:' + "1" * 64 + '","b":"AQID",'
                     '"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","":1}',
                     time='{"a":"2025-06-01T12:30:05Z","b":{"b":[]}}'))
    body = base64.b64encode(card.encode()).decode()
    kind = "application/vnd.countersign.card.v1+json"
    one = '{"payloadType":"%s","payload":"%s","signatures":[%s]}'
    sig = '{"keyid":"k","sig":"%s"}' % base64.b64encode(b"\1" * 64).decode()
    save("envelope", {
        "card": one % (kind, body, sig),
        "two": one % (kind, body, sig + ',{"sig":""}'),
        "url_safe": one % ("t", "-_-_", '{"sig":"_w=="}'),
        "both_alphabets": one % ("t", "-/-/", sig),
        "extra": '{"x":[1],' + (one % ("t", "", sig))[1:],
        "no_type": one % ("", body, sig), "no_signature": one % ("t", "", ""),
    })
    save("sshsig", {
        "plain": p["SSH_BLOB"], "sk_ed25519": p["SK_ED25519_BLOB"],
        "sk_ecdsa": p["SK_ECDSA_BLOB"], "webauthn": p["WEBAUTHN_BLOB"],
        "armour": p["SSH_ARMOUR"],
        "armour_crlf": p["SSH_ARMOUR"].replace(b"\n", b"\r\n"),
        "key": string(b"ssh-ed25519") + string(p["ED25519_PUBLIC"]),
        "key_sk": string(b"sk-ecdsa-sha2-nistp256@openssh.com") +
        string(b"nistp256") + string(p["P256_POINT"]) + string(b"ssh:"),
    })
    save("der", {
        "real": p["ES256_SIG"], "rs": p["ES256_RS"],
        "small": bytes.fromhex("3006020101020101"),
        "negative": bytes.fromhex("3006020180020101"),
        "zeros": bytes(64), "long_form": bytes.fromhex("308106020101020101"),
    })
    webauthn = b"".join(string(p[x]) for x in ("CREDENTIAL", "AUTH_DATA",
                                               "CLIENT_DATA"))
    save("proof", {
        "ed25519": b"\1" + string(p["ED25519_SIG"]),
        "ssh": b"\2" + string(p["SSH_BLOB"]),
        "sk_ed25519": b"\2" + string(p["SK_ED25519_BLOB"]),
        "sk_ecdsa": b"\2" + string(p["SK_ECDSA_BLOB"]),
        "rewrapped": b"\2" + string(p["WEBAUTHN_BLOB"]),
        "es256": b"\3" + webauthn + string(p["ES256_SIG"]),
        "eddsa": b"\3" + webauthn + string(p["EDDSA_SIG"]),
        "unknown": b"\4" + string(b""),
    })
    rp = hashlib.sha256(b"a.example").digest()
    start = (b'{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl",'
             b'"origin":"https://a.example"')

    def assertion(flags, rest, more=b""):
        auth = rp + bytes([flags]) + bytes(4) + more
        return bytes([len(auth)]) + auth + start + rest
    end = b',"crossOrigin":false'
    save("webauthn", {
        "good": assertion(5, end + b"}"),
        "more": assertion(0x1d, end + b',"other":"x"}'),
        "extensions": assertion(0x85, end + b"}", b"\xa0"),
        "cross": assertion(5, b',"crossOrigin":true}'),
        "top": assertion(5, end + b',"topOrigin":"x"}'),
        "present": assertion(1, end + b"}"),
        "backup": assertion(0x15, end + b"}"),
        "attested": assertion(0x45, end + b"}"),
        "cut": assertion(5, end),
    })
    public = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
    file = ('{"v":1,"kind":"countersign-key","use":"%s","public":"' + public +
            '","kdf":%s}\n')
    seed = base64.b64encode(b"\1" * 32).decode()
    kdf = ('{"name":"argon2id","ops":1,"mem":8192,"salt":"' +
           base64.b64encode(bytes(16)).decode() + '"},"box":{"nonce":"' +
           base64.b64encode(bytes(24)).decode() + '","ct":"' +
           base64.b64encode(bytes(56)).decode() + '"}')
    save("keyfile", {
        "service": file % ("timestamp", 'null,"seed":"' + seed + '"'),
        "encrypted": file % ("approver", kdf),
        "greedy": file % ("root", kdf.replace("8192", "9007199254740991")),
        "other_seed": file % ("agent", 'null,"seed":"' +
                              base64.b64encode(bytes(32)).decode() + '"'),
    })
    save("text", {
        "ascii": "df -h\t| sort\n", "latin": "caf\u00e9 \U0001f600",
        "bidi": "a\u202eb\u2066c", "controls": b"\x1b[2J\x00\x7f\xc2\x9b",
        "broken": b"\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82",
        "fake": "<U+202E> \\xff", "org": "acme-1.example", "name": "Alice@x",
    })


if __name__ == "__main__":
    main()
