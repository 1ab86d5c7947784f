/*
 * routes.c - every path of the API: who may ask for it, and who answers.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * openapi.json says the same for programs; a test compares the two.
 */
#include "console/api/http.h"

const struct route http_routes[] = {
	{ "GET", "/healthz", 0, 0, api_healthz },
	{ "GET", "/metrics", 0, 0, api_metrics },
	{ "GET", "/openapi.json", 0, 0, api_openapi },
	{ "POST", "/v1/cards", RIGHT_PROPOSE, HTTP_BODY_CARD,
	    api_cards_post },
	{ "GET", "/v1/cards", RIGHT_READ, 0, api_cards_list },
	{ "GET", "/v1/cards/{}", RIGHT_READ, 0, api_card_get },
	{ "GET", "/v1/cards/{}/card", RIGHT_READ, 0, api_card_bytes },
	{ "GET", "/v1/cards/{}/pending", RIGHT_READ, 0, api_card_pending },
	{ "POST", "/v1/cards/{}/approvals", RIGHT_RELAY, HTTP_BODY_APPROVAL,
	    api_card_approve },
	{ "POST", "/v1/cards/{}/cancel", RIGHT_PROPOSE, HTTP_BODY_APPROVAL,
	    api_card_cancel },
	{ "GET", "/v1/cards/{}/output", RIGHT_READ, 0, api_card_output },
	{ "GET", "/v1/cards/{}/events", RIGHT_READ, 0, api_card_events },
	{ "GET", "/v1/devices", RIGHT_READ, 0, api_devices_list },
	{ "GET", "/v1/devices/{}", RIGHT_READ, 0, api_device_get },
	{ "PUT", "/v1/trust/devices/{}", RIGHT_TRUST, HTTP_BODY_TRUST,
	    api_trust_device_put },
	{ "GET", "/v1/trust/devices/{}", RIGHT_READ, 0,
	    api_trust_device_get },
	{ "PUT", "/v1/trust/{}", RIGHT_TRUST, HTTP_BODY_TRUST,
	    api_trust_put },
	{ "GET", "/v1/trust/{}", RIGHT_READ, 0, api_trust_get },
	{ "GET", "/v1/journal/{}", RIGHT_JOURNAL, 0, api_journal },
	{ "GET", "/v1/alarms", RIGHT_READ, 0, api_alarms_list },
	{ "GET", "/v1/alarms/{}", RIGHT_READ, 0, api_alarm_get },
	{ "POST", "/v1/alarms/{}/acknowledge", RIGHT_RELAY,
	    HTTP_BODY_REASON, api_alarm_acknowledge },
	{ "GET", "/v1/events", RIGHT_READ, 0, api_fleet_events },
	{ "GET", "/v1/witness", 0, 0, api_witness },
	{ "GET", "/v1/witness/{}/checkpoint", 0, 0, api_witness_checkpoint },
	{ "POST", "/add-checkpoint", 0, WITNESS_REQUEST_MAX,
	    api_add_checkpoint },
	{ "GET", "/v1/logs/{}/{}/checkpoint", 0, 0, api_log_checkpoint },
	{ "GET", "/v1/logs/{}/{}/tile/{*}", 0, 0, api_log_tile },
	{ NULL, NULL, 0, 0, NULL }
};
