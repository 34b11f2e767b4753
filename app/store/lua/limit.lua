-- One token out of a bucket.
-- uses: bucket
-- KEYS[1]: the bucket. ARGV: tokens a minute, tokens at once.
-- Answers 0, or the microseconds until the next token is there.
return (bucket_take(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])))
