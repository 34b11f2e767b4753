/*
 * Mail as it goes over the wire (RFC 5322, MIME): a text and the same as HTML.
 *
 * Whatever values come in, no header field is made of them but the one that they are for: they are
 * encoded, and addresses are checked.
 */
#ifndef HOLDFAST_MESSAGE_H
#define HOLDFAST_MESSAGE_H

#include "base/str.h"

struct message_sender {
	const char *name; /* UTF-8; "": none */
	const char *address;
};

struct message {
	struct message_sender from;
	const char *to; /* an address */
	const char *subject, *text, *html;
	const char *id; /* of Message-ID, before the @: hexadecimal digits and dashes */
	int64_t unix_s;
};

/* An address that mail is sent to: local@domain, ASCII, no comments, no quotes, no addresses in
 * brackets. Anything that could end a command or a header field is none. */
bool message_address_is_valid(const char *text);

/* `address` or `Name <address>`. */
bool message_sender_read(struct arena *arena, const char *text, struct message_sender *out);

/* Its addresses have been checked. */
void message_write(struct str *out, const struct message *message);

#endif
