/*
 * Tickets of the queue.
 */
#include "domain/ticket.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/keyring.h"
#include "base/str.h"

/* version, event, score, user; then the line's name and the mark. */
#define VERSION     1
#define HEAD_BYTES  (1 + 4 + 8 + 16)
#define MARK_BYTES  16
#define TOKEN_BYTES (HEAD_BYTES + TICKET_LINE_MAX + MARK_BYTES)

#define SCORE_MAX   (INT64_C(1) << 53)

/* What is signed under keys of one kind means nothing under the other. */
static unsigned char secrets[TICKET_KINDS][KEYRING_MAX][ID_SHA256_BYTES];
static size_t secrets_count;

int64_t
ticket_epoch(const struct ticket *ticket)
{
	return ticket->score >> 43;
}

int64_t
ticket_number(const struct ticket *ticket)
{
	return (ticket->score >> 9) & ((INT64_C(1) << 34) - 1);
}

int64_t
ticket_quantity(const struct ticket *ticket)
{
	return (ticket->score & 511) + 1;
}

int64_t
ticket_score(int64_t epoch, int64_t number, int64_t quantity)
{
	return epoch << 43 | number << 9 | (quantity - 1);
}

bool
ticket_line_is_name(const char *line)
{
	size_t len =
		strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return len <= TICKET_LINE_MAX && line[len] == '\0';
}

void
ticket_init(void)
{
	static const char *const uses[TICKET_KINDS][2] = {
		[TICKET_PLACE] = { "holdfast queue ticket 1", NULL },
		[TICKET_PASS] = { "holdfast queue pass 1", NULL },
	};

	for (secrets_count = 0; secrets_count < keyring_count(); secrets_count++) {
		const char *secret = keyring_at(secrets_count)->secret;

		for (int kind = 0; kind < TICKET_KINDS; kind++)
			id_hmac(secret, strlen(secret), uses[kind], secrets[kind][secrets_count]);
	}
}

static void
mark(struct arena *arena, enum ticket_kind kind, size_t key, const struct ticket *ticket,
	unsigned char out[MARK_BYTES])
{
	unsigned char full[ID_SHA256_BYTES];
	const char *parts[] = { str_int(arena, ticket->event_id), str_int(arena, ticket->score),
		ticket->user_id, ticket->line, NULL };

	id_hmac(secrets[kind][key], sizeof(secrets[kind][key]), parts, full);
	memcpy(out, full, MARK_BYTES);
}

static void
put_number(unsigned char *out, uint64_t n, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		out[i] = (unsigned char)(n & 255);
		n >>= 8;
	}
}

static uint64_t
get_number(const unsigned char *in, int bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | in[i];
	return n;
}

static unsigned char
nibble(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A UUID in text form as its 16 bytes. */
static void
put_user(unsigned char *out, const char *user_id)
{
	assert(id_is_uuid(user_id));
	for (size_t i = 0; i < 16; i++) {
		user_id += *user_id == '-';
		out[i] = (unsigned char)(nibble(user_id[0]) << 4 | nibble(user_id[1]));
		user_id += 2;
	}
}

static const char *
get_user(struct arena *arena, const unsigned char *in)
{
	char *text = arena_alloc(arena, ID_UUID_TEXT);

	id_uuid_text(in, text);
	return text;
}

const char *
ticket_write_as(struct arena *arena, enum ticket_kind kind, const struct ticket *ticket)
{
	unsigned char bytes[TOKEN_BYTES];
	size_t line = strlen(ticket->line);

	assert(secrets_count > 0 && line <= TICKET_LINE_MAX);
	bytes[0] = VERSION;
	put_number(bytes + 1, (uint32_t)ticket->event_id, 4);
	put_number(bytes + 5, (uint64_t)ticket->score, 8);
	put_user(bytes + 13, ticket->user_id);
	memcpy(bytes + HEAD_BYTES, ticket->line, line);
	mark(arena, kind, 0, ticket, bytes + HEAD_BYTES + line);
	return base64url_write(arena, bytes, HEAD_BYTES + line + MARK_BYTES);
}

bool
ticket_read_as(struct arena *arena, enum ticket_kind kind, const char *token, struct ticket *out)
{
	unsigned char is[MARK_BYTES];
	const unsigned char *bytes;
	struct ticket ticket;
	bool known = false;
	size_t len, line;

	if (strlen(token) > TOKEN_BYTES * 4 / 3 + 1)
		return false;
	bytes = base64url_read(arena, token, &len);
	if (!bytes || len < HEAD_BYTES + MARK_BYTES || bytes[0] != VERSION)
		return false;
	line = len - HEAD_BYTES - MARK_BYTES;
	ticket = (struct ticket){
		.event_id = (int32_t)get_number(bytes + 1, 4),
		.score = (int64_t)get_number(bytes + 5, 8),
		.user_id = get_user(arena, bytes + 13),
		.line = arena_copy(arena, (const char *)bytes + HEAD_BYTES, line),
	};
	if (ticket.event_id <= 0 || ticket.score <= 0 || ticket.score >= SCORE_MAX ||
		strlen(ticket.line) != line || !ticket_line_is_name(ticket.line))
		return false;
	for (size_t i = 0; i < secrets_count && !known; i++) {
		mark(arena, kind, i, &ticket, is);
		known = str_equal_secret(is, MARK_BYTES, bytes + len - MARK_BYTES, MARK_BYTES);
	}
	if (known)
		*out = ticket;
	return known;
}

const char *
ticket_write(struct arena *arena, const struct ticket *ticket)
{
	return ticket_write_as(arena, TICKET_PLACE, ticket);
}

bool
ticket_read(struct arena *arena, const char *token, struct ticket *out)
{
	return ticket_read_as(arena, TICKET_PLACE, token, out);
}

void
ticket_booking(const struct ticket *ticket, const char *secret, char out[ID_UUID_TEXT])
{
	char key[TICKET_LINE_MAX + 48];

	snprintf(key, sizeof(key), "%s/%" PRId64 "/%" PRId64, ticket->line, ticket_epoch(ticket),
		ticket_number(ticket));
	id_booking_from_key(
		ticket->event_id, secret, strlen(secret), ticket->user_id, "queue", key, out);
}
