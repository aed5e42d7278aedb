-- The database roles of Causeway. Run once by the database's superuser; running it again changes
-- nothing. Passwords, if the connection needs them, are the operator's: ALTER ROLE ... PASSWORD.
--
--   psql -f deploy/roles.sql postgres
--   createdb --owner=causeway_owner --encoding=UTF8 --template=template0 causeway
--
-- causeway_owner  owns the tables; `causeway migrate` runs as it, nothing else does
-- causeway_hub    `causeway serve` and the operator's commands: no UPDATE or DELETE on audit
-- causeway_seal   `causeway audit seal`: numbers and signs the audit log
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['causeway_owner', 'causeway_hub', 'causeway_seal'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', role_name);
        END IF;
    END LOOP;
END
$roles$;
