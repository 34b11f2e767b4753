-- janitor/due: how much there is to do.
-- in:
-- out: claims bigint, answers bigint, sessions bigint
-- by: janitor
select claims, answers, sessions from holdfast.janitor_due()
