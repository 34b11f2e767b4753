/*
 * Writes commands for Redis. hiredis can do it too, in a seventh of all the time that a worker
 * takes for a hold that loses.
 */
#include "store/resp.h"

#define FRAME_BYTES 32 /* at most, around one word */

void
resp_write(struct str *out, int words, const char *const *word, const size_t *lens)
{
	size_t bytes = FRAME_BYTES;

	for (int i = 0; i < words; i++)
		bytes += FRAME_BYTES + (lens ? lens[i] : strlen(word[i]));
	str_reserve(out, bytes);
	str_add_char(out, '*');
	str_add_int(out, words);
	for (int i = 0; i < words; i++) {
		size_t len = lens ? lens[i] : strlen(word[i]);

		str_add(out, "\r\n$");
		str_add_int(out, (int64_t)len);
		str_add(out, "\r\n");
		str_add_bytes(out, word[i], len);
	}
	str_add(out, "\r\n");
}
