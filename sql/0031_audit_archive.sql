-- Months of the audit log leave the database for a file and come back from it. For the owner alone:
-- `causeway audit archive` and `restore` call these after the file was verified.

CREATE FUNCTION audit_drop_month(month timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public
SET timezone = 'UTC'
AS $function$
DECLARE
    parent text;
    child text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['audit_event', 'audit_search'] LOOP
        child := parent || to_char(month, '_YYYY_MM');
        IF to_regclass('public.' || child) IS NOT NULL THEN
            EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, child);
            EXECUTE format('DROP TABLE public.%I', child);
        END IF;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION audit_drop_month IS 'Takes one month out of audit_event and audit_search. For `causeway audit archive` only';
REVOKE ALL ON FUNCTION audit_drop_month FROM PUBLIC;

CREATE FUNCTION audit_restore_search(found_by jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, public
AS $function$
    INSERT INTO audit_search
    SELECT (jsonb_populate_record(NULL::audit_search, found_by)).*
    WHERE NOT EXISTS (
        SELECT FROM audit_erasure x
        WHERE x.pkey = (found_by ->> 'pkey')::bigint
            AND x.at = (found_by ->> 'at')::timestamptz
            AND x.id = (found_by ->> 'id')::uuid)
$function$;
COMMENT ON FUNCTION audit_restore_search IS
    'Puts one row of audit_search back, unless it was erased since. For `causeway audit restore` only';
REVOKE ALL ON FUNCTION audit_restore_search FROM PUBLIC;
