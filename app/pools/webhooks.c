/*
 * The pool that hears the payment provider's notices. It calls nobody: while the provider hangs,
 * and with it the pool of payments, what it tells is taken all the same.
 */
#include "domain/payment.h"

#include "base/log.h"
#include "pools/serve.h"

#define POOL_ROUTES webhooks
#include "pools/routes.h"

static enum problem
webhooks_stripe(struct request *r)
{
	const char *outcome;
	struct str out;
	enum problem err;

	err = payment_hear(serve_context(), request_header(r, "HTTP_STRIPE_SIGNATURE"),
		r->body_text, r->body_len, &outcome);
	if (err)
		return err;
	str_init(&out, r->arena);
	str_add(&out, "{\"outcome\":");
	str_add_json(&out, outcome);
	str_add_char(&out, '}');
	respond_json(r, 200, out.data);
	return PROBLEM_NONE;
}

static void
webhooks_start(struct context *house)
{
	if (payment_provider(house->conf) && !*house->conf->stripe_webhook_secret)
		log_line(LOG_WARN, "webhooks=off reason=no_stripe_webhook_secret");
	filter_begin(house);
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "webhooks",
			.summary = "hear of payments from the payment provider" },
		.routes = pool_routes,
		.derives_ids = true,
		.start = webhooks_start,
		.idle = filter_idle,
	};

	return serve(&pool, argc, argv);
}
