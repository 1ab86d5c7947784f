"""test_roots.py - folders that a repair may not have: three who say so.
SPDX-License-Identifier: Apache-2.0

The proposer's tool signs no card with such a folder, the approver's shows none,
and the gate takes none, also where the policy allows everything. What only the
machine's disk tells, the gate adds.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, dsse, fake, owner, scripts	# noqa: E402
from countersign.agent import Agent			# noqa: E402

POLICY = {'repair_write': [{'groups': ['lab'], 'roots': ['/']}]}
REPAIR = dict(profile='repair', net='none', read='user', services=[])
# What root runs, loads or believes later, wherever the machine is.
REFUSED = '''
/ /etc /etc/ /etc/nginx /etc/cron.d /etc/cron.daily /etc/systemd/system
/etc/network/if-up.d /etc/NetworkManager/dispatcher.d /etc/logrotate.d
/etc/alternatives /etc/systemd/system-generators /etc/ld.so.conf.d /etc/sv
/etc/profile.d /etc/udev/rules.d /etc/apt/apt.conf.d /etc/sudoers.d /etc/pam.d
/usr /usr/local /usr/local/sbin /usr/local/bin /usr/local/lib/python3.11
/usr/lib/python3/dist-packages /usr/lib/systemd/system-generators
/usr/lib/NetworkManager/dispatcher.d /usr/share/polkit-1/rules.d /usr/src/x
/lib /lib64 /lib/modules /libexec /bin /sbin /boot /boot/grub /efi /dev /dev/shm
/proc /sys /run /run/systemd /root /root/.ssh /nix/store /gnu /snap /ostree
/sysroot /.snapshots/1/snapshot /service /command /package /var /var/lib /var/lib/dpkg
/var/lib/dpkg/info /var/lib/rpm /var/lib/apt/lists /var/lib/docker
/var/lib/docker/volumes/x/_data /var/lib/containers
/var/lib/containers/storage/volumes/x /var/lib/containerd /var/lib/kubelet/pods
/var/lib/rancher/k3s /var/lib/lxc/x/rootfs /var/lib/lxd /var/lib/incus
/var/lib/machines/x /var/lib/portables /var/lib/extensions/x /var/lib/confexts
/var/lib/alternatives /var/lib/initramfs-tools /var/lib/flatpak /var/lib/systemd
/var/lib/cloud/scripts /var/lib/waagent /var/lib/dkms /var/lib/polkit-1
/var/lib/sudo /var/lib/snapd /var/lib/selinux /var/lib/pam /var/lib/ucf
/var/lib/countersign /var/cache/apt/archives /var/cache/debconf
/var/cache/ldconfig /var/cache /var/spool /var/spool/cron /var/spool/crontabs
/var/spool/cron/crontabs /var/spool/at /var/spool/atjobs /var/spool/anacron
/var/spool/fcron /var/run /var/run/x /var/lock /var/service /opt /opt/cni/bin
/opt/containerd /home /home/ann /home/ann/.ssh /srv/.ssh /srv/git/.ssh/keys
/tmp /tmp/x /var/tmp/x
//etc /./etc /srv/../etc /srv/.. /srv/./x /srv//x /srv/x/ /srv/x/. . srv ../etc
~/x C:/x \\srv
'''.split() + ['', '/srv/\n', '/srv/\u202ex', '/etc\0x', '/' + 'x' * 4096]
ALLOWED = '''
/srv/cs-x /var/www/cs-x /var/lib/mysql /var/lib/cs-x /var/log/cs-x /opt/cs-x
/opt/cs-x/bin /home/ann/www /ETC /Usr/x /etcx /var/libx /data/cs-x /mnt/cs-x
/srv/sshx /srv/.sshx /usrx /srv/a.b/..c /srv/site-packages/cs-x
'''.split() + ['/srv/cs x', '/srv/cs-\u00e4']


class Judges:
    """The three, each with a card of its own making."""

    def __init__(self, agent):
        self.agent = agent
        self.cards = 0
        self.dir = tempfile.mkdtemp(prefix='cs-roots-')
        with open(self.at('ai.key'), 'w', encoding='ascii') as f:
            f.write(dsse.key_file(agent.owner.keys['ai-1'], 'proposer'))
        os.chmod(self.at('ai.key'), 0o600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def at(self, name):
        return os.path.join(self.dir, name)

    def tool(self, *args):
        return subprocess.run(
            [fake.program('countersign')] + list(args), cwd=self.dir,
            env={'HOME': self.dir, 'PATH': os.environ['PATH']},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            start_new_session=True, check=False)

    def proposer(self, root):
        """Whether it signs."""
        if '\0' in root:
            return None
        out = self.at('card.json')
        r = self.tool('card', 'new', '--org', 'acme.example', '--device',
                      self.agent.device, '--key', 'ai.key', '--description',
                      'x', '--command', 'true', '--profile', 'repair',
                      '--write', root, '--out', out)
        made = os.path.exists(out)
        if made:
            os.unlink(out)
        checks.equal(r.returncode == 0, made, repr((root, r.stderr)))
        return made

    def approver(self, root):
        """Whether it shows a card that somebody else's tool has signed."""
        env = self.agent.card('true', **dict(REPAIR, write=[root]))
        with open(self.at('other.json'), 'w', encoding='utf-8') as f:
            json.dump(env, f)
        r = self.tool('card', 'show', 'other.json')
        if r.returncode == 0:
            checks.true(root in r.stdout.decode(), repr((root, r.stdout)))
        return r.returncode == 0

    def gate(self, root):
        """Its reason and detail, or None."""
        a = self.agent
        # One person's refused cards are recorded up to 60 a minute.
        people = sorted(k for k in a.owner.keys if k.startswith('ai-'))
        self.cards += 1
        env = a.card('true', by=people[self.cards % len(people)],
                     **dict(REPAIR, write=[root]))
        digest = owner.digest_of(env)
        a.send('card', env)
        a.peer.wait(lambda: a.peer.all('card_refused', card=digest) +
                    a.peer.all('card_received', card=digest), 'verdict')
        got = a.peer.all('card_refused', card=digest)
        return (got[0]['reason'], got[0].get('detail', '')) if got else None


def test_all_three_agree():
    a = Agent()
    for n in range(2, 2 + (len(REFUSED) + len(ALLOWED)) // 40):
        a.owner.person('ai-%d' % n, ['proposer'])
    a.files['people'] = a.owner.people()
    a.files['policy'] = a.owner.policy(**POLICY)
    a.greet()
    with a:
        if 'repair' not in json.loads(subprocess.run(
                [fake.program('countersign'), 'status', '--json', '--socket',
                 a.socket], check=True, stdout=subprocess.PIPE).stdout)[
                     'profiles']:
            checks.skip('repair is not offered here')
        with Judges(a) as j:
            for roots, want in ((REFUSED, False), (ALLOWED, True)):
                for root in roots:
                    for who in (j.proposer, j.approver):
                        got = who(root)
                        checks.true(got in (want, None), '%s %s %r' % (
                            who.__name__, 'takes' if got else 'refuses',
                            root))
                    got = j.gate(root)
                    checks.equal(got is None, want, 'the gate: %r: %r' % (
                        root, got))


def test_what_the_disk_tells():
    """On a machine of its own: each of these makes a folder root's code."""
    with scripts.Scripts() as g:
        scripts.install(g)
        with scripts.Machine(g, policy=POLICY) as m, Judges(m) as j:
            m.offers('repair')

            def put(path, text, mode=0o644):
                at = g.path(path)
                os.makedirs(os.path.dirname(at), exist_ok=True)
                with open(at, 'w', encoding='utf-8') as f:
                    f.write(text)
                os.chmod(at, mode)

            def link(to, path):
                g.must(['ln', '-sfn', to, path])

            n = 0
            for how, what in (
                    ('a cron table', lambda d: put(
                        '/etc/cron.d/x', '* * * * * root %s/job\n' % d)),
                    ('a search path', lambda d: put(
                        '/etc/profile.d/x.sh', 'PATH=$PATH:%s/bin\n' % d)),
                    ('sudo', lambda d: put(
                        '/etc/sudoers.d/x', 'a ALL=(root) %s/run\n' % d)),
                    ('libraries', lambda d: put(
                        '/etc/ld.so.conf.d/x.conf', d + '/lib\n')),
                    ('a unit', lambda d: put(
                        '/etc/systemd/system/x.service',
                        '[Service]\nExecStart=%s/run\n' % d)),
                    ('a unit in a package', lambda d: put(
                        '/usr/lib/systemd/system/x.service',
                        '[Service]\nExecStart=/bin/sh %s/run.sh\n' % d)),
                    ('a unit in another spelling', lambda d: put(
                        '/etc/systemd/system/z.service',
                        '[Service]\nExecStart=/bin/sh \\\n  '
                        '-c "%s/run"\n' % d.replace('/srv', '/srv/.//'))),
                    ('a unit that loads', lambda d: put(
                        '/etc/systemd/system/w.service',
                        '[Service]\nEnvironment=LD_LIBRARY_PATH=%s\n'
                        'ExecStart=/bin/true\n' % d)),
                    ('a unit that works there', lambda d: put(
                        '/etc/systemd/system/v.service',
                        '[Service]\nWorkingDirectory=%s\n'
                        'ExecStart=/usr/bin/perl job.pl\n' % d)),
                    ('a link to a unit\'s program', lambda d: (
                        put(d + '/releases/1/run', '', 0o755),
                        g.must(['mkdir', '-p', '/opt/linked']),
                        link(d + '/releases/1', '/opt/linked/current'),
                        put('/etc/systemd/system/u.service', '[Service]\n'
                            'ExecStart=/opt/linked/current/run\n'))),
                    ('a link to nothing as yet', lambda d: (
                        link(d + '/run', '/opt/linked-run'),
                        put('/etc/cron.d/linked',
                            '* * * * * root /opt/linked-run\n'))),
                    ('a script of a unit', lambda d: (
                        put(d + '/hook', '', 0o755),
                        put('/usr/local/lib/job',
                            '#!/bin/sh\nexec %s/hook\n' % d, 0o755),
                        put('/etc/systemd/system/t.service', '[Service]\n'
                            'ExecStart=-/usr/local/lib/job\n'))),
                    ('variables', lambda d: put(
                        '/etc/default/x', 'PYTHONPATH=%s\n' % d)),
                    ('a program', lambda d: link(
                        d + '/bin/x', '/usr/local/bin/x')),
                    ('an alternative', lambda d: link(
                        d + '/x', '/etc/alternatives/x')),
                    ('a linked unit', lambda d: link(
                        d + '/x.service', '/etc/systemd/system/y.service')),
                    ('a dispatcher', lambda d: (
                        put('/etc/NetworkManager/dispatcher.d/z', ''),
                        link(d + '/up', '/etc/NetworkManager/dispatcher.d/x'))),
                    ('an interface script', lambda d: (
                        put('/etc/network/if-up.d/z', ''),
                        link(d + '/up', '/etc/network/if-up.d/x'))),
                    ('python', lambda d: put(
                        '/usr/lib/python3/dist-packages/x.pth', d + '\n')),
                    ('a bind mount of /etc', lambda d: g.must(
                        ['mount', '--bind', '/etc/cron.d', d])),
                    ('a bind mount in it', lambda d: (
                        g.must(['mkdir', d + '/in']),
                        g.must(['mount', '--bind', '/usr/bin', d + '/in']))),
                    ('a bind mount of it', lambda d: (
                        g.must(['mkdir', '-p', d + '/in', '/usr/local/in']),
                        g.must(['mount', '--bind', d + '/in',
                                '/usr/local/in']))),
                    ('keys', lambda d: (
                        g.must(['mkdir', '-p', d + '/home/.ssh']),
                        g.must(['sh', '-c', 'echo "x%d:x:5000%02d:1::%s/home:'
                                '/bin/sh" >>/etc/passwd' % (n, n, d)]))),
                    ('a home', lambda d: (
                        g.must(['mkdir', '-p', d + '/home']),
                        put(d + '/home/.bashrc', ''),
                        g.must(['sh', '-c', 'echo "x%d:x:5000%02d:1::%s/home:'
                                '/bin/sh" >>/etc/passwd' % (n, n, d)]))),
                    ('a link', lambda d: (
                        g.must(['rmdir', d]), link('/etc/cron.d', d)))):
                n += 1
                d = '/srv/place-%d' % n
                g.must(['mkdir', '-p', d])
                checks.equal(j.gate(d), None, 'before ' + how)
                what(d)
                got = j.gate(d)
                checks.true(got is not None and got[0] == 'needs_full',
                            '%s: %r' % (how, got))
                # A neighbour is not touched by it.
                checks.equal(j.gate(d + 'x'), None, how)
            g.must(['mkdir', '-p', '/usr/local/deep'])
            link('/usr/local', '/srv/up')
            checks.equal(j.gate('/srv/up/deep')[0], 'needs_full')


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
