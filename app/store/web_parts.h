/*
 * What the parts of store/web share.
 */
#ifndef HOLDFAST_WEB_PARTS_H
#define HOLDFAST_WEB_PARTS_H

#include "base/base.h"

struct sockaddr;

/* Of an address that a name was resolved to. */
bool web_is_public(const struct sockaddr *address);

/* By name or by address, of an address's host. */
bool web_is_loopback(const char *host);

#endif
