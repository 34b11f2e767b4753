# The API's document says what the code does.
# shellcheck shell=bash disable=SC2154

openapi_routes() {
	local pool
	for pool in app/pools/*.c; do
		pool=$bin/holdfast-$(basename "$pool" .c)
		[ ! -x "$pool" ] || "$pool" --config conf/holdfast.conf --routes
	done | node tests/style/openapi.js routes
}

check "the API's document passes a linter" node tests/style/openapi.js lint
check "the API's document has the routes of the pools, with what they ask for" openapi_routes
check "the API's document has the problems" node tests/style/openapi.js problems
check "the API's document has the lists of the code" node tests/style/openapi.js lists
