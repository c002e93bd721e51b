-- Maximum age of keys, data regions and no training join what a policy may limit. What was written before limits none of them.
UPDATE organizations
SET allowed_uses = '{"maximumKeyAgeDays": null, "dataRegions": null, "noTraining": false}'::jsonb || allowed_uses
WHERE allowed_uses IS NOT NULL;

UPDATE control_policies
SET document = jsonb_set(document, '{allowed}',
  '{"maximumKeyAgeDays": null, "dataRegions": null, "noTraining": false}'::jsonb || (document->'allowed'))
WHERE jsonb_typeof(document->'allowed') = 'object';
