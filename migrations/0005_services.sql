-- What a service key brings beside its secret (region, resource, deployment names); no secret is ever in here.
ALTER TABLE service_keys ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

-- Beside the six classes of text tokens: images, seconds, characters, searches, … as whole numbers by unit.
ALTER TABLE operations ADD COLUMN units jsonb;
-- The ordered candidates of the route and what was passed over, with the reasons.
ALTER TABLE operations ADD COLUMN decision jsonb;
