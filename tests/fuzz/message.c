/*
 * Mail: whatever its texts are, it has the header fields that it should have and no others, its
 * lines are short, and its text is the one that was given.
 *
 * Input, with NULs between: the name and address of the sender, the subject, the text.
 */
#include "fuzz.h"

#include "domain/message.h"

static const char *const fields[] = { "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ",
	"MIME-Version: ", "Auto-Submitted: ", "Content-Type: " };

/* Returns where the header ends. */
static const char *
check_head(const char *at)
{
	size_t field = 0;

	for (; !str_starts(at, "\r\n"); at = strstr(at, "\r\n") + 2) {
		if (*at == ' ')
			continue;
		assert(field < ARRAY_LENGTH(fields) && str_starts(at, fields[field]));
		field++;
	}
	assert(field == ARRAY_LENGTH(fields));
	return at;
}

/* Lines that end with CR and LF, of printable ASCII. */
static void
check_lines(const char *at)
{
	while (*at) {
		const char *end = strstr(at, "\r\n");

		assert(end && end - at <= 400);
		/* An encoded word with the space before it (RFC 2047, 2). */
		if (str_starts(at, " =?"))
			assert(strstr(at, "?=") + 2 - at <= 76);
		for (; at < end; at++)
			assert(*at >= ' ' && *at < 0x7f);
		at += 2;
	}
}

static unsigned
hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Quoted-printable up to the boundary, as the lines of `text`. */
static void
check_text(const char *at, const char *text)
{
	struct str got, want;

	str_init(&got, arena);
	while (!str_starts(at, "--=_1d")) {
		if (str_starts(at, "=\r\n")) {
			at += 3;
		} else if (*at == '=') {
			str_add_char(&got, (char)(hex(at[1]) << 4 | hex(at[2])));
			at += 3;
		} else if (str_starts(at, "\r\n")) {
			str_add_char(&got, '\n');
			at += 2;
		} else {
			str_add_char(&got, *at++);
		}
	}
	str_init(&want, arena);
	while (*text) {
		size_t len = strcspn(text, "\n");

		str_add_bytes(&want, text, len - (len > 0 && text[len - 1] == '\r'));
		str_add_char(&want, '\n');
		text += len + (text[len] == '\n');
	}
	assert(str_equal(got.data, want.data));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct message message = { .id = "1d", .to = "buyer@example.test", .html = "<p>x</p>" };
	const char *sender, *body;
	struct str out;

	fuzz_begin();
	sender = fuzz_text(&in);
	message.subject = fuzz_text(&in);
	message.text = fuzz_text(&in);
	message.unix_s = (int64_t)size * 77777;
	if (message_address_is_valid(sender))
		message.to = sender;
	if (!message_sender_read(arena, sender, &message.from))
		message.from = (struct message_sender){ sender, "holdfast@example.test" };
	assert(message_address_is_valid(message.from.address));
	str_init(&out, arena);
	message_write(&out, &message);
	check_lines(out.data);
	body = strstr(check_head(out.data) + 2, "\r\n\r\n");
	assert(body);
	check_text(body + 4, message.text);
	return 0;
}
