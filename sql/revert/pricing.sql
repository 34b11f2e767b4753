BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION job_begin, job_end FROM holdfast_pricing;
DROP FUNCTION price_list, pricing_apply, pricing_next;
COMMIT;
