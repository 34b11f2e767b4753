-- session/refresh: exchanges a refresh token for the next; outcome refreshed or refused.
-- in: prefix_sha256 text, token_sha256 text, next_sha256 text, seconds int
-- out: outcome text, user_id uuid, role text
-- by: accounts
-- commits: durably
select outcome, user_id, role
  from holdfast.session_refresh(decode($1, 'hex'), decode($2, 'hex'), decode($3, 'hex'), $4)
