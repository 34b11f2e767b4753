/*
 * The small readers of text: numbers, UTF-8, times, ids, base64url and arrays of PostgreSQL, each
 * against another way to say the same.
 */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/id.h"
#include "store/pg.h"

static void
check_number(const char *text)
{
	bool sign = *text == '-' || *text == '+';
	bool digits = text[sign] && strspn(text + sign, "0123456789") == strlen(text + sign);
	int64_t n = 77, want;

	errno = 0;
	want = strtoll(text, NULL, 10);
	assert(str_to_int(text, INT64_MIN, INT64_MAX, &n) == (digits && errno == 0));
	assert(n == (digits && errno == 0 ? want : 77));
}

/* What is written without printf(). */
static void
check_written(const char *text, int64_t n)
{
	const char *number = arena_printf(arena, "%" PRId64, n);
	struct str s;
	int64_t read;

	str_init(&s, arena);
	str_add(&s, text);
	str_add_int(&s, n);
	assert(str_equal(s.data, arena_printf(arena, "%s%s", text, number)));
	assert(str_equal(str_int(arena, n), number));
	assert(str_equal(STR_JOIN(arena, text, number, text),
		arena_printf(arena, "%s%s%s", text, number, text)));
	assert(str_to_int(number, n, n, &read) && read == n);
}

/* By code points, as RFC 3629 has it, not by tables. */
static bool
is_utf8(const uint8_t *at, size_t len)
{
	static const uint32_t least[] = { 1, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len;) {
		unsigned more = at[i] < 0x80 ? 0 : at[i] >> 5 == 6 ? 1 : at[i] >> 4 == 14 ? 2 : 3;
		uint32_t point = more ? at[i] & (0x3fU >> more) : at[i];

		if ((more == 3 && at[i] >> 3 != 30) || len - i <= more)
			return false;
		for (unsigned j = 1; j <= more; j++) {
			if (at[i + j] >> 6 != 2)
				return false;
			point = point << 6 | (at[i + j] & 0x3f);
		}
		if (point < least[more] || point > 0x10ffff || point >> 11 == 0x1b)
			return false;
		i += more + 1;
	}
	return true;
}

static void
check_times(const char *text)
{
	struct tm tm = { 0 };

	if (clock_is_date(text)) {
		assert(strlen(text) == 10 && strptime(text, "%Y-%m-%d", &tm));
		/* A day that does not exist would be moved on to the next month. */
		tm.tm_isdst = 0;
		assert(timegm(&tm) != -1 && arena_printf(arena, "%02d", tm.tm_mday)[1] == text[9]);
	}
	if (clock_is_rfc3339(text)) {
		assert(clock_is_date(arena_copy(arena, text, 10)));
		assert(strlen(text) <= strlen("2026-11-21T19:00:00.123456789+01:00"));
		assert(strptime(text + 11, "%H:%M:%S", &tm));
	}
}

static void
check_ids(const char *text)
{
	int32_t event = -1, again;
	char id[ID_UUID_TEXT];

	if (id_booking_event(text, &event)) {
		assert(id_is_uuid(text) && event > 0);
		assert(str_starts(text, arena_printf(arena, "%08" PRIx32, (uint32_t)event)));
	} else {
		assert(event == -1);
	}
	event = (int32_t)(strlen(text) * 77777 + 1);
	id_booking_from_key(event, "secret", 6, text, "hold", text, id);
	assert(id_booking_event(id, &again) && again == event);
}

static void
check_base64(const char *text, const uint8_t *data, size_t size)
{
	const char *written = base64url_write(arena, fuzz_bytes(data, size), size);
	size_t len;
	unsigned char *bytes = base64url_read(arena, written, &len);

	assert(bytes && len == size && (size == 0 || memcmp(bytes, data, size) == 0));
	assert(strlen(base64_write(arena, fuzz_bytes(data, size), size)) == (size + 2) / 3 * 4);
	bytes = base64url_read(arena, text, &len);
	assert(!bytes || str_equal(base64url_write(arena, bytes, len), text));
}

static void
check_arrays(const char *text)
{
	const char *const items[] = { text, NULL, "", "NULL", text };
	const char **read;
	size_t count =
		pg_array_read(arena, pg_array_text(arena, items, ARRAY_LENGTH(items)), &read);

	assert(count == ARRAY_LENGTH(items));
	for (size_t i = 0; i < count; i++)
		assert(str_equal(read[i], items[i]));
	pg_array_read(arena, arena_printf(arena, "{%s", text), &read);
}

/* What is written as JSON reads as the same text. */
static void
check_json(const char *text)
{
	const struct json *value;
	struct str out;

	str_init(&out, arena);
	str_add_json(&out, text);
	value = fuzz_json(out.data, out.len);
	assert(!value == !str_is_utf8(text, strlen(text)));
	assert(!value || str_equal(json_string(value), text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *text;

	fuzz_begin();
	text = fuzz_text(&in);
	assert(str_is_utf8(fuzz_bytes(data, size), size) ==
		(!memchr(size ? (const void *)data : "", 0, size) && is_utf8(data, size)));
	check_number(text);
	check_written(text, fuzz_int(&(struct input){ data, size }));
	check_times(text);
	check_ids(text);
	check_base64(text, data, size);
	check_arrays(text);
	check_json(text);
	return 0;
}
