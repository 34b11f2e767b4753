-- session/end: ends the session of the refresh tokens that begin so.
-- in: prefix_sha256 text
-- by: accounts
-- commits: durably
select holdfast.session_end(decode($1, 'hex'))
