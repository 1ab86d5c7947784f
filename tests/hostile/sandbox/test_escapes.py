"""test_escapes.py - ways out that a shell offers, on a machine with systemd.
SPDX-License-Identifier: Apache-2.0

uid 0 with a Unix socket is how such sandboxes fall: D-Bus, systemd's own
socket, cron, at, polkit and set-id programs are all there. Each way leaves a
mark outside if it works; first it is shown to work for root without a sandbox.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, fake, guest, machine, owner  # noqa: E402

# A card's time: none of these waits for anything.
LIMITS = {'timeout_s': 60, 'memory_mb': 256, 'processes': 64,
          'output_bytes': 1048576}
POLICY = {'repair_write': [{'groups': ['lab'], 'roots': ['/srv/declared']}]}

# name: (command; MARK is a file that must not come to be, what leaves it).
WAYS = {
    'systemd_run': 'systemd-run -q --wait touch MARK',
    'systemd_run_pipe': 'echo | systemd-run -q --pipe --wait touch MARK',
    'systemctl_start': 'systemctl start escape@NAME.service',
    'real_systemctl': '/usr/bin/systemctl start escape@NAME.service',
    'systemctl_link': 'echo "[Service]\nType=oneshot\nExecStart=/usr/bin/touch '
                      'MARK" > /tmp/cs-NAME.service && systemctl link '
                      '/tmp/cs-NAME.service && systemctl start cs-NAME',
    'busctl': 'busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 '
              'org.freedesktop.systemd1.Manager StartUnit ss '
              'escape@NAME.service replace; '
              'systemctl is-active escape@NAME.service',
    'busctl_transient':
        'busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 '
        "org.freedesktop.systemd1.Manager StartTransientUnit 'ssa(sv)a(sa(sv))'"
        " NAME.service fail 1 ExecStart 'a(sasb)' 1 /usr/bin/touch 2 "
        '/usr/bin/touch MARK false 0',
    'dbus_send': 'dbus-send --system --print-reply '
                 '--dest=org.freedesktop.systemd1 /org/freedesktop/systemd1 '
                 'org.freedesktop.systemd1.Manager.StartUnit '
                 'string:escape@NAME.service string:replace',
    'at': 'echo "touch MARK" | at now',
    'batch': 'echo "touch MARK" | batch',
    'sudo': 'sudo -n touch MARK', 'su': 'su -c "touch MARK" root',
    'pkexec': 'pkexec touch MARK', 'runuser': 'runuser -u root touch MARK',
    'nsenter': 'nsenter -t 1 -m -p touch MARK',
    'proc_root': 'touch /proc/1/root/MARK',
    'chroot': 'chroot /proc/1/root touch MARK',
    'unshare': 'unshare -r -m touch MARK; unshare -m sh -c '
               '"mount -o remount,rw / ; touch MARK"',
    'remount': 'mount -o remount,rw / ; touch MARK',
    'remount_bind': 'mount -o remount,bind,rw / ; touch MARK',
    'gdb': 'gdb -batch -p $(cat /run/cs-victim.pid) '
           '-ex "call (int)creat(\\"MARK\\",0600)"',
    'docker': 'perl -MIO::Socket::UNIX -e \'IO::Socket::UNIX->new(Peer => '
              '"/run/docker.sock") or die; \' && systemctl is-active '
              'docker-fake.socket; sleep 0; touch /run/docker-was-reached-NAME',
    'machinectl': 'machinectl -q shell .host /usr/bin/touch MARK',
    'git_fsmonitor': 'cd /srv/repo && git -c safe.directory=* '
                     '-c core.fsmonitor="touch MARK; false" status',
    'tmpfiles': 'echo "f MARK" > /tmp/t.conf; systemd-tmpfiles --create '
                '/tmp/t.conf',
    'kill_victim': 'kill -9 $(cat /run/cs-victim.pid) && touch MARK; '
                   'kill -0 $(cat /run/cs-victim.pid) || :',
    'core_pattern': 'echo "|/usr/bin/touch MARK" > '
                    '/proc/sys/kernel/core_pattern; exit 0',
}
# Files whose being there afterwards is the mark.
PLACES = {
    'crontab': ('echo "* * * * * true" | crontab -',
                '/var/spool/cron/crontabs'),
    'cron_d': ('echo "* * * * * root true" > /etc/cron.d/NAME', '/etc/cron.d'),
    'preload': ('echo /x > /etc/ld.so.preload.NAME', '/etc'),
    'profile_d': ('echo true > /etc/profile.d/NAME.sh', '/etc/profile.d'),
    'udev': ('mkdir -p /etc/udev/rules.d; echo > /etc/udev/rules.d/NAME.rules',
             '/etc/udev/rules.d'),
    'bashrc': ('echo true >> /root/.bashrc-NAME', '/root'),
    'sudoers': ('echo "x ALL=(ALL) ALL" > /etc/sudoers.d/NAME',
                '/etc/sudoers.d'),
    'unit': ('echo > /etc/systemd/system/NAME.service', '/etc/systemd/system'),
    'run_unit': ('mkdir -p /run/systemd/system; '
                 'echo > /run/systemd/system/NAME.service',
                 '/run/systemd/system'),
    'polkit': ('echo > /etc/polkit-1/rules.d/NAME.rules',
               '/etc/polkit-1/rules.d'),
    'tmp_of_host': ('echo > /tmp/NAME', '/tmp'),
    'linger_by_logind': ('loginctl enable-linger "$(id -un)"',
                         '/var/lib/systemd/linger'),
    'linger': ('mkdir -p /var/lib/systemd/linger; '
               'echo > /var/lib/systemd/linger/NAME',
               '/var/lib/systemd/linger'),
}
# What fails for root in this guest too, and why; it proves nothing there.
UNPROVEN = {'core_pattern': "a guest's /proc/sys is read-only",
            'batch': 'waits for a low load',
            'machinectl': 'systemd-container is not in the guest',
            'dbus_send': 'may not be in the guest'}

PROFILES = {
    'observe': {'profile': 'observe', 'net': 'view', 'read': 'user',
                'write': []},
    'observe_root_eyes': {'profile': 'observe', 'net': 'host', 'read': 'all',
                          'write': []},
    'repair': {'profile': 'repair', 'net': 'none', 'read': 'all',
               'write': ['/srv/declared']},
    'repair_with_network': {'profile': 'repair', 'net': 'host', 'read': 'all',
                            'write': ['/srv/declared'],
                            'services': [{'unit': 'cron.service',
                                          'verbs': ['status']}]},
}


def prepare(g):
    """Things to be started and stolen."""
    def put(path, text, mode=0o644):
        os.makedirs(os.path.dirname(g.path(path)), exist_ok=True)
        with open(g.path(path), 'w') as f:
            f.write(text)
        os.chmod(g.path(path), mode)

    put('/etc/systemd/system/escape@.service',
        '[Service]\nType=oneshot\nExecStart=/usr/bin/touch /var/mark-%i\n')
    put('/etc/systemd/system/cs-victim.service',
        '[Service]\nExecStart=/bin/sh -c "echo $$$$ > /run/cs-victim.pid; '
        'exec tail -f /dev/null"\n')
    put('/etc/systemd/system/docker-fake.socket',
        '[Socket]\nListenStream=/run/docker.sock\nSocketMode=0660\n'
        'Accept=yes\n')
    put('/etc/systemd/system/docker-fake@.service',
        '[Service]\nExecStart=/usr/bin/touch /var/docker-was-reached\n')
    g.must(['systemctl', 'daemon-reload'])
    g.must(['systemctl', 'start', 'cs-victim.service', 'docker-fake.socket'])
    g.must(['sh', '-c', 'mkdir -p /srv/declared /srv/repo && cd /srv/repo && '
            'git init -q . && chmod -R a+rwX /srv/repo'])


def command_of(name, tag):
    text = WAYS[name] if name in WAYS else PLACES[name][0]
    return text.replace('MARK', '/var/mark-' + tag).replace('NAME', tag)


def left(g, name, tag):
    """Whether the way has left its mark."""
    if name in PLACES:
        r = g.run(['sh', '-c', 'ls -A %s | grep -F %s' % (
            PLACES[name][1], tag)])
        if name in ('crontab', 'linger_by_logind'):
            r = g.run(['sh', '-c', 'ls -A %s' % PLACES[name][1]])
        return r.stdout.strip() != b''
    if name in ('at', 'batch'):
        # Its daemon takes it at once; what is left is in the queue.
        if g.run(['atq']).stdout.strip() != b'':
            return True
    if name == 'docker':
        return os.path.exists(g.inside('/run/docker-was-reached-' + tag)) or \
            os.path.exists(g.path('/var/docker-was-reached'))
    return os.path.exists(g.path('/var/mark-' + tag))


def clean(g, tag):
    g.run(['sh', '-c', 'rm -rf /var/mark-%s /var/docker-was-reached; '
           'crontab -r; for j in $(atq | cut -f1); do atrm $j; done; '
           'systemctl start cs-victim.service; loginctl disable-linger; '
           'rm -f /var/lib/systemd/linger/*; '
           'find /etc /root /tmp /run/systemd/system /var/lib/systemd '
           '-name "*%s*" -delete' % (tag, tag)])


def settle(g):
    """What systemd, cron and at were asked for has happened."""
    g.run(['sh', '-c', 'for u in $(systemctl list-jobs --no-legend | '
           "awk '{print $2}'); do systemctl start $u; done; "
           'while pgrep -x atd >/dev/null && pgrep -P $(pgrep -ox atd) '
           '>/dev/null; do :; done'], limit=30)


def test_ways_work_without_a_sandbox():
    with guest.Guest() as g:
        prepare(g)
        failed = {}
        for name in list(WAYS) + list(PLACES):
            tag = 'c' + os.urandom(4).hex()
            r = g.run(['sh', '-c', command_of(name, tag)])
            settle(g)
            if not left(g, name, tag):
                failed[name] = (r.stderr or r.stdout).decode()[-120:]
            clean(g, tag)
        for name in set(failed) & set(UNPROVEN):
            print('# proves nothing here: %s: %s' % (name, UNPROVEN[name]))
        checks.equal({n: w for n, w in failed.items() if n not in UNPROVEN},
                     {}, 'ways that did not work for root')


def confined(profile):
    card = dict(PROFILES[profile], survivors='kill', limits=LIMITS)
    card.setdefault('services', [])
    with guest.Guest() as g:
        prepare(g)
        machine.install(g)
        with machine.Machine(g, POLICY) as m:
            m.offers(card['profile'])
            got = []
            for name in list(WAYS) + list(PLACES):
                tag = 'p' + os.urandom(4).hex()
                r, out, err = m.result(command_of(name, tag), **card)
                checks.true(r['outcome'] in ('finished', 'killed'),
                            '%s: %r' % (name, r))
                settle(g)
                if left(g, name, tag):
                    got.append('%s: %s' % (name, (out + err).decode(
                        'utf-8', 'replace')[-100:]))
                clean(g, tag)
            checks.equal(got, [], 'ways out')
            checks.equal(g.must(['systemctl', 'is-active', 'cs-victim']),
                         b'active\n', 'the victim')
            # Nobody of ours is left, whatever they had started.
            for n in range(1, 5):
                user = 'countersign-observe-%d' % n
                checks.equal(g.run(['pgrep', '-u', user]).stdout, b'', user)


def test_observe():
    confined('observe')


def test_observe_that_reads_all_with_network():
    confined('observe_root_eyes')


def test_repair():
    confined('repair')


def test_repair_with_network_and_a_service():
    confined('repair_with_network')


# ---- the probes, where D-Bus and systemd listen ----

def place(g, m):
    """The probe program, and what it is told of the guest."""
    g.copy(os.path.join(fake.OUT, 'hostile', 'probe'), '/opt/probe/probe')
    g.copy(os.path.join(fake.OUT, 'hostile', 'probe'), '/opt/probe/suid',
           0o4755)
    key = re.search(rb'\d+', g.must(['ipcmk', '-M', '4096', '-p', '0666'])
                    ).group().decode()
    row = [x.split() for x in g.must(['ipcs', '-m']).decode().splitlines()
           if len(x.split()) > 1 and x.split()[1] == key]
    facts = {
        'folder': '/opt/probe/folder', 'open': '/opt/probe/open',
        'declared': '/srv/declared', 'suid': '/opt/probe/suid',
        'spool': '/var/spool/cron/crontabs', 'unix': '/run/docker.sock',
        'shadow_backup': '/var/backups/shadow.bak', 'disk': '/dev/no-disk',
        'sysfs': '/sys/kernel/mm/ksm/run', 'shm_key': row[0][0],
        'cgroup_procs': '/sys/fs/cgroup/unified/cgroup.procs',
        'env_secret': 'cs-no-such', 'tmp_file': '/tmp/host-file',
        'shm_file': '/dev/shm/host-file', 'state': machine.STATE,
        'control': '/run/countersign/gate.sock',
        'gate': m.show('countersignd', 'MainPID'),
        'victim': g.must(['cat', '/run/cs-victim.pid']).decode().strip(),
    }
    m.put('/opt/probe/facts', ''.join('%s=%s\n' % f for f in facts.items()),
          0o644)
    g.must(['sh', '-ec', RESET])


RESET = '''
    mkdir -p /opt/probe/folder /opt/probe/open
    chmod 755 /opt/probe/folder; chmod 777 /opt/probe/open /srv/declared
    rm -rf /opt/probe/folder/* /opt/probe/open/* /srv/declared/*
    for f in file remove move; do echo x > /opt/probe/folder/$f; done
    echo x > /srv/declared/set-id; chmod 4755 /srv/declared/set-id
    echo x > /tmp/host-file; echo x > /dev/shm/host-file
    chmod 644 /tmp/host-file /dev/shm/host-file
    mkdir -p /var/backups; echo x > /var/backups/shadow.bak
    chmod 600 /var/backups/shadow.bak'''


def allowed(out):
    return {tuple(x.split()[:2]) for x in out.decode().splitlines()
            if x.split()[2] == 'ALLOWED'}


def golden(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           'golden', name)) as f:
        return {tuple(x.split()[:2]) for x in f
                if x.strip() and not x.startswith('#')}


def test_probes_in_the_guest():
    with guest.Guest() as g:
        prepare(g)
        machine.install(g)
        with machine.Machine(g, POLICY) as m:
            place(g, m)
            names = g.must(['/opt/probe/probe', '--list']).decode().split()
            proven = set()
            for name in names:
                # dev_tty and the like have no harmless place in a guest.
                r = g.run(['unshare', '--mount', '/opt/probe/probe',
                           '/opt/probe/facts', name])
                proven |= allowed(r.stdout)
            checks.true({('network', 'unix_dbus'), (
                'network', 'unix_systemd')} <= proven,
                'D-Bus and systemd answer nobody')
            for profile in ('observe', 'repair'):
                m.offers(profile)
                g.must(['sh', '-ec', RESET])
                card = dict(PROFILES[profile], survivors='kill',
                            limits=LIMITS, services=[])
                r, out, err = m.result('exec /opt/probe/probe '
                                       '/opt/probe/facts', **card)
                checks.equal(r.get('exit_code'), 0, err.decode())
                got = allowed(out)
                print('# %s in a guest: %d of %d probes succeed (%d proven):'
                      ' %s' % (profile, len(got), len(names), len(proven),
                               ' '.join(sorted(n for _, n in got))))
                may = golden(profile)
                words = dict(w.split('=') for w in r['enforced'].split())
                if profile == 'observe' and int(words['landlock']) < 6:
                    may |= golden('observe_before_landlock_6')
                checks.equal(sorted(got - may), [], profile)


# ---- what has to work ----

# command: (observe with net view, repair); True works, False does not, None
# either way. sandbox.md calls it the admin table.
ADMIN = {
    'systemctl status cron.service': (True, False),
    'systemctl list-units --no-pager': (True, False),
    'systemctl is-active cron.service': (True, False),
    'loginctl list-sessions --no-pager': (True, False),
    'hostnamectl': (None, False),
    'systemctl restart cron.service': (False, False),
    'systemd-run -q true': (False, False),
    'journalctl -n 3 --no-pager | grep -q .': (True, None),
    # With 0 the kernel starts a program that takes cores all the same.
    'grep -q "^Max core file size *1 " /proc/self/limits': (True, True),
    'df -h': (True, True), 'free': (True, True), 'uptime': (True, True),
    'lsblk': (None, None), 'sysctl -a >/dev/null': (True, True),
    'dpkg -l >/dev/null': (True, True),
    'apt list --installed >/dev/null': (True, True),
    'mount >/dev/null': (True, True),
    'ip addr': (True, None), 'ip route': (True, None),
    'ss -tln': (True, None),
    'ps aux | grep -q "[s]ystemd"': (True, False),
    'ps aux >/dev/null': (True, True), 'top -b -n 1 >/dev/null': (True, True),
    'pgrep cron': (True, False),
    'test "$(ps -e --no-headers | wc -l)" -gt 4': (True, None),
    'dmesg': (False, False), 'useradd x': (False, False),
    'date -s "2001-01-01"': (False, False),
    'sysctl -w vm.swappiness=60': (False, False),
    'ip link set lo mtu 65535': (False, False),
    'apt-get install -y --reinstall -q cron': (False, False),
    'sudo -n true': (False, False), 'echo true | at now': (False, False),
    'kill -0 1': (False, None), 'kill -CONT $(pgrep -o cron)': (False, False),
    'sh -c "exit 0"': (True, True), 'bash -c "exit 0"': (True, True),
    'perl -e "exit 0"': (True, True),
    'git --version >/dev/null': (True, True),
    'cd /tmp && echo x > f && tar cf f.tar f && tar tf f.tar': (True, True),
    'echo x > /dev/stderr': (True, True),
    'echo x > /dev/stdout': (True, True), 'test -w /tmp': (True, True),
    'head -c 8 /dev/urandom | wc -c | grep -qx 8': (True, True),
    'script -qec true /dev/null': (True, True),
    'echo x > /srv/declared/f && rm /srv/declared/f': (False, True),
    'echo x > /srv/other': (False, False),
    'cat /etc/os-release': (True, True),
    'cat /root/root-only': (False, True),
    'getent passwd root': (True, True), 'id -u | grep -qx 0': (False, True),
    'logger x': (False, False), 'hostname': (True, True),
    'tty': (False, False), 'nproc': (True, True),
    'sleep 0.01 & wait': (True, True),
}


def test_admin_table():
    with guest.Guest() as g:
        prepare(g)
        machine.install(g)
        g.must(['sh', '-c', 'echo x > /root/root-only; '
                'chmod 600 /root/root-only'])
        with machine.Machine(g, POLICY) as m:
            wrong = []
            for column, profile in enumerate(('observe', 'repair')):
                m.offers(profile)
                card = dict(PROFILES[profile], survivors='kill',
                            limits=LIMITS, services=[])
                for command, row in ADMIN.items():
                    r, out, err = m.result(command, **card)
                    works = r.get('exit_code') == 0
                    if row[column] is not None and works != row[column]:
                        wrong.append('%s: %s %s: %s' % (
                            profile, command, 'works' if works else 'fails',
                            (out + err).decode('utf-8', 'replace')[-100:]))
            checks.equal(wrong, [])


def test_services_by_the_broker():
    """A declared service is restarted; nothing else is."""
    with guest.Guest() as g:
        prepare(g)
        machine.install(g)
        with machine.Machine(g, POLICY) as m:
            m.offers('repair')
            card = dict(PROFILES['repair'], survivors='kill', limits=LIMITS,
                        services=[{'unit': 'cron.service',
                                   'verbs': ['restart', 'status']}])

            def pid():
                return m.show('cron.service', 'MainPID')

            before = pid()
            r, out, err = m.result('systemctl restart cron.service && '
                                   'systemctl status cron.service', **card)
            checks.equal(r.get('exit_code'), 0, (out + err).decode())
            checks.true(b'cron' in out, 'no status')
            checks.true(pid() != before, 'not restarted')
            for command in ('systemctl stop cron.service',
                            'systemctl restart dbus.service',
                            'systemctl start escape@x.service',
                            'systemctl daemon-reload', 'systemctl',
                            'systemctl restart "cron.service dbus.service"',
                            'systemctl restart cron.service dbus.service',
                            'systemctl restart cron',
                            'systemctl restart ../cron.service',
                            'systemctl --root=/ restart cron.service',
                            'systemctl -H root@localhost restart '
                            'cron.service',
                            'systemctl kill cron.service',
                            '/usr/bin/systemctl restart cron.service'):
                before = pid()
                r, out, err = m.result(command, **card)
                if command == 'systemctl restart cron':
                    continue	# may stand for cron.service
                checks.true(r.get('exit_code') != 0, command + ' works')
                checks.equal(pid(), before, command)
            checks.true(re.search(r'active', m.show(
                'dbus.service', 'ActiveState')), 'dbus')


# Units of another user that take code from the declared folder, each in a way
# that its own lines do not show at once; and what a way needs besides.
AROUND = {
    'by what it wants': '[Unit]\nWants=cs-worker.service\n[Service]\n'
                        'ExecStart=/bin/true\n',
    'by what it requires': '[Unit]\nRequires=cs-worker.service\n[Service]\n'
                           'ExecStart=/bin/true\n',
    'when it fails': '[Unit]\nOnFailure=cs-worker.service\n[Service]\n'
                     'ExecStart=/bin/false\n',
    'by what that wants': '[Unit]\nWants=cs-middle.service\n[Service]\n'
                          'ExecStart=/bin/true\n',
    'by a link': 'ExecStart=/opt/cs-link\n',
    'by a script': 'ExecStart=/usr/local/lib/cs-script\n',
    'by a variable': 'EnvironmentFile=/etc/default/cs-around\n'
                     'ExecStart=/bin/sh -c "$RUN"\n',
    'by its input': 'StandardInput=file:/srv/declared/run\n'
                    'ExecStart=/bin/sh\n',
    'by its path': 'ExecSearchPath=/srv/declared\nExecStart=run\n',
    'in another spelling': 'ExecStart=-/srv//x/../decl\\x61red/run\n',
    'as root': 'ExecStart=-@+/srv/declared/run x\n',
}


def test_services_that_run_what_was_written():
    """Nobody writes a program and has it started outside."""
    with guest.Guest() as g:
        prepare(g)
        machine.install(g)
        with machine.Machine(g, POLICY) as m:
            m.offers('repair')
            worker = '[Service]\nUser=nobody\nExecStart=/srv/declared/run\n'
            ways = {
                'cs-worker': worker,
                'cs-middle': '[Unit]\nRequires=cs-worker.service\n[Service]\n'
                             'ExecStart=/bin/true\n'}
            m.put('/usr/local/lib/cs-script',
                  '#!/bin/sh\nexec /srv/declared/run\n', 0o755)
            g.must(['ln', '-sfn', '/srv/declared/run', '/opt/cs-link'])
            g.must(['install', '-d', '-m', '777', '/var/ran'])
            for name, text in ways.items():
                m.put('/etc/systemd/system/%s.service' % name, text, 0o644)
            reached = []
            for way, text in AROUND.items():
                if not text.startswith('['):
                    text = '[Service]\nUser=nobody\n' + text
                m.put('/etc/systemd/system/cs-around.service', text, 0o644)
                # Each by itself.
                g.must(['rm', '-f', '/srv/declared/run',
                        '/etc/default/cs-around'])
                if 'EnvironmentFile' in text:
                    m.put('/etc/default/cs-around', 'RUN=/srv/declared/run\n',
                          0o644)
                g.must(['systemctl', 'daemon-reload'])
                card = dict(PROFILES['repair'], survivors='kill',
                            limits=LIMITS, services=[{
                                'unit': 'cs-around.service',
                                'verbs': ['start']}])
                env = m.card(
                    'printf "#!/bin/sh\\ntouch /var/ran/x\\n" '
                    '>/srv/declared/run; chmod 755 /srv/declared/run; '
                    'systemctl start cs-around.service', **card)
                digest = owner.digest_of(env)
                m.send('card', env)
                m.peer.wait(lambda: m.peer.all('card_refused', card=digest) +
                            m.peer.all('card_received', card=digest),
                            'verdict on a service ' + way)
                refused = m.peer.all('card_refused', card=digest)
                if refused:
                    checks.equal(refused[0]['reason'], 'needs_full', way)
                    continue
                m.approve(digest, m.peer.all('card_received',
                                             card=digest)[0])
                r = m.peer.record('exec_result', card=digest)
                if r.get('exit_code') != 77:
                    reached.append(way)
            checks.equal(reached, [], 'started')
            # To look at it is another matter.
            m.put('/etc/systemd/system/cs-around.service', worker, 0o644)
            g.must(['systemctl', 'daemon-reload'])
            r, out, err = m.result('echo x >/srv/declared/run; systemctl '
                                   'status cs-around.service', **dict(
                                       card, services=[{
                                           'unit': 'cs-around.service',
                                           'verbs': ['status']}]))
            checks.equal(r.get('exit_code'), 3, (out + err).decode())
            # The same unit without the folder.
            g.must(['rm', '-f', '/etc/default/cs-around'])
            m.put('/etc/systemd/system/cs-around.service',
                  '[Service]\nUser=nobody\nExecStart=/bin/true\n', 0o644)
            g.must(['systemctl', 'daemon-reload'])
            r, out, err = m.result('echo x >/srv/declared/run; systemctl '
                                   'start cs-around.service', **card)
            checks.equal(r.get('exit_code'), 0, (out + err).decode())


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
