/*
 * What the two gates have in common: known to gate*.c alone.
 */
#ifndef HOLDFAST_GATE_PARTS_H
#define HOLDFAST_GATE_PARTS_H

#include "http/gate.h"

struct gate_kind {
	void (*close)(struct gate *gate);
	bool (*accept)(struct gate *gate, int (*idle)(void *ctx), void *ctx);
	const char *(*param)(const struct gate *gate, const char *name);
	bool (*param_repeats)(const struct gate *gate, const char *name); /* NULL: none does */
	int (*read)(struct gate *gate, char *out, int room);
	void (*write)(struct gate *gate, const char *bytes, size_t len);
	void (*finish)(struct gate *gate);
};

/* The first member of each gate. */
struct gate {
	const struct gate_kind *kind;
};

/* NULL: descriptor 0 is no listening socket of a FastCGI server. */
struct gate *gate_fcgi_open(void);
struct gate *gate_cgi_open(void);

extern const struct gate_kind gate_cgi_kind;

#endif
