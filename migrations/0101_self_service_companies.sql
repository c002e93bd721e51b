-- Companies that somebody made by themselves: tiers without a price give their accounts nothing. docs/billing.md
ALTER TABLE organizations ADD COLUMN self_service boolean NOT NULL DEFAULT false;
