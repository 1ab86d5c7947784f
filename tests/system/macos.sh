#!/bin/bash
# macos.sh - the agent on a real Mac: life cycle, Seatbelt, launchd.
# SPDX-License-Identifier: Apache-2.0
#
# What only a Mac can show. Everything is made in one folder and removed again;
# nothing listens outside of this machine. It needs root, the programs of
# `make cross`, and a console, which runs on Linux:
#
#   Linux   KEEP=1 make demo                  prints its folder T and its ports
#           cd T; countersign-console enrol-token --org demo --out token.json \
#               --config console.json
#           tar -cf demo.tar *.key *.token token.json pin trust
#   Mac     scp linux:T/demo.tar .; mkdir demo; tar -xf demo.tar -C demo
#           ssh -N -L AGENTS:127.0.0.1:AGENTS -L API:127.0.0.1:API linux &
#           sudo BIN=build/cross/macos-arm64/bin DEMO=demo \
#               URL=http://127.0.0.1:API bash tests/system/macos.sh
#
# AGENTS and API are the two ports of the console (console.log in T). Without
# DEMO and URL only what needs no console is tried. SLEEP=1 also puts the Mac
# to sleep for a minute, to see a deadline go on meanwhile.
# Prints `ok NAME`, `not ok NAME: why` or `skip NAME: why`; ends with 1 if
# something failed. bash 3.2, as macOS has it.
# shellcheck disable=SC2016 # what stands in single quotes is a card's text
set -u
export LC_ALL=C
umask 022

passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok macos.$1"; }
not_ok() { failed=$((failed + 1)); echo "not ok macos.$1: $2"; }
skip() { skipped=$((skipped + 1)); echo "skip macos.$1: $2"; }
is() { # NAME GOT WANT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "\"$2\", not \"$3\""; fi
}
has() { # NAME TEXT PART
	case $2 in *"$3"*) ok "$1" ;; *) not_ok "$1" "no \"$3\" in \"$2\"" ;; esac
}
lacks() { # NAME TEXT PART
	case $2 in *"$3"*) not_ok "$1" "\"$3\" in \"$2\"" ;; *) ok "$1" ;; esac
}
die() { echo "macos.sh: $*" >&2; exit 2; }

# ---- where and what ----

mac=y
[ "$(uname -s)" = Darwin ] || mac=
[ -n "$mac" ] || [ -n "${ANYWHERE:-}" ] || die 'this is not a Mac'
[ "$(id -u)" = 0 ] || die 'needs root: the profiles are for root to enter'
BIN=$(cd "${BIN:?the folder of the programs}" && pwd) || exit 2
for p in countersign countersignd countersign-courier countersign-runner; do
	[ -x "$BIN/$p" ] || die "no $p in $BIN"
done
plist=$(cd "$(dirname "$0")/../.." && pwd)/packaging/macos/org.countersign.agent.plist
DEMO=${DEMO:+$(cd "$DEMO" && pwd)}
# Folders above may be written by nobody else, or the agent refuses them.
top=/private/var/root
[ -n "$mac" ] || top=/root
T=$(mktemp -d "$top/countersign-test.XXXXXX") || exit 2
chmod 711 "$T"
mkdir "$T/bin"
cp "$BIN"/countersign* "$T/bin"
chmod 755 "$T/bin" "$T/bin"/*
export PATH="$T/bin:$PATH" XDG_CONFIG_HOME="$T/person"
ROOT=/opt/countersign-test
LABEL=org.countersign.test
agent=

cleanup() {
	trap - EXIT
	[ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null
	[ -z "$mac" ] || launchctl bootout "system/$LABEL" 2>/dev/null
	rm -f "/Library/LaunchDaemons/$LABEL.plist"
	[ "$failed" = 0 ] || tail -n 30 "$T"/*.log 2>/dev/null >&2
	chflags -R nouchg "$T" 2>/dev/null
	rm -rf "$T" "$ROOT" /opt/countersign-moved
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Waits for a line of a growing file; prints it. At most 60 s.
await() { # FILE PATTERN
	local end=$((SECONDS + 60))
	until grep -E -m 1 "$2" "$1" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

echo "# $(uname -srm) $( [ -z "$mac" ] || sw_vers -productVersion )"

# ---- 1 the programs ----

for p in countersignd countersign-courier countersign-runner countersign; do
	has "version.$p" "$("$p" --version 2>&1)" "$p "
	if [ -n "$mac" ]; then
		is "libraries.$p" "$(otool -L "$T/bin/$p" | awk 'NR > 1 { print $1 }' |
			tr '\n' ' ')" '/usr/lib/libSystem.B.dylib '
		if codesign -v "$T/bin/$p" 2>/dev/null; then ok "signed.$p"
		else skip "signed.$p" 'x86_64, or to be signed by who distributes it'; fi
	fi
done

# ---- 2 what holds here ----

account=$(id -u _countersign_observe_1 2>/dev/null || id -u nobody)
group=$(id -g _countersign_observe_1 2>/dev/null || id -g nobody)
case $account in
-*) skip probe 'nobody is -2: install the package, for its accounts'; account= ;;
esac
offer=
if [ -n "$account" ]; then
	countersign-runner --probe "$account" "$group" >"$T/offer" 2>"$T/probe.log"
	is probe.status $? 0
	offer=$(cat "$T/offer")
	while read -r word profile layer state why; do
		[ "$word" = layer ] || continue
		if [ "$state" = failed ]; then not_ok "probe.$profile.$layer" "$why"
		else ok "probe.$profile.$layer"; fi
	done <"$T/offer"
	has probe.full "$offer" 'profile full yes'
	has probe.observe "$offer" 'profile observe yes'
	has probe.repair "$offer" 'profile repair yes'
fi

# ---- 3 an agent of this test ----

if [ -z "${DEMO:-}" ] || [ -z "${URL:-}" ]; then
	skip life 'no console: DEMO and URL'
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]; exit
fi
cp -R "$DEMO/." "$T/demo"
cd "$T/demo" || exit 2
pin=$(tail -n 1 pin)
countersign trust pin --install "$pin" >/dev/null 2>&1
cat >"$T/agent.json" <<END
{"state":"$T/state","socket":"$T/gate.sock","programs":"$T/bin",
 "courier_user":"$(id -un nobody)","group":""}
END

# The policy of the demo, and one folder that repairs may write.
mkdir -p "$ROOT"
chmod 755 /opt "$ROOT"
sed -i.old 's|"overrides": \[\]|"repair_write": [{"groups": ["demo"], "roots": ["'"$ROOT"'"]}], "overrides": []|' \
	trust/policy.json
countersign trust sign trust/policy.json --renew --yes --key owner.key >/dev/null 2>"$T/trust.log"
countersign trust sign trust/timestamp.json --renew --yes --key owner.key >/dev/null 2>>"$T/trust.log"

countersignd enrol --config "$T/agent.json" --token token.json --pin "$pin" \
	--out "$T/device.json" >"$T/enrol.out" 2>"$T/enrol.log"
is enrol $? 0
device=$(sed -n 's/.*"device": *"\([^"]*\)".*/\1/p' "$T/device.json" | head -n 1)
countersign trust device --key owner.key --name 'a Mac' --groups demo "$T/device.json" \
	>/dev/null 2>>"$T/trust.log"
countersign submit trust/*.dsse "trust/devices/$device.dsse" --console "$URL" --token alice.token \
	>/dev/null 2>>"$T/trust.log"
is trust.submitted $? 0

start_agent() {
	: >"$T/agent.log"
	countersignd --config "$T/agent.json" 2>>"$T/agent.log" &
	agent=$!
	await "$T/agent.log" 'link.*(synced|connected)' >/dev/null
}
start_agent
is connected $? 0
file_mode() { if [ -n "$mac" ]; then stat -f %Lp "$1"; else stat -c %a "$1"; fi; }
is mode.state "$(file_mode "$T/state")" 700
is mode.key "$(file_mode "$T/state/device.key")" 600
lacks socket.stranger "$(sudo -u nobody "$T/bin/countersign" status --socket "$T/gate.sock" 2>&1)" mode

# Proposes, approves and runs; sets card, result (the record), out.
result='' out='' card='' events='' n=0
propose() { # PROFILE COMMAND [option...]
	local profile=$1 command=$2
	shift 2
	card=$(countersign card new --org demo --device "$device" --profile "$profile" \
		--key ai.key --description 'A test of this Mac.' --command "$command" \
		"$@" --console "$URL" --token ai.token 2>"$T/card.log" |
		sed -n 's/^card *//p')
	[ -n "$card" ] || return 1
	n=$((n + 1)) events=$T/events.$n
	curl -sN -H "Authorization: Bearer $(cat alice.token)" \
		"$URL/v1/cards/$card/events" >"$events" 2>/dev/null &
	await "$events" 'card_(received|refused)' >/dev/null
}
approve() {
	countersign approve "$card" --console "$URL" --token alice.token --key alice.key \
		--confirm "$card" >/dev/null 2>"$T/approve.log"
}
finish() {
	await "$events" '"exec_(result|interrupted)"|^event: end' >/dev/null
	result=$(grep -E '"exec_(result|interrupted)"' "$events" | tail -n 1)
	out=$(countersign transcript "$card" --socket "$T/gate.sock" 2>&1)
}
run() {
	result='' out=''
	propose "$@" && approve && finish
	[ -z "${DEBUG:-}" ] || cat "$T/card.log" "$T/approve.log" "$events" >&2
}

# ---- 4 full: the life of a card ----

run full 'echo hello; echo oops >&2; exit 3'
has full.exit "$result" '"exit_code":3'
has full.output "$out" hello
has full.says_so "$result" 'profile=full'
run full 'seq 1 200000 2>/dev/null || jot 200000'
is full.output_size "$(printf '%s\n' "$out" | grep -c '^[0-9]')" 200000
run full 'pwd; id -u; echo "$PATH"; ls /dev/fd'
has full.environment "$out" /usr/bin

run full "(trap '' TERM HUP; exec sleep 7777) & (set -m; nohup sleep 7778 >/dev/null 2>&1 &); sleep 0.3"
has full.survivors "$result" '"survivors"'
is full.tree_is_gone "$(pgrep -f 'sleep 777[78]' | wc -l | tr -d ' ')" 0
run full 'perl -e "use POSIX; fork and exit; POSIX::setsid(); fork and exit; exec q(sleep), 7779" & sleep 0.5'
is full.daemon_is_gone "$(pgrep -f 'sleep 7779' | wc -l | tr -d ' ')" 0
run full 'trap "" TERM; sleep 7780' --timeout 2s
has full.deadline "$result" timed_out
is full.deadline_ends_all "$(pgrep -f 'sleep 7780' | wc -l | tr -d ' ')" 0
run full 'perl -e "\$x .= q(y) x 1048576 for 1..400; sleep 60"' --memory-mb 100 --timeout 60s
has full.memory "$result" oom
run full 'for i in 1 2 3 4 5 6 7 8 9; do sleep 7781 & done; wait' --processes 4 --timeout 30s
lacks full.processes "$result" '"exit_code":0'
is full.processes_are_gone "$(pgrep -f 'sleep 7781' | wc -l | tr -d ' ')" 0

# An agent that dies, and one that is asked to go.
propose full 'echo up; sleep 7782' && approve && await "$events" exec_started >/dev/null
kill -KILL "$agent"; wait "$agent" 2>/dev/null
start_agent
finish
has restart.interrupted "$result" exec_interrupted
is restart.nothing_left "$(pgrep -f 'sleep 7782' | wc -l | tr -d ' ')" 0
propose full 'echo waited'
kill -TERM "$agent"; wait "$agent" 2>/dev/null
is restart.clean_end $? 0
start_agent
approve; finish
has restart.pending_is_kept "$out" waited
propose full 'sleep 7783' && approve && await "$events" exec_started >/dev/null
countersign veto "$card" --reason 'a test' --socket "$T/gate.sock" >/dev/null 2>&1
finish
has veto.kills "$result" killed

# Durable means F_FULLFSYNC: fs_usage(1) sees the calls.
if [ -n "$mac" ] && command -v fs_usage >/dev/null; then
	fs_usage -w -f filesys -t 8 countersignd >"$T/fs_usage" 2>/dev/null &
	watch=$!
	run full true
	wait "$watch"
	has durable "$(grep -c -E 'fcntl.*(FULLFSYNC|CMD=51)' "$T/fs_usage" | sed 's/^[1-9].*/some/')" some
else
	skip durable 'no fs_usage'
fi

# ---- 5 what a confined card can reach ----

# Each probe is a line of shell; by itself (as root, unconfined) it prints
# REACHED, or it proves nothing; in the profile it must not.
service="$T/bin/countersign"
probe() { # PROFILE NAME COMMAND
	local control
	control=$(bash -c "$3" 2>&1)
	case $control in
	*REACHED*) ;;
	*) skip "$1.$2" "not even unconfined: $(echo "$control" | head -n 1 | cut -c 1-80)"; return ;;
	esac
	run "$1" "$3"
	[ -n "$result" ] || { not_ok "$1.$2" "it did not run: $(tail -n 1 "$T/card.log")"; return; }
	lacks "$1.$2" "$out" REACHED
}
hostile() { # PROFILE
	local p=$1 t=/private/tmp/countersign-victim

	rm -rf "$t"; mkdir "$t"; chmod 777 "$t"; echo keep >"$t/file"; chmod 666 "$t/file"
	probe "$p" write.create "echo x >$t/new && echo REACHED; rm -f $t/new"
	probe "$p" write.change "echo x >>$t/file && echo REACHED"
	probe "$p" write.by_other_name "echo x >>/tmp/countersign-victim/file && echo REACHED"
	probe "$p" write.chmod "chmod 600 $t/file && echo REACHED; chmod 666 $t/file"
	probe "$p" write.times "touch -t 200001010000 $t/file && echo REACHED"
	probe "$p" write.xattr "xattr -w org.test x $t/file && echo REACHED"
	probe "$p" write.flags "chflags nodump $t/file && echo REACHED"
	probe "$p" write.move "mv $t/file $t/moved && echo REACHED; mv $t/moved $t/file"
	probe "$p" write.remove "rm $t/file && echo REACHED; echo keep >$t/file"
	probe "$p" write.link "ln $t/file \${TMPDIR:-/tmp}/l && echo x >>\${TMPDIR:-/tmp}/l && echo REACHED; rm -f \${TMPDIR:-/tmp}/l"
	probe "$p" write.clone "cp -c $t/file $t/copy && echo REACHED; rm -f $t/copy"
	probe "$p" write.launchd "touch /Library/LaunchDaemons/x.plist && echo REACHED; rm -f /Library/LaunchDaemons/x.plist"
	probe "$p" write.cron "echo '# x' | crontab - && echo REACHED; crontab -r"
	probe "$p" write.at "echo true | at now + 1 year 2>&1 && at -l | grep -q . && echo REACHED; at -l | awk '{print \$1}' | xargs at -r"
	probe "$p" setid 'f=${TMPDIR:-/tmp}/s; cp /usr/bin/true $f && chmod 4755 $f && echo REACHED; rm -f $f'
	probe "$p" read.secrets 'cat /private/etc/master.passwd >/dev/null && echo REACHED'
	probe "$p" read.accounts 'ls /private/var/db/dslocal/nodes/Default/users >/dev/null && echo REACHED'
	probe "$p" read.agent "cat $T/state/device.key >/dev/null && echo REACHED"
	probe "$p" signal "kill -0 $agent && echo REACHED"
	probe "$p" net.tcp 'nc -z -G 2 127.0.0.1 '"${URL##*:}"' && echo REACHED'
	probe "$p" net.names 'dscacheutil -q host -a name localhost | grep -q . && host localhost && echo REACHED'
	probe "$p" net.listen '(nc -l 127.0.0.1 0 & x=$!; sleep 1; kill $x) && echo REACHED'
	probe "$p" unix.resolver 'perl -MSocket -e "socket(S,PF_UNIX,SOCK_STREAM,0); connect(S,sockaddr_un(q(/private/var/run/mDNSResponder))) and print qq(REACHED)"'
	probe "$p" unix.gate "$service status --socket $T/gate.sock >/dev/null && echo REACHED"
	probe "$p" launchd.submit "launchctl submit -l org.test.x -- /usr/bin/touch $t/launched && echo REACHED; launchctl remove org.test.x"
	probe "$p" launchd.kickstart 'launchctl kickstart system/com.apple.cfprefsd.xpc.daemon && echo REACHED'
	probe "$p" launchd.print 'launchctl print system >/dev/null && echo REACHED'
	probe "$p" defaults "defaults write /private/tmp/countersign-victim/d x 1 && echo REACHED"
	probe "$p" osascript 'osascript -e "do shell script \"echo REACHED\""'
	probe "$p" open 'open -g -a Terminal && echo REACHED'
	probe "$p" scutil 'printf "d.init\nd.add a b\nset State:/countersign d\nquit\n" | scutil && printf "show State:/countersign\nquit\n" | scutil | grep -q a && echo REACHED; printf "remove State:/countersign\nquit\n" | scutil >/dev/null'
	probe "$p" nvram 'nvram countersign-test=1 && echo REACHED; nvram -d countersign-test'
	probe "$p" sysctl 'sysctl -w kern.maxfiles=$(sysctl -n kern.maxfiles) && echo REACHED'
	probe "$p" mount 'd=$(hdiutil attach -nomount ram://2048) && echo REACHED; hdiutil detach $d'
	probe "$p" date 'date -u $(date -u +%m%d%H%M%Y.%S) && echo REACHED'
	probe "$p" dtrace 'dtruss -t getpid true 2>&1 | grep -q getpid && echo REACHED'
	probe "$p" task "lldb -b -p $agent -o detach 2>&1 | grep -q 'stopped' && echo REACHED"
	probe "$p" dscl 'dscl . -create /Users/countersign_x && echo REACHED; dscl . -delete /Users/countersign_x'
	probe "$p" kextload 'kmutil load -b com.apple.driver.AppleUSBFTDI && echo REACHED'
	rm -rf "$t"
}

case $offer in
*'profile observe yes'*)
	run observe 'id -u; sw_vers; ps aux | wc -l; df -h / | tail -n 1; ls /Applications | head -n 1; echo "$TMPDIR"; touch "$TMPDIR/mine" && echo own' --net view
	has observe.looks "$out" own
	lacks observe.is_not_root " $(echo "$out" | head -n 1) " ' 0 '
	has observe.enforced "$result" 'seatbelt=yes'
	run observe 'sudo -n echo ROOT; su root -c "echo ROOT" </dev/null; echo done'
	lacks observe.sudo "$out" ROOT
	hostile observe
	run observe "perl -e 'for (1..50) { fork or exec q(sleep), 7784 }'; sleep 0.2" --processes 100
	is observe.account_is_swept "$(pgrep -f 'sleep 7784' | wc -l | tr -d ' ')" 0 ;;
*)	skip observe 'not offered here: see the probe' ;;
esac
case $offer in
*'profile repair yes'*)
	rm -f "$ROOT"/*
	run repair "echo x >$ROOT/made && chmod 640 $ROOT/made && chown 1 $ROOT/made && rm $ROOT/made && echo REPAIRED" --write "$ROOT"
	has repair.writes_where_declared "$out" REPAIRED
	run repair "mv $ROOT /opt/countersign-moved && echo MOVED" --write "$ROOT"
	lacks repair.root_cannot_be_moved "$out" MOVED
	run repair "cp /usr/bin/true $ROOT/s && chmod 4755 $ROOT/s && echo SETID; rm -f $ROOT/s" --write "$ROOT"
	lacks repair.no_set_id "$out" SETID
	run repair "ln -s /private/etc/hosts $ROOT/l; echo '# x' >>$ROOT/l && echo THROUGH; rm -f $ROOT/l" --write "$ROOT"
	lacks repair.no_way_out_by_links "$out" THROUGH
	hostile repair
	run repair "(sleep 7785 &) ; sleep 0.2" --write "$ROOT"
	is repair.tree_is_gone "$(pgrep -f 'sleep 7785' | wc -l | tr -d ' ')" 0 ;;
*)	skip repair 'not offered here: see the probe' ;;
esac
run repair true --write /Library/LaunchDaemons
lacks repair.refused_root "$result" exec_result
is tmp.nothing_left "$(find /private/tmp -maxdepth 1 -name 'countersign-*' 2>/dev/null | wc -l | tr -d ' ')" 0

# ---- 6 sleep ----

if [ -n "$mac" ] && [ -n "${SLEEP:-}" ]; then
	propose full 'sleep 7786' --timeout 40s && approve && await "$events" exec_started >/dev/null
	pmset relative wake 60 >/dev/null 2>&1
	pmset sleepnow >/dev/null
	finish
	has sleep.deadline_went_on "$result" timed_out
else
	skip sleep 'SLEEP=1 puts the Mac to sleep'
fi

# ---- 7 the record, and launchd ----

kill -TERM "$agent"; wait "$agent" 2>/dev/null; agent=
countersign audit verify "$T/state" >"$T/audit.log" 2>&1
is audit $? 0

if [ -n "$mac" ]; then
	sed -e "s|org.countersign.agent|$LABEL|" \
		-e "s|/usr/local/libexec/countersign/countersignd|$T/bin/countersignd|" \
		-e "s|/Library/Application Support/Countersign/agent.json|$T/agent.json|" \
		"$plist" >"/Library/LaunchDaemons/$LABEL.plist"
	chown root:wheel "/Library/LaunchDaemons/$LABEL.plist"
	plutil -lint -s "/Library/LaunchDaemons/$LABEL.plist"
	is launchd.plist $? 0
	launchctl bootstrap system "/Library/LaunchDaemons/$LABEL.plist"
	is launchd.bootstrap $? 0
	answers() { # waits until it does
		local end=$((SECONDS + 60))
		until countersign status --socket "$T/gate.sock" >"$T/status" 2>&1; do
			[ "$SECONDS" -lt "$end" ] || return 1
			sleep 0.2
		done
	}
	answers; is launchd.runs $? 0
	first=$(pgrep -f "$T/bin/countersignd" | head -n 1)
	kill -KILL "$first"
	answers; is launchd.keeps_alive $? 0
	run full 'echo by launchd'
	has launchd.card "$out" 'by launchd'
	launchctl kill HUP "system/$LABEL"
	answers; is launchd.renews $? 0
	launchctl bootout "system/$LABEL"
	is launchd.bootout $? 0
	is launchd.nothing_left "$(pgrep -f "$T/bin/countersign" | wc -l | tr -d ' ')" 0
else
	skip launchd 'not a Mac'
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
