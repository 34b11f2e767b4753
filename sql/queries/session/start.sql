-- session/start: the first refresh token after a login, and the role that the account has now.
-- in: user_id uuid, seen_hash text, new_hash text?, prefix_sha256 text, token_sha256 text, seconds int
-- out: role text
-- by: accounts
-- commits: durably
select holdfast.session_start($1, $2, $3, decode($4, 'hex'), decode($5, 'hex'), $6)
