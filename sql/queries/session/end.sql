-- session/end: ends the session that a refresh token belongs to.
-- in: token_sha256 text
-- by: accounts
select holdfast.session_end(decode($1, 'hex'))
