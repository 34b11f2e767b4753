/*
 * Strict reading of JSON: everything that a lenient parser would let through.
 */
#include <criterion/criterion.h>

#include "base/json.h"

static struct arena *arena;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(json, .init = begin, .fini = end);

static const struct json *
parse(const char *text)
{
	const char *detail = NULL;
	const struct json *value = json_parse(arena, text, strlen(text), &detail);

	cr_assert(value || detail, "%s", text);
	return value;
}

Test(json, refuses_what_the_standard_does_not_describe)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"[1",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"[1,]",
		"[,1]",
		"{\"a\":1,}",
		"{,}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"{a:1}",
		"{1:2}",
		"nul",
		"nulll",
		"True",
		"TRUE",
		"undefined",
		"'a'",
		"{'a':1}",
		"[1] x",
		"{}{}",
		"1 2",
		"// c\n1",
		"/* c */ 1",
		"1 // c",
		"NaN",
		"Infinity",
		"-Infinity",
		"-NaN",
		"{\"a\":NaN}",
		"01",
		"-01",
		"1.",
		".5",
		"-.5",
		"1.e3",
		"1e",
		"1e+",
		"+1",
		"0x10",
		"1_000",
		"--1",
		"-",
		"\"",
		"\"a",
		"\"\\",
		"\"\\x41\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"a\nb\"",
		"\"a\tb\"",
		"\"\x01\"",
		"\"\\u0000\"",
		"{\"a\\u0000b\":1}",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800x\"",
		"\"\\ud800\\n\"",
		"\"\\ud800\\ud800\"",
		"\"\\ud800\\u0041\"",
		"\"\\udc00\\ud800\"",
		"\"\xff\"",
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc1\xbf\"",
		"\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf0\x80\x80\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xc3\"",
		"\xef\xbb\xbf{}",
		"{}\x01",
		"\x0b{}",
		"\xc2\xa0{}",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_null(parse(bad[i]), "case %zu: %s", i, bad[i]);
}

Test(json, refuses_nul_bytes_wherever_they_are)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = { { "{}\0", 3 }, { "\0{}", 3 }, { "\"a\0b\"", 5 }, { "{\"a\":\0 1}", 9 },
		{ "1\0", 2 }, { "[1,\0 2]", 7 } };
	const char *detail;

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_assert_null(json_parse(arena, cases[i].text, cases[i].len, &detail), "%zu", i);
}

Test(json, refuses_two_members_of_one_name)
{
	cr_assert_null(parse("{\"a\":1,\"a\":2}"));
	cr_assert_null(parse("{\"a\":1,\"\\u0061\":1}"));
	cr_assert_null(parse("{\"x\":[{\"b\":null,\"b\":null}]}"));
	cr_assert_null(parse("{\"\":1,\"\":2}"));
	cr_assert(parse("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}"));
	cr_assert(parse("{\"a\":1,\"A\":2}"));
}

static char *
nest(int depth, const char *open, const char *close)
{
	struct str s;

	str_init(&s, arena);
	for (int i = 0; i < depth; i++)
		str_add(&s, open);
	str_add(&s, "1");
	for (int i = 0; i < depth; i++)
		str_add(&s, close);
	return s.data;
}

Test(json, depth_has_a_limit)
{
	cr_assert(parse(nest(JSON_DEPTH_MAX, "[", "]")));
	cr_assert_null(parse(nest(JSON_DEPTH_MAX + 1, "[", "]")));
	cr_assert(parse(nest(JSON_DEPTH_MAX, "{\"a\":", "}")));
	cr_assert_null(parse(nest(JSON_DEPTH_MAX + 1, "{\"a\":", "}")));
	cr_assert_null(parse(nest(60000, "[", "]")));
}

Test(json, reads_what_is_json)
{
	cr_assert_eq(json_kind(parse(" null ")), JSON_NULL);
	cr_assert_eq(json_kind(parse("true")), JSON_BOOL);
	cr_assert(json_bool(parse("true")));
	cr_assert_not(json_bool(parse("false")));
	cr_assert_eq(json_int(parse("0")), 0);
	cr_assert_eq(json_int(parse("-0")), 0);
	cr_assert_eq(json_int(parse("42")), 42);
	cr_assert_eq(json_int(parse("-42\n")), -42);
	cr_assert_str_eq(json_string(parse("\"\"")), "");
	cr_assert_str_eq(json_string(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")), "\"\\/\b\f\n\r\t");
	cr_assert_str_eq(json_string(parse("\"\\u00e9\\u20ac\"")), "\xc3\xa9\xe2\x82\xac");
	cr_assert_str_eq(json_string(parse("\"\\ud83c\\udfab\"")), "\xf0\x9f\x8e\xab");
	cr_assert_str_eq(json_string(parse("\"\xf0\x9f\x8e\xab\x7f\"")), "\xf0\x9f\x8e\xab\x7f");
	cr_assert_eq(json_length(parse("[]")), 0);
	cr_assert_eq(json_length(parse("[1, [2], {}]")), 3);
	cr_assert_eq(json_int(json_at(parse("[1,2,3]"), 2)), 3);
	cr_assert_eq(json_kind(json_at(parse("[null]"), 0)), JSON_NULL);
}

Test(json, members_are_there_or_not)
{
	const struct json *object = parse("\t{\"a\" : 1 ,\"n\":null}");

	cr_assert_eq(json_int(json_get(object, "a")), 1);
	cr_assert_eq(json_kind(json_get(object, "n")), JSON_NULL);
	cr_assert_null(json_get(object, "x"));
}

Test(json, numbers_beyond_int64_are_no_ints)
{
	static const char *const reals[] = { "9223372036854775808", "18446744073709551615",
		"18446744073709551616", "99999999999999999999999999", "-9223372036854775809",
		"-99999999999999999999999999", "1e999", "-1e999", "1e-999", "1.0", "1.5", "1e2",
		"0.1E+1" };

	for (size_t i = 0; i < ARRAY_LENGTH(reals); i++)
		cr_assert_eq(json_kind(parse(reals[i])), JSON_REAL, "%s", reals[i]);
	cr_assert_eq(json_kind(parse("9223372036854775807")), JSON_INT);
	cr_assert_eq(json_int(parse("9223372036854775807")), INT64_MAX);
	cr_assert_eq(json_int(parse("-9223372036854775807")), -INT64_MAX);
}

Test(json, large_texts_are_read)
{
	struct str s;

	str_init(&s, arena);
	str_add(&s, "{\"a\":[\"");
	for (int i = 0; i < 60000; i++)
		str_add_char(&s, 'x');
	str_add(&s, "\"");
	for (int i = 0; i < 1000; i++)
		str_add(&s, ",1");
	str_add(&s, "]}");
	cr_assert_eq(json_length(json_get(parse(s.data), "a")), 1001);
}

static void
add_name(void *ctx, const char *name, const struct json *value)
{
	struct str *s = ctx;

	(void)value;
	str_add(s, name);
}

Test(json, each_goes_in_the_order_of_the_text)
{
	struct str s;

	str_init(&s, arena);
	json_each(parse("{\"z\":1,\"a\":2,\"m\":{\"q\":1}}"), add_name, &s);
	cr_assert_str_eq(s.data, "zam");
}
