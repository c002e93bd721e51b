-- Our key pair at a SAML provider: requests are signed and assertions decrypted with it. The private half is the sealed secret
-- of the connection; null: there is none.
ALTER TABLE sso_connections ADD COLUMN own_certificate text;
UPDATE sso_connections SET settings = '{"signsRequests": false, "encryption": "off", "signOutUrl": null}' || settings
WHERE kind = 'saml';
UPDATE sso_connections SET settings = '{"signsOutThere": false}' || settings WHERE kind = 'oidc';
