/*
 * Answers as the load generator reads them: the same however they are cut on their way.
 *
 * Input: how long each piece is; the bytes of the connection.
 */
#include "fuzz.h"

#include "load/answer.h"

/* Reads pieces of so many bytes, which move each time, and the end of the connection. */
static enum answer_state
read_pieces(struct answer *answer, const uint8_t *data, size_t size, size_t piece)
{
	enum answer_state state;
	char *in = NULL;
	size_t len = 0;

	*answer = (struct answer){ 0 };
	for (;;) {
		size_t more = piece < size - len ? piece : size - len;
		char *moved = arena_alloc(arena, len + more + 1);

		if (len)
			memcpy(moved, in, len);
		if (more)
			memcpy(moved + len, data + len, more);
		in = moved;
		len += more;
		state = answer_read(answer, in, len);
		if (state != ANSWER_MORE)
			return state;
		if (len == size)
			return answer_end(answer, in, len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t piece = fuzz_byte(&in) + 1;
	struct answer whole, cut;
	enum answer_state state;

	fuzz_begin();
	state = read_pieces(&whole, in.at, in.left, in.left + 1);
	assert(read_pieces(&cut, in.at, in.left, piece) == state);
	if (state != ANSWER_WHOLE)
		return 0;
	assert(whole.status >= 100 && whole.status <= 999 && cut.status == whole.status);
	assert(whole.body_len <= in.left && strlen(whole.body) <= whole.body_len);
	assert(cut.body_len == whole.body_len && memcmp(cut.body, whole.body, whole.body_len) == 0);
	assert(cut.replayed == whole.replayed && cut.retry_after_s == whole.retry_after_s);
	/* Only whoever has them all knows of bytes too many. */
	assert(whole.last || !cut.last);
	return 0;
}
