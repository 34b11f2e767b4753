/*
 * The pool of payments, apart from all others: its workers wait for the payment provider.
 */
#include "domain/payment.h"

#include "pools/caller.h"
#include "pools/serve.h"

#define POOL_ROUTES payment
#include "pools/routes.h"

static void
write_offer(struct str *out, const struct payment_offer *offer)
{
	str_add(out, "{\"payment_id\":");
	str_add_json(out, offer->payment_id);
	str_add(out, ",\"provider\":");
	str_add_json(out, offer->provider);
	str_add(out, ",\"client_secret\":");
	str_add_json(out, offer->client_secret);
	str_add(out, ",\"status\":");
	str_add_json(out, offer->status);
	str_add(out, ",\"amount\":");
	str_add_int(out, offer->amount);
	str_add(out, ",\"currency\":");
	str_add_json(out, offer->currency);
	str_add(out, ",\"booking_id\":");
	str_add_json(out, offer->booking.booking_id);
	str_add(out, ",\"expires_at\":");
	str_add_json(out, offer->booking.expires_at);
	str_add_char(out, '}');
}

static enum problem
payment_checkout_call(struct request *r)
{
	static const struct json_field fields[] = { { .name = NULL } };
	struct booking_name name = { .booking_id = r->params[0], .user_id = r->who.user_id };
	struct context_key key = key_of(r);
	struct payment_offer offer;
	struct str out;
	enum problem err;

	err = json_read(r->body, fields, NULL, &r->why, r->arena, "");
	if (!err)
		err = payment_checkout(serve_context(), &name, &key, &offer);
	if (err)
		return err;
	str_init(&out, r->arena);
	write_offer(&out, &offer);
	respond_json(r, 200, out.data);
	return PROBLEM_NONE;
}

static void
payment_start(struct context *house)
{
	payment_provider(house->conf);
	filter_begin(house);
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "payment", .summary = "open payments at the provider" },
		.routes = pool_routes,
		.derives_ids = true,
		.start = payment_start,
		.idle = filter_idle,
	};

	return serve(&pool, argc, argv);
}
