/*
 * The choice between the two gates.
 */
#include "http/gate_parts.h"

struct gate *
gate_open(void)
{
	struct gate *gate = gate_fcgi_open();

	return gate ? gate : gate_cgi_open();
}

bool
gate_is_cgi(const struct gate *gate)
{
	return gate->kind == &gate_cgi_kind;
}

void
gate_close(struct gate *gate)
{
	gate->kind->close(gate);
}

bool
gate_accept(struct gate *gate, int (*idle)(void *ctx), void *ctx)
{
	return gate->kind->accept(gate, idle, ctx);
}

const char *
gate_param(const struct gate *gate, const char *name)
{
	return gate->kind->param(gate, name);
}

bool
gate_param_repeats(const struct gate *gate, const char *name)
{
	return gate->kind->param_repeats && gate->kind->param_repeats(gate, name);
}

int
gate_read(struct gate *gate, char *out, int room)
{
	return gate->kind->read(gate, out, room);
}

void
gate_write(struct gate *gate, const char *bytes, size_t len)
{
	gate->kind->write(gate, bytes, len);
}

void
gate_finish(struct gate *gate)
{
	gate->kind->finish(gate);
}
