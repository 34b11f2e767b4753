/*
 * What several pools read of a request before they ask the domain: who calls, about which event,
 * under which key.
 */
#ifndef HOLDFAST_CALLER_H
#define HOLDFAST_CALLER_H

#include "domain/event.h"
#include "http/request.h"

struct event_caller caller_of(const struct request *r);
struct context_key key_of(const struct request *r);

/* The event of the path. NOT_FOUND: there can be none of that name. */
enum problem event_of(const struct request *r, int32_t *event_id);

#endif
