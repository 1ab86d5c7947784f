"""sbom.py - what is in the release: SPDX 2.3, and the checksums of its files.
SPDX-License-Identifier: Apache-2.0

Versions, addresses and hashes of the libraries come from scripts/deps.lock,
which is what they were built from.
"""
import hashlib
import json
import os
import time

from contents import source

# As declared; of a choice the first is taken.
NAMES = {'libuv': ('libuv', 'MIT'),
         'mbedtls': ('Mbed TLS', 'Apache-2.0 OR GPL-2.0-or-later'),
         'sodium': ('libsodium', 'ISC'), 'cjson': ('cJSON', 'MIT'),
         'zlib': ('zlib', 'Zlib')}
# What comes with the compilers, in the versions that those have.
RUNTIMES = (
    ('musl', 'musl', 'MIT', 'the C library of the Linux programs'),
    ('mingw', 'mingw-w64 runtime', 'ZPL-2.1',
     'what the Windows programs start with'),
    ('libgcc', 'libgcc', 'GPL-3.0-or-later WITH GCC-exception-3.1',
     "gcc's own part of the programs that it built"),
    ('compiler-rt', 'compiler-rt', 'Apache-2.0 WITH LLVM-exception',
     "clang's own part of the programs that zig built"),
)


def libraries():
    """[(name, version, file, sha256, address, also), …], one a library:
    upstream's release, or where there is none the distribution's source. also:
    the distribution's files of it, in words."""
    found, also = {}, {}
    with open(source('scripts/deps.lock')) as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            name, version, revision, file, digest, url = line.split()
            if name not in NAMES:
                continue
            if name not in found or revision == '-':
                found[name] = (name, version, file, digest, url)
            if revision != '-':
                also.setdefault(name, []).append('%s %s (sha256 %s)' % (
                    'with the patches of' if '.debian.' in file else
                    'or from the same release as', file, digest))
    missing = set(NAMES) - set(found)
    if missing:
        raise SystemExit('packages: scripts/deps.lock has no %s' %
                         ', '.join(sorted(missing)))
    return [found[n] + (', '.join(['from ' + found[n][2]] + also.get(n, [])),)
            for n in sorted(found)]


def sha256(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def spdx(release, packages):
    """The document, as bytes. packages: paths of the files of the release."""
    created = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(release.epoch))
    main = {
        'SPDXID': 'SPDXRef-countersign', 'name': 'countersign',
        'versionInfo': release.version, 'downloadLocation': 'NOASSERTION',
        'filesAnalyzed': False, 'licenseConcluded': 'Apache-2.0',
        'licenseDeclared': 'Apache-2.0', 'copyrightText': 'NOASSERTION',
        'primaryPackagePurpose': 'APPLICATION',
        'supplier': 'Organization: The Countersign authors'}
    items, relations = [main], [
        ('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-countersign')]
    for name, version, file, digest, url, also in libraries():
        title, license = NAMES[name]
        ref = 'SPDXRef-lib-' + name
        items.append({
            'SPDXID': ref, 'name': title, 'versionInfo': version,
            'packageFileName': file,
            'downloadLocation': url if url != '-' else 'NOASSERTION',
            'checksums': [{'algorithm': 'SHA256', 'checksumValue': digest}],
            'filesAnalyzed': False,
            'licenseConcluded': license.split(' OR ')[0],
            'licenseDeclared': license, 'copyrightText': 'NOASSERTION',
            'primaryPackagePurpose': 'LIBRARY', 'sourceInfo': also,
            'externalRefs': [{
                'referenceCategory': 'PACKAGE-MANAGER',
                'referenceType': 'purl',
                'referenceLocator': 'pkg:generic/%s@%s' % (name, version)}]})
        relations.append(('SPDXRef-countersign', 'STATIC_LINK', ref))
    for name, title, license, what in RUNTIMES:
        ref = 'SPDXRef-lib-' + name
        items.append({
            'SPDXID': ref, 'name': title, 'downloadLocation': 'NOASSERTION',
            'filesAnalyzed': False, 'licenseConcluded': license,
            'licenseDeclared': license, 'copyrightText': 'NOASSERTION',
            'primaryPackagePurpose': 'LIBRARY', 'comment': what})
        relations.append(('SPDXRef-countersign', 'STATIC_LINK', ref))
    for i, path in enumerate(sorted(packages, key=os.path.basename)):
        ref = 'SPDXRef-release-%d' % (i + 1)
        items.append({
            'SPDXID': ref, 'name': os.path.basename(path),
            'versionInfo': release.version,
            'packageFileName': os.path.basename(path),
            'downloadLocation': 'NOASSERTION', 'filesAnalyzed': False,
            'checksums': [{'algorithm': 'SHA256',
                           'checksumValue': sha256(path)}],
            'licenseConcluded': 'Apache-2.0', 'licenseDeclared': 'Apache-2.0',
            'copyrightText': 'NOASSERTION',
            'primaryPackagePurpose': 'INSTALL'})
        relations.append(('SPDXRef-countersign', 'GENERATES', ref))
    unique = hashlib.sha256(json.dumps(items, sort_keys=True).encode())
    return (json.dumps({
        'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0',
        'SPDXID': 'SPDXRef-DOCUMENT', 'name': 'countersign-' + release.version,
        'documentNamespace': 'urn:countersign:spdx:%s:%s' % (
            release.version, unique.hexdigest()),
        'creationInfo': {'created': created,
                         'creators': ['Tool: countersign-packages']},
        'packages': items,
        'relationships': [{'spdxElementId': a, 'relationshipType': kind,
                           'relatedSpdxElement': b}
                          for a, kind, b in relations]},
        indent=1) + '\n').encode()


def checksums(paths):
    """In the form of sha256sum(1)."""
    return ''.join('%s  %s\n' % (sha256(p), os.path.basename(p))
                   for p in sorted(paths, key=os.path.basename)).encode()
