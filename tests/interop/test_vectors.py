#!/usr/bin/python3
"""test_vectors.py - runs vectors from elsewhere, and some made here.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The vectors of other projects lie in ../shared/vectors, beside the repository
(VECTORS names another folder); where they are not, those cases are skipped.
ECDSA cases in Wycheproof's form are made here by python3-cryptography, a second
implementation, together with the spellings that a strict reader refuses.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get("O", os.path.join(ROOT, "build"))
VECTORS = os.environ.get("VECTORS", os.path.join(
    os.path.dirname(ROOT), "shared", "vectors"))
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551

# program, vector, name of the case
SHARED = [
    ("interop_eddsa", "wycheproof_ed25519_test.json", "wycheproof_ed25519"),
    ("interop_dsse", "dsse_vectors.json", "dsse"),
    ("interop_webauthn", "webauthn_l3_assertions.json", "webauthn_level3"),
    ("interop_json", "json_strict", "jsontestsuite"),
]

failed = False


def report(good, name, why):
    global failed
    if good:
        print("ok test_vectors.%s" % name)
    else:
        failed = True
        print("not ok test_vectors.%s: %s" % (name, why))


def run(program, paths, name):
    if isinstance(paths, str):
        paths = [paths]
    p = subprocess.run([os.path.join(OUT, "tests", program)] + paths,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = p.stdout.decode("utf-8", "replace").splitlines()
    bad = [x for x in lines if x.startswith("not ok")] or lines[-1:]
    report(p.returncode == 0, name, "; ".join(bad)[:500])


def integer(v, pad=0):
    """A DER integer, with needless zeros in front if asked for."""
    b = v.to_bytes(max(1, (v.bit_length() + 7) // 8), "big")
    if b[0] & 0x80:
        b = b"\0" + b
    b = b"\0" * pad + b
    return b"\x02" + bytes([len(b)]) + b


def sequence(body):
    return b"\x30" + bytes([len(body)]) + body


def raw_integer(b):
    return b"\x02" + bytes([len(b)]) + b


def der_cases(r, s):
    good = sequence(integer(r) + integer(s))
    body = good[2:]
    rb = r.to_bytes(32, "big")
    yield "good", good, True
    yield "high or low s", sequence(integer(r) + integer(ORDER - s)), True
    yield "zero before r", sequence(integer(r, 1) + integer(s)), False
    yield "zero before s", sequence(integer(r) + integer(s, 1)), False
    yield "long length", b"\x30\x81" + bytes([len(body)]) + body, False
    yield "longer length", b"\x30\x82\x00" + bytes([len(body)]) + body, False
    yield "indefinite", b"\x30\x80" + body + b"\0\0", False
    yield "long length of r", sequence(b"\x02\x81" + integer(r)[1:] +
                                       integer(s)), False
    yield "trailing byte", good + b"\0", False
    yield "trailing byte inside", sequence(body + b"\0"), False
    yield "trailing null inside", sequence(body + b"\x05\0"), False
    yield "cut", good[:-1], False
    yield "empty", b"", False
    yield "empty sequence", b"\x30\0", False
    yield "set", b"\x31" + good[1:], False
    yield "r alone", sequence(integer(r)), False
    yield "empty r", sequence(raw_integer(b"") + integer(s)), False
    yield "bit string r", sequence(b"\x03" + integer(r)[1:] +
                                   integer(s)), False
    if rb[0] & 0x80:
        yield "negative r", sequence(raw_integer(rb) + integer(s)), False
    yield "r = 0", sequence(integer(0) + integer(s)), False
    yield "s = 0", sequence(integer(r) + integer(0)), False
    yield "both 0", sequence(integer(0) + integer(0)), False
    yield "r = n", sequence(integer(ORDER) + integer(s)), False
    yield "s = n", sequence(integer(r) + integer(ORDER)), False
    yield "r + n", sequence(integer(r + ORDER) + integer(s)), False
    yield "s + n", sequence(integer(r) + integer(s + ORDER)), False
    yield "r - n", sequence(raw_integer((r - ORDER).to_bytes(
        33, "big", signed=True)) + integer(s)), False
    yield "huge r", sequence(integer(r + (1 << 400)) + integer(s)), False
    yield "swapped", sequence(integer(s) + integer(r)), False
    yield "1 and 1", sequence(integer(1) + integer(1)), False


def raw_cases(r, s):
    def pair(a, b):
        return a.to_bytes(32, "big") + b.to_bytes(32, "big")
    yield "good", pair(r, s), True
    yield "other s", pair(r, ORDER - s), True
    yield "cut", pair(r, s)[:-1], False
    yield "longer", pair(r, s) + b"\0", False
    yield "wider halves", (r.to_bytes(33, "big") + s.to_bytes(33, "big")), \
        False
    yield "empty", b"", False
    yield "r = 0", pair(0, s), False
    yield "s = 0", pair(r, 0), False
    yield "r = n", pair(ORDER, s), False
    yield "s = n", pair(r, ORDER), False
    yield "all ones", b"\xff" * 64, False
    yield "swapped", pair(s, r), False
    yield "der", sequence(integer(r) + integer(s)), False


def group(kind, cases, first):
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(
        serialization.Encoding.X962,
        serialization.PublicFormat.UncompressedPoint)
    tests = []
    for msg in (b"", b"message", bytes(range(256)) * 20):
        r, s = utils.decode_dss_signature(
            key.sign(msg, ec.ECDSA(hashes.SHA256())))
        for comment, sig, good in cases(r, s):
            tests.append({"tcId": first + len(tests), "comment": comment,
                          "flags": [], "msg": msg.hex(), "sig": sig.hex(),
                          "result": "valid" if good else "invalid"})
        good = next(cases(r, s))[1]
        tests.append({"tcId": first + len(tests), "comment": "other message",
                      "msg": (msg + b"x").hex(), "sig": good.hex(),
                      "result": "invalid"})
        for bit in range(0, 8 * len(good), 7):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            tests.append({"tcId": first + len(tests), "comment": "flipped bit",
                          "msg": msg.hex(), "sig": bad.hex(),
                          "result": "invalid"})
    return {"type": kind, "sha": "SHA-256", "tests": tests,
            "publicKey": {"type": "EcPublicKey", "curve": "secp256r1",
                          "keySize": 256, "uncompressed": point.hex()}}


def made_here(folder):
    for name, kind, cases in (("der", "EcdsaVerify", der_cases),
                              ("p1363", "EcdsaP1363Verify", raw_cases)):
        groups = [group(kind, cases, 1 + 1000 * i) for i in range(8)]
        # A point that is not on the curve signs nothing.
        off = json.loads(json.dumps(groups[0]))
        off["publicKey"]["uncompressed"] = "04" + "01" * 64
        for t in off["tests"]:
            t["result"] = "invalid"
        groups.append(off)
        # One that is not ours to judge is skipped, not failed.
        other = json.loads(json.dumps(groups[0]))
        other["publicKey"]["curve"] = "secp384r1"
        groups.append(other)
        path = os.path.join(folder, "ecdsa_%s.json" % name)
        with open(path, "w") as f:
            json.dump({"algorithm": "ECDSA", "testGroups": groups}, f)
        run("interop_ecdsa", path, "ecdsa_%s_made_here" % name)


def notices(folder):
    """The programs fail when a vector's expectation is not met."""
    wrong = {"testGroups": [{"type": "EddsaVerify", "publicKey": {
        "curve": "edwards25519", "pk": "d75a980182b10ab7d54bfed3c964073a0ee172"
        "f3daa62325af021a68f707511a"}, "tests": [
            {"tcId": 1, "msg": "00", "sig": "00" * 64, "result": "valid"}]}]}
    path = os.path.join(folder, "wrong.json")
    with open(path, "w") as f:
        json.dump(wrong, f)
    p = subprocess.run([os.path.join(OUT, "tests", "interop_eddsa"), path],
                       stdout=subprocess.PIPE)
    report(p.returncode == 1 and b"0 passed, 1 failed, 0 skipped" in p.stdout,
           "a_failure_is_noticed", p.stdout.decode()[:200])


def merkle():
    """Proofs, in folders of files of one case each."""
    folder = os.path.join(VECTORS, "merkle")
    files = sorted(os.path.join(at, name) for at, _, names in os.walk(folder)
                   for name in names if name.endswith(".json"))
    if files:
        run("interop_merkle", files, "merkle")
    else:
        print("skip test_vectors.merkle: no shared/vectors/merkle beside the "
              "repository")


def merkle_left_out():
    """Members that are null or not there, and numbers above 2^32."""
    def node(a, b):
        return hashlib.sha256(b"\1" + a + b).digest()

    def b64(h):
        return base64.b64encode(h).decode()

    leaf, other = hashlib.sha256(b"\0").digest(), b"x" * 32
    root, path = leaf, []
    for _ in range(41):
        root, path = node(other, root), path + [b64(other)]
    last = {"leafIdx": 2 ** 41 - 1, "treeSize": 2 ** 41, "root": b64(root),
            "leafHash": b64(leaf), "proof": path}
    same = {"size1": 2 ** 40, "size2": 2 ** 40, "root1": b64(root),
            "root2": b64(root)}
    none = {"size1": 0, "size2": 0, "root1": None, "root2": None,
            "proof": None}
    cases = [
        (last, True), (dict(last, leafIdx=2 ** 40), False),
        (dict(last, treeSize=2 ** 64 - 1), False),
        (dict(last, proof=None), False), (dict(last, leafHash=None), False),
        ({"leafIdx": 0, "treeSize": 1, "root": b64(leaf),
          "leafHash": b64(leaf)}, True),
        (same, True), (dict(same, proof=[b64(other)]), False),
        (dict(same, root2=None), False), (none, False),
        ({"size1": 0, "size2": 0}, False),
        (dict(none, size2=5, root2=b64(root)), False),
        # What is no hash, no proof or no number is refused, and no more.
        (dict(last, root="!"), False), (dict(last, leafHash="aa"), False),
        (dict(last, leafHash=leaf.hex()), False),
        (dict(last, root=b64(root)[:-1]), False),
        (dict(last, root=b64(root).replace("=", "\r\n=")), False),
        (dict(last, proof=path[:-1] + ["x"]), False),
        (dict(last, proof=path[:-1] + [""]), False),
        (dict(last, proof=path + [path[0]] * 500), False),
        (dict(last, leafIdx=-1), False), (dict(last, treeSize=-1), False),
        (dict(last, leafIdx=2 ** 64), False),
        (dict(last, leafIdx=2 ** 41), False),
        (dict(last, leafIdx=0, treeSize=0, proof=[]), False),
        (dict(last, more={"x": [1, None]}), True),
        (dict(same, root1="!", root2="!"), False),
        (dict(same, size1=2 ** 41), False), (dict(same, size2=-5), False),
        (dict(same, size1=0), False), (dict(none, proof=[]), False),
    ]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, (case, good) in enumerate(cases):
            paths.append(os.path.join(folder, "%d.json" % i))
            with open(paths[-1], "w") as f:
                json.dump(case if good else dict(case, wantErr=True), f)
        run("interop_merkle", paths, "merkle_left_out")
        # All of them in one file, as other systems end their lines.
        path = os.path.join(folder, "all.json")
        with open(path, "w", newline="\r\n") as f:
            json.dump([case if good else dict(case, wantErr=True)
                       for case, good in cases], f, indent=1)
        run("interop_merkle", path, "merkle_in_one_file")


def main():
    merkle()
    merkle_left_out()
    for program, vector, name in SHARED:
        path = os.path.join(VECTORS, vector)
        if os.path.exists(path):
            run(program, path, name)
        else:
            print("skip test_vectors.%s: no %s beside the repository"
                  % (name, os.path.join("shared", "vectors", vector)))
    # Further files of the same form, where somebody put them.
    for vector in ("ecdsa_secp256r1_sha256_test.json",
                   "ecdsa_secp256r1_sha256_p1363_test.json"):
        path = os.path.join(VECTORS, vector)
        if os.path.exists(path):
            run("interop_ecdsa", path, vector[:-len("_test.json")])
    with tempfile.TemporaryDirectory() as folder:
        made_here(folder)
        notices(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
