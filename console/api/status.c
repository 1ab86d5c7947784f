/*
 * status.c - readiness, metrics, and the description of the API.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "console/api/assets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

void
api_healthz(struct request *r)
{
	struct buf b;
	int err;

	if ((err = store_ping(r->c->store)) != 0) {
		http_error(r, err);
		return;
	}
	buf_init(&b, 1024);
	buf_put_str(&b, "{\"status\":\"ok\"}");
	http_reply_json(r, 200, &b);
}

void
api_openapi(struct request *r)
{
	struct bytes text = assets_openapi();
	struct buf b;

	buf_init(&b, text.n);
	buf_put_bytes(&b, text);
	http_reply(r, 200, "application/json", &b);
}

/* Whether the other end of the connection is this machine. */
static bool
is_local(struct request *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in6 *a6;
	const struct sockaddr_in *a;

	/* Behind a proxy everybody seems to be here. */
	if (info == NULL || info->client_addr == NULL ||
	    r->c->settings->behind_proxy)
		return false;
	if (info->client_addr->sa_family == AF_INET6) {
		a6 = (const struct sockaddr_in6 *)
		    (const void *)info->client_addr;
		return IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr);
	}
	a = (const struct sockaddr_in *)(const void *)info->client_addr;
	return a->sin_family == AF_INET &&
	    ntohl(a->sin_addr.s_addr) >> 24 == 127;
}

static void
put_metric(struct buf *b, const char *name, const char *type,
    const char *help, uint64_t v)
{
	buf_printf(b, "# HELP countersign_%s %s\n# TYPE countersign_%s %s\n"
	    "countersign_%s %" PRIu64 "\n", name, help, name, type, name, v);
}

static int
put_state(void *ctx, const char *state, int64_t n)
{
	buf_printf(ctx, "countersign_cards{state=\"%s\"} %" PRId64 "\n", state,
	    n);
	return 0;
}

static int
put_kind(void *ctx, const char *kind, int64_t n)
{
	buf_printf(ctx, "countersign_alarms{kind=\"%s\"} %" PRId64 "\n", kind,
	    n);
	return 0;
}

/* Never from memory of a while ago: somebody waits for these. */
static int
put_alarms(struct store *s, struct buf *b)
{
	int64_t devices = 0;
	int err;

	if ((err = store_alarm_devices(s, &devices)) != 0)
		return err;
	put_metric(b, "devices_alarmed", "gauge",
	    "Devices with alarms that nobody has acknowledged.",
	    (uint64_t)devices);
	buf_put_str(b, "# HELP countersign_alarms Alarms that nobody has "
	    "acknowledged, by kind.\n# TYPE countersign_alarms gauge\n");
	return store_alarm_each_kind(s, put_kind, b);
}

static void
put_counters(struct buf *b, const struct counters *c)
{
	put_metric(b, "agent_connections_total", "counter",
	    "Connections that agents made.", c->agent_connections);
	put_metric(b, "agent_refused_total", "counter",
	    "Connections, upgrades and enrolments refused.",
	    c->agent_refused);
	put_metric(b, "enrolments_total", "counter", "Devices enrolled.",
	    c->enrolments);
	put_metric(b, "hellos_refused_total", "counter",
	    "Proofs of devices that did not hold.", c->hellos_refused);
	put_metric(b, "records_total", "counter",
	    "Journal records replicated.", c->records);
	put_metric(b, "record_bytes_total", "counter",
	    "Bytes of journal records replicated.", c->record_bytes);
	put_metric(b, "output_bytes_total", "counter",
	    "Bytes of transcripts received.", c->output_bytes);
	put_metric(b, "cards_submitted_total", "counter",
	    "Cards taken in over the API.", c->cards);
	put_metric(b, "approvals_relayed_total", "counter",
	    "Approvals and denials relayed.", c->approvals);
	put_metric(b, "cancels_relayed_total", "counter",
	    "Cancels and withdrawals relayed.", c->cancels);
	put_metric(b, "http_requests_total", "counter", "API requests.",
	    c->requests);
	put_metric(b, "http_refused_total", "counter",
	    "API requests answered with a problem.", c->requests_refused);
	put_metric(b, "log_lines_left_out_total", "counter",
	    "Lines of the log left out of a flood.", c->lines_left_out);
	put_metric(b, "cosignatures_total", "counter",
	    "Checkpoints that we cosigned as a witness.", c->cosigned);
	put_metric(b, "cosignatures_refused_total", "counter",
	    "Checkpoints that we refused to cosign.", c->cosigning_refused);
	put_metric(b, "event_streams_total", "counter",
	    "Event streams opened.", c->events_opened);
}

/*
 * What has to be counted in the store, as text. It is counted again once a
 * hundred times as long has passed as counting took: so that somebody who
 * asks all the time gets no more than a hundredth of our time.
 */
static int
put_counts(struct console *c, struct buf *b)
{
	uint64_t began = uv_hrtime();
	struct store_counts counts;
	int err;

	if ((err = store_count(c->store, &counts)) != 0)
		return err;
	put_metric(b, "devices", "gauge", "Devices enrolled.",
	    (uint64_t)counts.devices);
	put_metric(b, "store_bytes", "gauge", "Size of the database.",
	    (uint64_t)counts.bytes);
	put_metric(b, "outbox", "gauge", "Messages that wait for devices.",
	    (uint64_t)counts.outbox);
	buf_put_str(b, "# HELP countersign_cards Cards by state.\n"
	    "# TYPE countersign_cards gauge\n");
	err = store_card_each_state(c->store, put_state, b);
	c->counted_until = uv_hrtime() + 100 * (uv_hrtime() - began);
	return err != 0 ? err : buf_error(b);
}

void
api_metrics(struct request *r)
{
	struct console *c = r->c;
	struct buf b;
	int err;

	if (!is_local(r) && !http_authenticate(r))
		return;
	if (c->counted.n == 0 || uv_hrtime() >= c->counted_until) {
		buf_free(&c->counted);
		buf_init(&c->counted, 65536);
		if ((err = put_counts(c, &c->counted)) != 0) {
			buf_free(&c->counted);
			http_error(r, err);
			return;
		}
	}
	buf_init(&b, 131072);
	put_metric(&b, "start_time_seconds", "gauge",
	    "When the console started.", (uint64_t)c->started);
	put_metric(&b, "devices_connected", "gauge",
	    "Devices connected and proven.", c->links.n);
	put_counters(&b, &c->counters);
	if ((err = put_alarms(c->store, &b)) != 0) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	buf_put_bytes(&b, buf_bytes(&c->counted));
	http_reply(r, 200, "text/plain; version=0.0.4", &b);
}
