/*
 * base64url: what RFC 4648 says, and one text for each string of bytes.
 */
#include "base/base64.h"

#include <criterion/criterion.h>

#include "base/id.h"
#include "base/str.h"

static struct arena *arena;

static void
setup(void)
{
	arena = arena_new();
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(base64, .init = setup, .fini = teardown);

Test(base64, examples_of_the_standard_without_padding)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" } };

	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		const unsigned char *back;
		size_t len;

		cr_assert_str_eq(
			base64url_write(arena, pairs[i][0], strlen(pairs[i][0])), pairs[i][1]);
		back = base64url_read(arena, pairs[i][1], &len);
		cr_assert_not_null(back);
		cr_assert_eq(len, strlen(pairs[i][0]));
		cr_assert_str_eq((const char *)back, pairs[i][0]);
	}
}

Test(base64, any_bytes_come_back)
{
	unsigned char bytes[70];

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const unsigned char *back;
		size_t got;

		id_random(bytes, sizeof(bytes));
		back = base64url_read(arena, base64url_write(arena, bytes, len), &got);
		cr_assert_not_null(back);
		cr_assert_eq(got, len);
		cr_assert_arr_eq(back, bytes, len);
	}
}

Test(base64, other_spellings_are_none)
{
	static const char *const wrong[] = { "Zg==", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "Zm+v",
		"Zm/v", " Zg", "Zg\n", "Zm9v\xc3\xa4", "Zm9v." };
	size_t len = 77;

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		cr_assert_null(base64url_read(arena, wrong[i], &len), "%s", wrong[i]);
	cr_assert_eq(len, 77);
}
