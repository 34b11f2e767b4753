/*
 * Mail as it goes over the wire.
 */
#include "domain/message.h"

#include "base/base64.h"

#define ADDRESS_BYTES_MAX 254
#define LOCAL_BYTES_MAX   64
#define LABEL_BYTES_MAX   63
#define LINE_BYTES_MAX    76 /* of encoded text, its soft break included */
#define WORD_BYTES_MAX    45 /* that give 60 letters of an encoded word */
#define PLAIN_BYTES_MAX   60

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Parts with dots between them, none of which is empty. */
static bool
are_parts(const char *text, size_t len, const char *signs, size_t part_max)
{
	size_t part = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.') {
			if (part == 0)
				return false;
			part = 0;
		} else if ((!strchr(letters, text[i]) && !strchr(signs, text[i])) ||
			   ++part > part_max) {
			return false;
		}
	}
	return part > 0;
}

bool
message_address_is_valid(const char *text)
{
	const char *at = strchr(text, '@');
	const char *domain = at ? at + 1 : NULL;

	return at && strlen(text) <= ADDRESS_BYTES_MAX && at - text <= LOCAL_BYTES_MAX &&
	       are_parts(text, (size_t)(at - text), "!#$%&'*+-/=?^_`{|}~", LOCAL_BYTES_MAX) &&
	       are_parts(domain, strlen(domain), "-", LABEL_BYTES_MAX) && *domain != '-' &&
	       domain[strlen(domain) - 1] != '-';
}

bool
message_sender_read(struct arena *arena, const char *text, struct message_sender *out)
{
	size_t len = strlen(text), name_len;
	const char *open = strrchr(text, '<');

	if (!open) {
		*out = (struct message_sender){ .name = "", .address = text };
		return message_address_is_valid(text);
	}
	for (name_len = (size_t)(open - text); name_len > 0 && text[name_len - 1] == ' ';)
		name_len--;
	if (text[len - 1] != '>' || !str_is_utf8(text, len))
		return false;
	*out = (struct message_sender){
		.name = arena_copy(arena, text, name_len),
		.address = arena_copy(arena, open + 1, len - (size_t)(open - text) - 2),
	};
	return message_address_is_valid(out->address);
}

/* Printable ASCII that is no encoded word and short enough for one line. */
static bool
is_plain(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f)
			return false;
	}
	return len <= PLAIN_BYTES_MAX && !strstr(text, "=?") && *text != ' ';
}

/* Encoded words (RFC 2047), on lines of their own from the second on. Each ends where a character
 * does, as far as the text is UTF-8. */
static void
add_words(struct str *out, const char *text)
{
	size_t left = strlen(text);
	const char *between = "";

	while (left > 0) {
		size_t len = left < WORD_BYTES_MAX ? left : WORD_BYTES_MAX;
		size_t least = len < left ? len - 3 : len;

		while (len > least && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		str_printf(out, "%s=?UTF-8?B?%s?=", between, base64_write(out->arena, text, len));
		between = "\r\n ";
		text += len;
		left -= len;
	}
}

/* quote: where words stand before an address, what is not encoded is quoted. */
static void
add_header_text(struct str *out, const char *text, bool quote)
{
	if (!is_plain(text) || (quote && strpbrk(text, "\"\\")))
		add_words(out, text);
	else if (quote)
		str_printf(out, "\"%s\"", text);
	else
		str_add(out, text);
}

/* A line in quoted-printable (RFC 2045, 6.7). A dot or "From" at its beginning is nobody's sign. */
static void
add_quoted_line(struct str *out, const char *text, size_t len)
{
	size_t column = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool last = i + 1 == len;
		bool plain = c >= ' ' && c < 0x7f && c != '=' && !(c == ' ' && last) &&
			     !(column == 0 && (c == '.' || c == 'F'));

		if (column + (plain ? 1 : 3) > LINE_BYTES_MAX - 1) {
			str_add(out, "=\r\n");
			column = 0;
			plain = plain && c != '.' && c != 'F';
		}
		if (plain)
			str_add_char(out, (char)c);
		else
			str_printf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
	str_add(out, "\r\n");
}

static void
add_part(struct str *out, const char *boundary, const char *type, const char *text)
{
	str_printf(out,
		"--%s\r\nContent-Type: %s; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		boundary, type);
	while (*text) {
		size_t len = strcspn(text, "\n"), end = len;

		if (end > 0 && text[end - 1] == '\r')
			end--;
		add_quoted_line(out, text, end);
		text += len + (text[len] == '\n');
	}
}

static void
add_date(struct str *out, int64_t unix_s)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t at = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&at, &tm);
	str_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
message_write(struct str *out, const struct message *message)
{
	const struct message_sender *from = &message->from;
	const char *boundary = arena_printf(out->arena, "=_%s", message->id);

	assert(message_address_is_valid(from->address) && message_address_is_valid(message->to));
	assert(strspn(message->id, "0123456789abcdef-") == strlen(message->id));
	str_add(out, "From: ");
	if (*from->name) {
		add_header_text(out, from->name, true);
		str_printf(out, " <%s>\r\n", from->address);
	} else {
		str_printf(out, "%s\r\n", from->address);
	}
	str_printf(out, "To: %s\r\nSubject: ", message->to);
	add_header_text(out, message->subject, false);
	str_add(out, "\r\n");
	add_date(out, message->unix_s);
	str_printf(out,
		"Message-ID: <%s%s>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
		"Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n",
		message->id, strchr(from->address, '@'), boundary);
	add_part(out, boundary, "text/plain", message->text);
	add_part(out, boundary, "text/html", message->html);
	str_printf(out, "--%s--\r\n", boundary);
}
