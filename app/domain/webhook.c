/*
 * Webhooks, and the log that may be read instead.
 */
#include "domain/webhook.h"

#include "base/base64.h"
#include "base/id.h"
#include "domain/cursor.h"
#include "domain/event_input.h"
#include "queries.h"
#include "store/web.h"

#define URL_CHARS_MAX 2000
#define KINDS_MAX     50
#define CURSOR_KIND   "webhooks"

struct input {
	const char *url;
	const struct json *kinds;
};

/* Names that resolvers answer out of their own network, whatever the address. */
static bool
is_inner_name(const char *host)
{
	static const char *const endings[] = { "localhost", ".localhost", ".local", ".internal",
		".lan", ".home.arpa", ".intranet" };
	size_t len = strlen(host);

	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (len >= ending && strncasecmp(host + len - ending, endings[i], ending) == 0 &&
			(endings[i][0] == '.' || len == ending))
			return true;
	}
	return !memchr(host, '.', len) && !strchr(host, ':');
}

/* A dot at the end says that the name is whole, and nothing else. */
static const char *
without_dots(struct arena *arena, const char *host)
{
	size_t len = strlen(host);

	while (len > 0 && host[len - 1] == '.')
		len--;
	return arena_copy(arena, host, len);
}

/* Digits, dots and x alone: a resolver may take it for an address in one of the old spellings. */
static bool
is_number(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	return strchr(host, ':') || (*last >= '0' && *last <= '9');
}

const char *
webhook_address_mistake(struct arena *arena, const char *url, bool allow_private)
{
	struct web_url parts;

	if (!web_url_read(arena, url, "http", &parts))
		return "This is no address that can be called.";
	if (parts.secrets)
		return "The address must not hold a user or a password.";
	if (strchr(url, '#'))
		return "The address must not have a fragment.";
	if (allow_private)
		return NULL;
	if (!parts.tls)
		return "The address must begin with https.";
	parts.host = without_dots(arena, parts.host);
	if (is_inner_name(parts.host) ||
		(is_number(parts.host) && !web_address_is_public(parts.host)))
		return "The address must be one that everybody on the internet can reach.";
	return NULL;
}

/* NULL: all. */
static enum problem
read_kinds(struct context *house, const struct json *kinds, const char **out)
{
	const char *words[KINDS_MAX];
	size_t count = kinds ? json_length(kinds) : 0;

	*out = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct json *kind = json_at(kinds, i);

		if (!kind || json_kind(kind) != JSON_STRING)
			return problem_at(house->why, house->arena,
				arena_printf(house->arena, "/kinds/%zu", i), "A text is expected.");
		words[i] = json_string(kind);
	}
	if (kinds)
		*out = pg_array_text(house->arena, words, count);
	return PROBLEM_NONE;
}

/* A random UUID (version 4). */
static void
make_id(char out[ID_UUID_TEXT])
{
	unsigned char bytes[16];
	char hex[33];

	id_random(bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	id_hex(bytes, sizeof(bytes), hex);
	snprintf(out, ID_UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		hex + 20);
}

enum problem
webhook_create(struct context *house, const struct event_caller *caller, const struct json *body,
	const char **webhook_id, const char **out)
{
	static const struct json_field fields[] = {
		{ .name = "url",
			.kind = JSON_STRING,
			.required = true,
			.min = 1,
			.max = URL_CHARS_MAX,
			.offset = offsetof(struct input, url) },
		{ .name = "kinds",
			.kind = JSON_ARRAY,
			.min = 1,
			.max = KINDS_MAX,
			.offset = offsetof(struct input, kinds) },
		{ .name = NULL },
	};
	struct input input = { .url = NULL };
	unsigned char secret[WEBHOOK_SECRET_BYTES];
	char id[ID_UUID_TEXT], hex[2 * WEBHOOK_SECRET_BYTES + 1];
	const char *mistake = NULL, *kinds = NULL, *shown;
	struct pg_rows rows;
	enum problem err = json_read(body, fields, &input, house->why, house->arena, "");

	if (input.url)
		mistake = webhook_address_mistake(
			house->arena, input.url, house->conf->webhooks_allow_private);
	if (mistake)
		err = problem_at(house->why, house->arena, "/url", "%s", mistake);
	if (!err)
		err = read_kinds(house, input.kinds, &kinds);
	if (err)
		return err;
	make_id(id);
	id_random(secret, sizeof(secret));
	id_hex(secret, sizeof(secret), hex);
	/* Under the same id a repeat after an unknown outcome finds what the first has made. */
	for (int tries = 0; tries < 2; tries++) {
		err = query_webhook_create(house->pg, house->arena, house->deadline_us, house->why,
			&rows, caller->user_id, id, input.url, kinds, hex,
			house->conf->webhooks_max);
		if (err != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	if (err)
		return event_refused(err, house->why, house->arena);
	shown = pg_text(&rows, 0, WEBHOOK_CREATE_BODY);
	*webhook_id = arena_strdup(house->arena, id);
	*out = arena_printf(house->arena, "%.*s,\"secret\":\"whsec_%s\"}", (int)strlen(shown) - 1,
		shown, base64_write(house->arena, secret, sizeof(secret)));
	return PROBLEM_NONE;
}

enum problem
webhook_list(struct context *house, const struct event_caller *caller, const char *cursor,
	int64_t limit, struct webhook_page *out)
{
	const char *after = NULL;
	struct pg_rows rows;
	int64_t at = 0;
	enum problem err;
	int shown;

	if (cursor && !cursor_read_row(house->arena, CURSOR_KIND, cursor, &at, &after))
		return problem_at(
			house->why, house->arena, "/cursor", "This is no cursor of this list.");
	err = query_webhook_list(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, after ? &at : NULL, after, limit + 1);
	if (err)
		return err;
	shown = rows.count <= limit ? rows.count : (int)limit;
	*out = (struct webhook_page){
		.bodies = ARENA_ARRAY(house->arena, const char *, shown + 1),
		.count = (size_t)shown,
	};
	for (int i = 0; i < shown; i++)
		out->bodies[i] = pg_text(&rows, i, WEBHOOK_LIST_BODY);
	if (rows.count > shown)
		out->next = cursor_make(house->arena, CURSOR_KIND,
			arena_printf(house->arena, "%lld/%s",
				(long long)pg_int(&rows, shown - 1, WEBHOOK_LIST_AT),
				pg_text(&rows, shown - 1, WEBHOOK_LIST_WEBHOOK_ID)));
	return PROBLEM_NONE;
}

enum problem
webhook_delete(struct context *house, const struct event_caller *caller, const char *webhook_id)
{
	enum problem err = PROBLEM_NOT_FOUND;

	if (!id_is_uuid(webhook_id))
		return err;
	for (int tries = 0; tries < 2; tries++) {
		bool again = err == PROBLEM_UNKNOWN_OUTCOME;

		err = query_webhook_delete(house->pg, house->arena, house->deadline_us, house->why,
			NULL, caller->user_id, webhook_id, caller->everything);
		if (again && err == PROBLEM_NOT_FOUND)
			return PROBLEM_NONE;
		if (err != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	return err;
}

const char *
webhook_signature(struct arena *arena, const void *secret, size_t secret_len, const char *id,
	int64_t unix_s, const char *body)
{
	const char *signed_text = arena_printf(arena, "%s.%lld.%s", id, (long long)unix_s, body);
	unsigned char mac[ID_SHA256_BYTES];

	id_hmac_bytes(secret, secret_len, signed_text, strlen(signed_text), mac);
	return arena_printf(arena, "v1,%s", base64_write(arena, mac, sizeof(mac)));
}

enum problem
webhook_log(struct context *house, const struct event_caller *caller, int32_t event_id,
	int64_t after, int64_t limit, struct webhook_log *out)
{
	struct pg_rows rows;
	enum problem err;
	int shown;

	err = query_log_list(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything, after, limit + 1);
	if (err)
		return err;
	shown = rows.count <= limit ? rows.count : (int)limit;
	*out = (struct webhook_log){
		.bodies = ARENA_ARRAY(house->arena, const char *, shown + 1),
		.count = (size_t)shown,
		.last = shown > 0 ? pg_int(&rows, shown - 1, LOG_LIST_POSITION) : after,
		.more = rows.count > shown,
	};
	for (int i = 0; i < shown; i++)
		out->bodies[i] = pg_text(&rows, i, LOG_LIST_BODY);
	return PROBLEM_NONE;
}
