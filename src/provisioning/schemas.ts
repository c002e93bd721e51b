import { enterpriseSchema, groupSchema, userSchema } from './problem.ts'

/** What a SCIM client may ask about us (RFC 7643 §§ 5–7, RFC 7644 § 4). */

const attribute = (name: string, more: object = {}) => ({
  name,
  type: 'string',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...more,
})
const several = (name: string, parts: readonly string[], more: object = {}) =>
  attribute(name, {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      ...parts.map((part) => attribute(part)),
      ...(more && 'mutability' in more ? [] : [attribute('primary', { type: 'boolean' })]),
    ],
    ...more,
  })

const schemas = [
  {
    id: userSchema,
    name: 'User',
    description: 'A member of the organisation',
    attributes: [
      attribute('userName', { required: true, uniqueness: 'server' }),
      attribute('externalId', { caseExact: true }),
      attribute('name', {
        type: 'complex',
        subAttributes: ['formatted', 'familyName', 'givenName'].map((part) => attribute(part)),
      }),
      attribute('displayName'),
      attribute('title'),
      attribute('active', { type: 'boolean' }),
      several('emails', ['value', 'type']),
      several('phoneNumbers', ['value', 'type']),
      several('groups', ['value', 'display', '$ref'], { mutability: 'readOnly' }),
    ],
  },
  {
    id: groupSchema,
    name: 'Group',
    description: 'A group of the identity provider; what it means here is set here',
    attributes: [
      attribute('displayName', { required: true, uniqueness: 'server' }),
      attribute('externalId', { caseExact: true }),
      several('members', ['value', 'display', '$ref'], { mutability: 'readWrite' }),
    ],
  },
  {
    id: enterpriseSchema,
    name: 'EnterpriseUser',
    description: 'Kept as it is sent',
    attributes: ['employeeNumber', 'costCenter', 'organization', 'division', 'department'].map((part) =>
      attribute(part),
    ),
  },
]

const resourceTypes = [
  {
    id: 'User',
    name: 'User',
    endpoint: '/Users',
    schema: userSchema,
    schemaExtensions: [{ schema: enterpriseSchema, required: false }],
  },
  { id: 'Group', name: 'Group', endpoint: '/Groups', schema: groupSchema },
]

const configuration = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: 200 },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'A token made in the dashboard under Provisioning',
      primary: true,
    },
  ],
}

/** Null: nothing of that name. */
export const discovery = (base: string, kind: string, id: string | null): object | null => {
  const located = (resource: { id: string }, folder: string, type: string) => ({
    schemas: [`urn:ietf:params:scim:schemas:core:2.0:${type}`],
    ...resource,
    meta: { resourceType: type, location: `${base}/${folder}/${resource.id}` },
  })
  if (kind === 'ServiceProviderConfig')
    return { ...configuration, meta: { resourceType: 'ServiceProviderConfig', location: `${base}/${kind}` } }
  const all =
    kind === 'Schemas'
      ? schemas.map((one) => located(one, 'Schemas', 'Schema'))
      : resourceTypes.map((one) => located(one, 'ResourceTypes', 'ResourceType'))
  if (id !== null) return all.find((one) => one.id.toLowerCase() === id.toLowerCase()) ?? null
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: all.length,
    startIndex: 1,
    itemsPerPage: all.length,
    Resources: all,
  }
}
