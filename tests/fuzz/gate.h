/*
 * Requests by the gate of the tests, several of them for one input.
 */
#ifndef HOLDFAST_FUZZ_GATE_H
#define HOLDFAST_FUZZ_GATE_H

#include "../unit/http/fake_gate.h"
#include "fuzz.h"

/* Another request on the same arena. */
static inline void
gate_again(void)
{
	struct gate gate = fake.gate;

	memset(&fake, 0, sizeof(fake));
	fake.gate = gate;
	str_init(&fake.sent, arena);
	r = (struct request){ .gate = &fake.gate, .arena = arena };
}

/* Percent-encoded, whether that is needed or not (RFC 3986, 2.1), but for some of the letters. */
static inline void
gate_encode(struct str *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("abcdefgh-._~", *text))
			str_add_char(out, *text);
		else
			str_printf(out, "%%%02x", (unsigned char)*text);
	}
}

#endif
