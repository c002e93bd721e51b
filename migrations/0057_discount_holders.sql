-- Credits that an administrator gives may end.
ALTER TABLE adjustments
  ADD COLUMN expires_at timestamptz CHECK (expires_at IS NULL OR kind = 'grant');

-- One key earns the own-key discount of one subscriber, wherever else it is stored: this fingerprint of a secret is the same
-- in all organizations. Null: not computed yet.
ALTER TABLE service_keys ADD COLUMN installation_fingerprint bytea;
-- Which secret was there, and at which address of its own (null: the service's).
ALTER TABLE own_key_presences ADD COLUMN secret_id bytea, ADD COLUMN base_url text;
CREATE INDEX own_key_presences_secret ON own_key_presences (secret_id, from_at);
UPDATE own_key_presences p SET base_url = k.base_url FROM service_keys k
  WHERE k.organization_id = p.organization_id AND k.id = p.service_key_id;

CREATE OR REPLACE FUNCTION note_own_key_presence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  -- One instant, so that a secret that takes another's place leaves no gap.
  at timestamptz := clock_timestamp();
BEGIN
  IF NEW.status = 'active' AND NEW.verdict = 'valid' THEN
    UPDATE own_key_presences SET secret_id = NEW.installation_fingerprint
    WHERE organization_id = NEW.organization_id AND service_key_id = NEW.id AND until_at IS NULL
      AND secret_id IS NULL AND base_url IS NOT DISTINCT FROM NEW.base_url;
    UPDATE own_key_presences SET until_at = greatest(at, from_at)
    WHERE organization_id = NEW.organization_id AND service_key_id = NEW.id AND until_at IS NULL
      AND (secret_id, base_url) IS DISTINCT FROM (NEW.installation_fingerprint, NEW.base_url);
    INSERT INTO own_key_presences (organization_id, service_key_id, owner, user_id, from_at, secret_id, base_url)
    VALUES (NEW.organization_id, NEW.id, NEW.owner, NEW.user_id, at, NEW.installation_fingerprint, NEW.base_url)
    ON CONFLICT DO NOTHING;
  ELSE
    UPDATE own_key_presences SET until_at = greatest(at, from_at)
    WHERE organization_id = NEW.organization_id AND service_key_id = NEW.id AND until_at IS NULL;
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER service_keys_changed ON service_keys;
CREATE TRIGGER service_keys_changed AFTER UPDATE OF status, verdict, installation_fingerprint, base_url ON service_keys
  FOR EACH ROW WHEN (NEW.owner <> 'system' AND (OLD.status, OLD.verdict, OLD.installation_fingerprint, OLD.base_url)
    IS DISTINCT FROM (NEW.status, NEW.verdict, NEW.installation_fingerprint, NEW.base_url))
  EXECUTE FUNCTION note_own_key_presence();
