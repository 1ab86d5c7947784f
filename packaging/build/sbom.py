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

NAMES = {'libuv': ('libuv', 'MIT'), 'mbedtls': ('Mbed TLS', 'Apache-2.0'),
         'sodium': ('libsodium', 'ISC'), 'cjson': ('cJSON', 'MIT'),
         'zlib': ('zlib', 'Zlib')}


def libraries():
    """[(name, version, file, sha256, address), …], one a library: upstream's
    release, or where there is none the distribution's source."""
    found = {}
    with open(source('scripts/deps.lock')) as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            name, version, revision, file, digest, url = line.split()
            if name in NAMES and (name not in found or revision == '-'):
                found[name] = (name, version, file, digest, url)
    missing = set(NAMES) - set(found)
    if missing:
        raise SystemExit('packages: scripts/deps.lock has no %s' %
                         ', '.join(sorted(missing)))
    return [found[n] for n in sorted(found)]


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
    for name, version, file, digest, url in libraries():
        title, license = NAMES[name]
        ref = 'SPDXRef-lib-' + name
        items.append({
            'SPDXID': ref, 'name': title, 'versionInfo': version,
            'packageFileName': file,
            'downloadLocation': url if url != '-' else 'NOASSERTION',
            'checksums': [{'algorithm': 'SHA256', 'checksumValue': digest}],
            'filesAnalyzed': False, 'licenseConcluded': license,
            'licenseDeclared': license, 'copyrightText': 'NOASSERTION',
            'primaryPackagePurpose': 'LIBRARY',
            'externalRefs': [{
                'referenceCategory': 'PACKAGE-MANAGER',
                'referenceType': 'purl',
                'referenceLocator': 'pkg:generic/%s@%s' % (name, version)}]})
        relations.append(('SPDXRef-countersign', 'STATIC_LINK', ref))
    for i, path in enumerate(sorted(packages)):
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
