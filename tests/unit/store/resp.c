/*
 * Commands on their way to Redis: each word with its length, whatever is in it.
 */
#include <criterion/criterion.h>

#include "store/resp.h"

Test(resp, words_have_their_lengths)
{
	struct arena *arena = arena_new();
	const char *const words[] = { "SET", "", "a\r\n$9\r\nb" };
	struct str out;

	str_init(&out, arena);
	resp_write(&out, 3, words, NULL);
	cr_assert_str_eq(out.data, "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$8\r\na\r\n$9\r\nb\r\n");
	arena_free(arena);
}

Test(resp, bytes_may_be_any)
{
	struct arena *arena = arena_new();
	const char *const words[] = { "SET", "k", "\0x\0" };
	const size_t lens[] = { 3, 1, 3 };
	static const char wanted[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\0x\0\r\n";
	struct str out;

	str_init(&out, arena);
	resp_write(&out, 3, words, lens);
	cr_assert_eq(out.len, sizeof(wanted) - 1);
	cr_assert_arr_eq(out.data, wanted, sizeof(wanted));
	arena_free(arena);
}

Test(resp, a_long_word_is_whole)
{
	struct arena *arena = arena_new();
	size_t len = 1000000;
	char *word = arena_alloc(arena, len + 1);
	const char *const words[] = { word };
	struct str out;

	memset(word, 'x', len);
	str_init(&out, arena);
	resp_write(&out, 1, words, NULL);
	cr_assert_eq(out.len, strlen("*1\r\n$1000000\r\n") + len + 2);
	arena_free(arena);
}
