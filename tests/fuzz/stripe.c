/*
 * What comes from the payment provider: signatures of notices, the notices, and amounts.
 *
 * Input: numbers; the header of a signature; a line break; the body.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "base/id.h"
#include "store/stripe_parts.h"

#define SECRETS "whsec_first, whsec_second"
#define NOW     INT64_C(1800000000)
#define MOST    INT64_C(100000000000000) /* no booking costs more */

static const char *
sign(int64_t time, const char *body, size_t len)
{
	unsigned char mac[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];
	struct str text;

	str_init(&text, arena);
	str_printf(&text, "%" PRId64 ".", time);
	str_add_bytes(&text, body, len);
	id_hmac_bytes("whsec_second", strlen("whsec_second"), text.data, text.len, mac);
	id_hex(mac, sizeof(mac), hex);
	return arena_printf(arena, "t=%" PRId64 ",v0=other,v1=00,v1=%s", time, hex);
}

static bool
is_signed(const char *header, const char *body, size_t len, int64_t now)
{
	const char *why = NULL;
	bool good = stripe_signature_check(arena, header, body, len, SECRETS, now, &why);

	assert(good || *why);
	return good;
}

static void
check_signature(struct input *in, int64_t late, uint64_t where)
{
	char *header = fuzz_line(in);
	char *body = fuzz_bytes(in->at, in->left);
	size_t len = in->left;
	const char *good = sign(NOW - late, body, len);
	bool in_time = late >= -STRIPE_NOTICE_AGE_SECONDS && late <= STRIPE_NOTICE_AGE_SECONDS;

	assert(!is_signed(header, body, len, NOW) &&
		!is_signed(header, body, len, STRIPE_ANY_TIME));
	assert(is_signed(good, body, len, NOW) == in_time);
	assert(is_signed(good, body, len, STRIPE_ANY_TIME));
	assert(is_signed(arena_printf(arena, "%s,%s", good, header), body, len, STRIPE_ANY_TIME));
	if (len > 0) {
		where %= 8 * len;
		body[where / 8] = (char)(body[where / 8] ^ 1 << where % 8);
		assert(!is_signed(good, body, len, STRIPE_ANY_TIME));
	}
}

static void
check_notice(const uint8_t *data, size_t size)
{
	const struct json *body = fuzz_json(data, size);
	struct stripe_notice notice;
	const char *why = NULL;

	if (!body || json_kind(body) != JSON_OBJECT)
		return;
	if (!stripe_notice_read(arena, body, &notice, &why)) {
		assert(why && *why);
		return;
	}
	assert(*notice.id && strlen(notice.id) <= 255 && notice.type);
	if (notice.payment.id)
		assert(notice.payment.currency && notice.payment.status &&
			notice.payment.amount >= 0 && notice.payment.captured >= 0);
	assert(!notice.payment.booking_id || notice.payment.attempt > 0);
	assert(!notice.refund.id || notice.refund.status);
	assert(notice.refund.amount >= 0 && notice.dispute.amount >= 0);
	assert(!notice.dispute.id || notice.dispute.currency);
}

static void
check_amount(const char *currency, int64_t amount)
{
	int64_t theirs;

	if (stripe_amount_write(currency, amount, &theirs))
		assert(stripe_amount_read(currency, theirs) == amount);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const currencies[] = { "EUR", "ISK", "UGX", "MGA", "BHD", "TND", "JPY" };
	struct input in = { data, size };
	int64_t amount, late;
	uint64_t where;

	fuzz_begin();
	check_notice(data, size);
	where = (uint64_t)fuzz_int(&in);
	amount = (int64_t)(where % MOST);
	for (size_t i = 0; i < ARRAY_LENGTH(currencies); i++)
		check_amount(currencies[i], amount);
	late = (int64_t)(where >> 8) % 2000 - 1000;
	check_signature(&in, late, where);
	return 0;
}
