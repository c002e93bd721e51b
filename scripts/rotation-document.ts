import type { CrashClass, RotationDriver } from '../src/rotation/driver.ts'
import { rotationDrivers } from '../src/rotation/drivers/registry.ts'
import { services } from '../src/services/registry.ts'

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string

const lostReply: Readonly<Record<CrashClass, string>> = {
  recoverable: 'read again, secret included',
  orphan_detectable: 'found by its name, deleted, another one made',
  blind: 'a person is asked',
  assisted: 'a person makes it',
}

/** What no field of the form says. */
interface Told {
  readonly way: string
  /** Which permissions, made where. */
  readonly needs: string
  /** What is left to people. */
  readonly people: string
  readonly source: string
}

const told: Readonly<Record<string, Told>> = {
  openai: {
    way: 'A service account for each version, named like the attempt; its one key. The old key is deleted, then its account, if a rotation made that.',
    needs:
      'An admin key of an organisation owner (Settings → Organization → Admin keys). Admin keys cannot be limited to one project, so keep a project for Aideon Keys and set its monthly spend limit: what leaks there costs no more. Service accounts cannot be added to the Default project.',
    people:
      'A key that a person made is told by its shortened form; when two look alike, nobody is guessed at and a person deletes the old one. Where a policy of the organisation demands that keys expire, enter the days.',
    source:
      'Checked against OpenAI’s client 7.57.0. Its documentation of August 2026 said that a service account’s key cannot be deleted by itself, that of November that it can: the deletion is tried, and where it is refused the account goes, with the key.',
  },
  anthropic: {
    way: 'Assisted: keys are made in the console only. A person pastes the new key; the old one is made inactive, later archived, over the administration API.',
    needs:
      'An admin key (Settings → Admin keys), by an organisation admin. Without one a person switches the old key off as well.',
    people:
      'Making the new key, in the workspace of the old one, so that it may do the same. Archiving cannot be taken back; being inactive can.',
    source: 'Checked against Anthropic’s client 1.12.0, which has no call that makes or deletes a key.',
  },
  google: {
    way: 'An API key of the project whose id is the attempt’s name, with the restrictions of the old key; limited to Gemini where the old one is not known.',
    needs:
      'A service account of the project with the role API Keys Admin (`roles/serviceusage.apiKeysAdmin`), its JSON key, and the API Keys API (`apikeys.googleapis.com`) enabled. Its access tokens are made for each rotation and last an hour.',
    people:
      'A deleted key can be brought back for 30 days in the console. Keys that AI Studio makes now (`AQ.…`) are bound to service accounts; whether the API Keys API makes one that Gemini takes depends on the project: the new key is proven before it is used, and a refused one is deleted.',
    source:
      'Checked against the reference of the API Keys API v2; Gemini’s own validation call proves less than a generation does.',
  },
  azure: {
    way: 'Key 1 and Key 2 by turns. The one that is not in use is made anew and taken into use; when nobody uses the old one any more it is made anew, too, which is how it ends.',
    needs:
      'An app registration in Entra with a client secret, and a role on the account with `Microsoft.CognitiveServices/accounts/listKeys/action` and `Microsoft.CognitiveServices/accounts/regenerateKey/action`; Cognitive Services Contributor has both.',
    people:
      'Both keys belong to the rotation: whatever else uses Key 1 or Key 2 loses access without a word. Which one is in use is told by its content before every change; when it is neither, nothing is changed.',
    source:
      'Checked against the ARM reference (api-version 2024-10-01). China and US government clouds have other addresses and are not served.',
  },
  aws: {
    way: 'An access key of an IAM user, or a Bedrock API key of one, whichever the key is. Keys have no names: what was not there before the intent, and nobody has used, is the attempt’s.',
    needs: `An access key of another IAM user, whose policy allows, on that one user: \`iam:ListAccessKeys\`, \`iam:CreateAccessKey\`, \`iam:UpdateAccessKey\`, \`iam:DeleteAccessKey\`, and \`iam:GetAccessKeyLastUsed\`; for Bedrock API keys \`iam:ListServiceSpecificCredentials\`, \`iam:CreateServiceSpecificCredential\`, \`iam:UpdateServiceSpecificCredential\`, \`iam:DeleteServiceSpecificCredential\`. The user whose keys are rotated is for Aideon Keys alone: nobody else makes keys for it.`,
    people:
      'A user has two keys at most, so there must be room for one: with two, nothing is touched, and whoever administers AWS deletes the one not in use. Two new keys at once, or one that somebody has used, are nobody’s to delete. AWS recommends short-term credentials for Bedrock; long-term keys are what can be rotated here.',
    source:
      'Checked against botocore’s model of IAM of August 2026; signatures against @smithy/signature-v4.',
  },
  openrouter: {
    way: 'A key named like the attempt, with limit, reset and workspace of the old one.',
    needs:
      'A management key (Settings → Management keys). It manages all keys of the account and cannot call models.',
    people: 'What the old key has spent does not go over: a limit without a reset begins anew.',
    source: 'Checked against OpenRouter’s client of August 2026.',
  },
  xai: {
    way: 'A key of the team named like the attempt, with access lists and limits of the old one. It is not taken into use before xAI says that it has spread.',
    needs:
      'A management key (console.x.ai → Settings → Management keys) with read and write of keys, and the team’s id.',
    people: 'Nothing, as long as its last four characters tell the old key from the team’s others.',
    source:
      'Checked against xAI’s guide and the list of its endpoints. What a report on spreading looks like is not published: any “no” in it counts as not yet.',
  },
  elevenlabs: {
    way: 'A key of a service account named like the attempt, with permissions, character limit and addresses of the old one.',
    needs:
      'A key of a workspace administrator, and the user id of the service account. Service accounts come with workspaces of several seats.',
    people: 'Keys of people cannot be made over the API: move to a service account once.',
    source: 'Checked against ElevenLabs’ client of July 2026.',
  },
  deepgram: {
    way: 'A key of the project whose comment is the attempt’s name, with scopes and tags of the old one; `usage:write` where that is not known.',
    needs:
      'A key of the project with the role Admin or Owner (`keys:read`, `keys:write`), and the project’s id.',
    people:
      'Deepgram’s list says nothing by which a secret could be told, so a key that a person pasted is deleted by that person after its first rotation. From then on it goes by itself.',
    source: 'Checked against Deepgram’s reference and its client of August 2026.',
  },
  fireworks: {
    way: 'A key of a user, or of a service account, whose display name is the attempt’s.',
    needs:
      'A key of an account administrator other than the one to rotate, the account’s id, and the user’s.',
    people:
      'The list shows only how keys begin; when that is not enough, a person deletes the first old one.',
    source: 'Checked against Fireworks’ API reference (4.259).',
  },
  perplexity: {
    way: 'The key in use makes its successor and revokes, later, itself.',
    needs:
      'Nothing beside the key. That also means that a stolen key can make more keys: after a breach look into the console.',
    people:
      'Keys cannot be listed over the API. When the reply to the making of one is lost, a person looks in the console, deletes it there if it exists, and says how to go on; it has the attempt’s name.',
    source: 'Checked against Perplexity’s published OpenAPI document.',
  },
  webhook: {
    way: 'Whatever your own system does: a small signed protocol, [rotation-webhook.md](rotation-webhook.md). For servers of your own behind any service, mostly “custom”.',
    needs:
      'An address of yours and a signing secret that both sides know. Addresses inside your network must be on the list of outbound allowances.',
    people: 'As your side decides.',
    source: '',
  },
}

const servicesOf = ({ id, serviceIds }: RotationDriver): string =>
  serviceIds === '*'
    ? 'any'
    : services
        .filter((service) => serviceIds.includes(service.id))
        .map(({ name }) => name)
        .join(', ') || id

const verbsOf = (driver: RotationDriver): string =>
  [
    driver.create && 'makes',
    driver.find && 'finds',
    driver.ready && 'waits until it has spread',
    driver.disable && 'switches off',
    driver.revoke && 'deletes',
  ]
    .filter((verb) => typeof verb === 'string')
    .join(', ')

const section = (driver: RotationDriver, table: Table): string => {
  const { way, needs, people, source } = told[driver.id] as Told
  const fields =
    driver.credential.length === 0
      ? ''
      : `\n\n${table(
          ['field', 'what it is', 'kept'],
          driver.credential.map(({ label, hint, required, secret }) => [
            required ? label : `${label} (optional)`,
            hint,
            secret ? 'sealed, never shown again' : 'shown and audited',
          ]),
        )}`
  const docs = driver.docsUrl === '' ? '' : ` [Documentation](${driver.docsUrl}).`
  return `### ${driver.name}

${way}${docs}

**Needs.** ${needs}

**Left to people.** ${people}${source === '' ? '' : `\n\n${source}`}${fields}`
}

export const rotationDocument = (table: Table): string => {
  const byHand = services.filter(({ rotation }) => rotation === null)
  return `# Rotation, service by service

How a rotation goes is in [rotation.md](rotation.md); here is what each service lets us do, and what it needs for that.
A driver's credential is entered for all keys of a service, or for one, under *Rotation* of the administrators' dashboard. It is
sealed like every service key, sent to its service only (also where the service's address for operations was replaced), and never
in a log, a message or an address. With no credential, the way is by hand, assisted: whoever owns the key is asked for a new one, it is
proven, taken into use, and when nobody uses the old one any more they are told to delete it.

Everything that a rotation makes is named \`aideon-<id of the rotation>-<try>\` before it is asked for, so that it is never nobody's: where a
reply is lost, the key is looked for by that name.

None of these APIs has been called for real from here: drivers are proven against strict stand-ins (\`simulator/rotation/\`) that were
written from the services' own documents. Run a drill first, which only reads, and the first rotation while you can look.

${table(
  [
    'service',
    'driver',
    'over the API',
    'after a lost reply',
    'most keys',
    'a new key may take',
    'lists may lag',
  ],
  rotationDrivers.map((driver) => [
    servicesOf(driver),
    `\`${driver.id}\``,
    verbsOf(driver),
    lostReply[driver.crashClass],
    driver.maximumKeys === null ? '' : String(driver.maximumKeys),
    `${driver.propagationSeconds} s`,
    driver.find ? `${driver.settleSeconds} s` : '',
  ]),
)}

By hand, assisted: ${byHand.map(({ name }) => name).join(', ')}; every user's own keys; and any key without a credential.

${rotationDrivers.map((driver) => section(driver, table)).join('\n\n')}
`
}
