SELECT 'holdfast.confirm_seats(integer,uuid,text,text,boolean,text[])'::regprocedure;
