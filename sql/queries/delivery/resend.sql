-- delivery/resend: one delivery, or (null) all that are dead, once more under the same ids.
-- in: delivery uuid?
-- out: count bigint
-- by: notices
select holdfast.delivery_resend($1)
