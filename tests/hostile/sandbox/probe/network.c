/*
 * network.c - getting out over the network or a socket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 *
 * All of it on loopback, to listeners of the fixture.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define G "network"
#define MPTCP 262

static struct sockaddr_in
loopback(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons((uint16_t)fact_number(port));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int
connect_by(int type, int protocol)
{
	const struct sockaddr_in a = loopback("tcp");
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

	return fd < 0 ? errno : outcome(connect(fd,
	    (const struct sockaddr *)&a, sizeof(a)));
}

static int tcp(void) { return connect_by(SOCK_STREAM, 0); }
static int mptcp(void) { return connect_by(SOCK_STREAM, MPTCP); }

static int
tcp6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	a.sin6_port = htons((uint16_t)fact_number("tcp6"));
	return outcome(connect(fd, (const struct sockaddr *)&a, sizeof(a)));
}

static int
fast_open(void)
{
	const struct sockaddr_in a = loopback("tcp");
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : outcome(sendto(fd, "x", 1, MSG_FASTOPEN,
	    (const struct sockaddr *)&a, sizeof(a)));
}

static int
udp(void)
{
	const struct sockaddr_in a = loopback("udp");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : outcome(sendto(fd, "x", 1, 0,
	    (const struct sockaddr *)&a, sizeof(a)));
}

static int
raw(void)
{
	return outcome(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC,
	    IPPROTO_ICMP));
}

static int
packet(void)
{
	return outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
vsock(void)
{
	return outcome(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
listen_(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		return errno;
	return outcome(listen(fd, 1));
}

/* Sets loopback's length of packets to nothing that changes it. */
static int
set_link(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} m = {
		{ .nlmsg_len = sizeof(m), .nlmsg_type = RTM_SETLINK,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		{ .ifi_family = AF_UNSPEC, .ifi_index = 1 }
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[256];
	} r;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &m, sizeof(m), 0) < 0 ||
	    recv(fd, &r, sizeof(r), 0) < 0)
		return errno;
	return -r.e.error;
}

static int
unix_to(const char *path, size_t n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	memcpy(a.sun_path, path, n);
	return outcome(connect(fd, (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)));
}

static int
unix_path(const char *path)
{
	return unix_to(path, strlen(path) + 1);
}

static int path_socket(void) { return unix_path(fact("unix")); }
static int control(void) { return unix_path(fact("control")); }
static int dbus(void) { return unix_path("/run/dbus/system_bus_socket"); }
static int systemd(void) { return unix_path("/run/systemd/private"); }
static int journald(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { AF_UNIX, "/run/systemd/journal/socket" };

	return fd < 0 ? errno : outcome(connect(fd,
	    (const struct sockaddr *)&a, sizeof(a)));
}

static int
abstract(void)
{
	char name[108];
	const char *text = fact("abstract");
	size_t n = strlen(text);

	name[0] = '\0';
	memcpy(name + 1, text, n);
	return unix_to(name, n + 1);
}

const struct probe network_probes[] = {
	{ G, "tcp", tcp }, { G, "tcp6", tcp6 }, { G, "mptcp", mptcp },
	{ G, "tcp_fast_open", fast_open }, { G, "udp", udp },
	{ G, "raw", raw }, { G, "packet", packet }, { G, "vsock", vsock },
	{ G, "listen", listen_ }, { G, "set_link", set_link },
	{ G, "unix_path", path_socket }, { G, "unix_control", control },
	{ G, "unix_dbus", dbus }, { G, "unix_systemd", systemd },
	{ G, "unix_journald", journald }, { G, "unix_abstract", abstract },
	{ NULL, NULL, NULL }
};
