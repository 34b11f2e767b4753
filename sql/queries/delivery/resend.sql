-- delivery/resend: one delivery, or (null) so many of those that are dead, once more under the same ids.
-- in: delivery uuid?, limit int
-- out: count bigint
-- by: notices
select holdfast.delivery_resend($1, $2)
