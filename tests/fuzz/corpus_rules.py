#!/usr/bin/python3
"""corpus_rules.py - writes the seeds of fuzz_card, _approval, _policy, _trust.
SPDX-License-Identifier: Apache-2.0

    tests/fuzz/corpus_rules.py
"""
import base64
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICE = 'd-abcdefghijklmnopqrstuvwxyz'
ZEROS = 'sha256:' + '0' * 64
P256 = ('BNZak5d8qj0bCBhS/1ennkZfFmBXcwS66tUF3TpIWJzzUBheiVNy32Ih6joTdVfkc/3b'
        'Z1XwW9UHw8Uz/OnJEoU=')


def save(module, seeds):
    folder = os.path.join(HERE, 'corpus', module)
    os.makedirs(folder, exist_ok=True)
    for name, data in seeds.items():
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(data)


def text(value, **changes):
    value = dict(value)
    for key, change in changes.items():
        if change is None:
            del value[key]
        else:
            value[key] = change
    return json.dumps(value, separators=(',', ':')).encode()


def key(byte):
    return base64.b64encode(bytes([byte]) * 32).decode()


CARD = {
    'v': 1, 'id': '019ba2b1-0000-7000-8000-000000000001', 'org': 'acme',
    'device': DEVICE, 'tool': 'command', 'shell': 'sh', 'command': 'df -h\n',
    'unicode': 'ascii', 'description': 'Shows free space.',
    'profile': 'observe', 'net': 'none', 'read': 'user', 'write': [],
    'services': [], 'survivors': 'kill',
    'limits': {'timeout_s': 300, 'memory_mb': 512, 'processes': 64,
               'output_bytes': 8388608},
    'after': [ZEROS], 'ticket': {'system': 'halopsa', 'id': 'T-1',
                                 'url': 'https://example.org/t/1'},
    'requester': 'eve@example.org', 'created': '2026-01-10T12:00:00Z',
    'expires': '2026-01-11T12:00:00Z'}
REPAIR = {'profile': 'repair', 'write': ['/srv/app'], 'services': [
    {'unit': 'nginx.service', 'verbs': ['restart', 'status']}]}
TOOL = {k: CARD[k] for k in ('v', 'id', 'org', 'device', 'description',
                             'created', 'expires')}
TOOL.update(tool='disk.free', args={'path': '/srv', 'n': -7})
APPROVAL = {
    'v': 1, 'card': ZEROS, 'policy': ZEROS, 'device': DEVICE,
    'device_nonce': 'A' * 22, 'approver': 'tom', 'role': 'technician',
    'decision': 'approve', 'reason': 'fine',
    'issued': '2026-01-10T12:00:00Z', 'expires': '2026-01-10T12:15:00Z'}
CANCEL = {k: APPROVAL[k] for k in ('v', 'card', 'device', 'device_nonce',
                                   'reason', 'issued', 'expires')}
CANCEL['by'] = 'tom'
HEAD = {'v': 1, 'org': 'acme', 'version': 1,
        'issued': '2026-01-02T00:00:00Z', 'expires': '2026-02-01T00:00:00Z'}
POLICY = dict(HEAD, mode='execute', approval_ttl_s=900, min_people=2,
              requester_may_approve=True, console_may_stop=['observe'],
              limits={'pending': 50}, retention_days=90, transcript_days=1,
              repair_write=[{'groups': ['web'], 'roots': ['/srv', '/']}],
              tools={
                  'command': {'decision': 'approval_needed',
                              'profiles': ['observe', 'repair'],
                              'shells': ['sh'], 'approvers': ['tom'],
                              'proofs': ['ed25519', 'ssh', 'sk', 'webauthn'],
                              'limits': {'memory_mb': 64}},
                  'disk.free': {'decision': 'auto', 'shell': 'sh',
                                'script': 'df -hP -- "$CS_ARG_PATH"',
                                'args': {'path': {'type': 'path'}},
                                'rate_per_h': 60},
                  'ls': {'decision': 'auto', 'shell': 'argv',
                         'argv': ['/bin/ls', '--', {'arg': 't'}],
                         'args': {'t': {'type': 'text', 'max': 9}},
                         'rate_per_h': 9, 'net': 'view'},
                  'fix': dict(REPAIR, decision='approval_needed', net='host',
                              shell='bash', script='x', args={
                                  'e': {'type': 'enum', 'values': ['a']},
                                  'w': {'type': 'word', 'max': 4},
                                  'i': {'type': 'int', 'min': -5,
                                        'max': 5}})},
              overrides=[{'match': {'groups': ['web'], 'proposers': ['ai']},
                          'tool': '*', 'require_manager': True,
                          'managers': ['max'], 'approval_ttl_s': 300}])
ROLE = {'threshold': 1, 'keys': [{'holder': 'ann', 'key': key(1)}]}
ROOT = dict(HEAD, roles={r: ROLE for r in ('root', 'people', 'policy',
                                           'device', 'timestamp')},
            min_version={r: 1 for r in ('people', 'policy', 'device',
                                        'timestamp')},
            witnesses=[{'name': 'w.example/1', 'key': key(9)}])
PEOPLE = dict(HEAD, persons=[{
    'id': 'tom', 'name': 'Tom', 'roles': ['technician', 'proposer'],
    'keys': [
        {'kind': 'ed25519', 'key': key(1),
         'valid_from': '2026-01-05T00:00:00Z'},
        {'kind': 'ssh', 'key': key(2)},
        {'kind': 'sk', 'alg': 'ed25519', 'key': key(3),
         'application': 'ssh:x', 'verify_required': True},
        {'kind': 'webauthn', 'alg': 'es256', 'key': P256,
         'credential_id': 'AQID', 'rp_id': 'a.example',
         'origins': ['https://a.example', 'http://localhost:1']}]}],
    requesters=[{'id': 'eve', 'mails': ['a@b'], 'manager': 'max'}],
    revoked=['0' * 32])
ENTRY = dict(HEAD, device=DEVICE, name='web-1', groups=['web'])
STAMP = dict(HEAD, expires='2026-01-05T00:00:00Z', files={
    r: {'version': 1, 'digest': ZEROS} for r in ('root', 'people', 'policy')})
PIN = 'countersign-pin:1:acme:%s:1.2.3.4.5' % ('0a' * 32)


def main():
    save('card', {
        'command': text(CARD), 'repair': text(CARD, **REPAIR),
        'tool': text(TOOL), 'full': text(CARD, profile='full', net='host'),
        'any': text(CARD, unicode='any', command='echo \u00e9\U0001f600'),
        'cmd': text(CARD, shell='cmd', command='dir'),
        'param': text(CARD, shell='pwsh', command=' param()'),
        'least': text(CARD, unicode=None, after=None, ticket=None,
                      requester=None),
        'etc': text(CARD, profile='repair', write=['/etc/x'])})
    save('approval', {
        'approve': b'\0' + text(APPROVAL), 'cancel': b'\1' + text(CANCEL),
        'deny': b'\0' + text(APPROVAL, role='proposer', decision='deny'),
        'manager': b'\0' + text(APPROVAL, role='manager'),
        'mixed': b'\1' + text(APPROVAL)})
    save('policy', {
        'most': text(POLICY), 'plan': text(POLICY, mode='plan', tools={},
                                           overrides=[]),
        'lockdown': text(POLICY, mode='lockdown'),
        'loose': text(POLICY, overrides=[]),
        'auto': text(POLICY, tools={'command': {'decision': 'auto'}},
                     overrides=[])})
    save('trust', {
        'root': b'\0' + text(ROOT), 'people': b'\1' + text(PEOPLE),
        'policy': b'\2' + text(POLICY), 'device': b'\3' + text(ENTRY),
        'timestamp': b'\4' + text(STAMP), 'pin': b'\5' + PIN.encode(),
        # root 1, people, policy, device, timestamp; root 2, other keys
        'offers': bytes([6, 0, 0, 3, 0, 1, 0, 1, 0, 2, 0, 1, 0, 3, 0, 2, 0,
                         4, 0, 1, 0, 0, 1, 1, 0, 0, 2, 5, 3, 1, 1, 4, 0]),
        'conflict': bytes([6, 0, 0, 3, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1,
                           1, 0, 1, 0, 0, 1, 3, 0, 0, 1, 3, 1]),
        'thresholds': bytes([6, 0, 0, 3, 0, 0, 1, 3, 128, 1, 0, 1, 0, 1, 0,
                             3, 0, 0, 2, 15, 34, 1, 0, 12, 0, 1, 1, 12, 0])})


if __name__ == '__main__':
    main()
