/*
 * Growing strings, numbers out of text, UTF-8.
 */
#include <criterion/criterion.h>

#include "base/str.h"

Test(str, grows_and_stays_terminated)
{
	struct arena *arena = arena_new();
	struct str s;

	str_init(&s, arena);
	cr_assert_str_eq(s.data, "");
	for (int i = 0; i < 10000; i++)
		str_add_char(&s, (char)('a' + i % 26));
	cr_assert_eq(s.len, 10000);
	cr_assert_eq(strlen(s.data), 10000);
	str_init(&s, arena);
	str_add(&s, "a");
	str_add_int(&s, INT64_MIN);
	str_printf(&s, "%s|%d", "x", 3);
	cr_assert_str_eq(s.data, "a-9223372036854775808x|3");
	arena_free(arena);
}

Test(str, small_texts_of_pieces)
{
	struct arena *arena = arena_new();

	cr_assert_str_eq(str_int(arena, 0), "0");
	cr_assert_str_eq(str_int(arena, -1), "-1");
	cr_assert_str_eq(str_int(arena, 1234567890), "1234567890");
	cr_assert_str_eq(str_int(arena, INT64_MAX), "9223372036854775807");
	cr_assert_str_eq(str_int(arena, INT64_MIN), "-9223372036854775808");
	cr_assert_str_eq(STR_JOIN(arena, "a"), "a");
	cr_assert_str_eq(STR_JOIN(arena, "hf:{", str_int(arena, 7), "", "}"), "hf:{7}");
	arena_free(arena);
}

Test(str, prints_more_than_its_room)
{
	struct arena *arena = arena_new();
	struct str s;
	char long_text[500];

	memset(long_text, 'y', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	str_init(&s, arena);
	str_printf(&s, "<%s>", long_text);
	cr_assert_eq(s.len, sizeof(long_text) + 1);
	cr_assert_eq(s.data[s.len - 1], '>');
	arena_free(arena);
}

Test(str, json_is_quoted_and_escaped)
{
	struct arena *arena = arena_new();
	struct str s;

	str_init(&s, arena);
	str_add_json(&s, "a\"b\\c\n\r\t\x01\x7f/é");
	str_add_json(&s, NULL);
	cr_assert_str_eq(s.data, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f/é\"null");
	arena_free(arena);
}

Test(str, numbers_are_whole_and_within_bounds)
{
	static const char *const bad[] = { "", "-", "+", " 1", "1 ", "1x", "0x1", "1.0", "1e3",
		"9223372036854775808", "-9223372036854775809", "--1", "99999999999999999999999" };
	int64_t n = 42;

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_not(str_to_int(bad[i], INT64_MIN, INT64_MAX, &n), "%s", bad[i]);
	cr_assert_eq(n, 42);
	cr_assert(str_to_int("9223372036854775807", INT64_MIN, INT64_MAX, &n));
	cr_assert_eq(n, INT64_MAX);
	cr_assert(str_to_int("-9223372036854775808", INT64_MIN, INT64_MAX, &n));
	cr_assert_eq(n, INT64_MIN);
	cr_assert(str_to_int("+007", 0, 10, &n));
	cr_assert_eq(n, 7);
	cr_assert_not(str_to_int("11", 0, 10, &n));
	cr_assert_not(str_to_int("-1", 0, 10, &n));
}

Test(str, utf8_is_strict)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool good;
	} cases[] = {
		{ "", 0, true },
		{ "plain", 5, true },
		{ "\xc3\xa9", 2, true },
		{ "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x8e\xab", 4, true },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "a\0b", 3, false },
		{ "\x80", 1, false },
		{ "\xc0\x80", 2, false },
		{ "\xc1\xbf", 2, false },
		{ "\xe0\x80\x80", 3, false },
		{ "\xe0\x9f\xbf", 3, false },
		{ "\xed\xa0\x80", 3, false },
		{ "\xed\xbf\xbf", 3, false },
		{ "\xf0\x80\x80\x80", 4, false },
		{ "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xf5\x80\x80\x80", 4, false },
		{ "\xff", 1, false },
		{ "\xc3", 1, false },
		{ "\xe2\x82", 2, false },
		{ "\xc3(", 2, false },
		{ "\xe2\x82(", 3, false },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_assert_eq(
			str_is_utf8(cases[i].bytes, cases[i].len), cases[i].good, "case %zu", i);
}

Test(str, comparisons)
{
	cr_assert(str_equal(NULL, NULL));
	cr_assert_not(str_equal("a", NULL));
	cr_assert(str_equal("a", "a"));
	cr_assert(str_starts("abc", "ab"));
	cr_assert_not(str_starts("a", "ab"));
	cr_assert(str_equal_secret("abc", 3, "abc", 3));
	cr_assert_not(str_equal_secret("abc", 3, "abd", 3));
	cr_assert_not(str_equal_secret("abc", 3, "abcd", 4));
	cr_assert(str_equal_secret("", 0, "", 0));
	/* Each byte counts, in whole words and behind them. */
	for (size_t len = 1; len < 39; len++) {
		unsigned char left[40], right[40];

		memset(left, 'x', sizeof(left));
		memcpy(right, left, sizeof(right));
		for (size_t at = 0; at < len; at++) {
			right[at] ^= 1;
			cr_assert_not(
				str_equal_secret(left, len, right, len), "%zu of %zu", at, len);
			right[at] ^= 1;
		}
		right[len] ^= 1;
		cr_assert(str_equal_secret(left, len, right, len), "what is behind %zu", len);
	}
}
