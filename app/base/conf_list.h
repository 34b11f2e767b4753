/*
 * Settings that are lists: how they are read, and what they may hold. NULL: good; else what is
 * wrong, as the end of a sentence.
 */
#ifndef HOLDFAST_CONF_LIST_H
#define HOLDFAST_CONF_LIST_H

#include "base/base.h"

#define CONF_ORIGINS_MAX 64

/* Addresses, or address/bits, with commas. */
const char *conf_check_networks(const char *list);

/* Origins as browsers write them, or with a slash behind, with commas or as a JSON list; or *. */
const char *conf_check_origins(const char *list);

/* The next origin of a good list; its length, 0 where there is none. *at goes behind it. */
size_t conf_next_origin(const char **at, const char **origin);

#endif
