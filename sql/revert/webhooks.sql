BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION webhook_delete, webhook_list, webhook_create, webhook_show, delivery_resend, delivery_list;
COMMIT;
