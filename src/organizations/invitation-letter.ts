import type { Role } from '../contract/permissions.ts'

/** The letter of an invitation. Names are what people entered: they never make a line of their own. */
export const invitationLetter = (invitation: {
  organization: string
  inviter: string
  role: Role
  link: string
  expiresAt: Date
}): { subject: string; text: string } => {
  const organization = oneLine(invitation.organization)
  const inviter = oneLine(invitation.inviter)
  return {
    subject: `${inviter} invites you to ${organization} on Aideon Keys`,
    text: [
      `${inviter} invites you to work in ${organization}, as ${article[invitation.role]}.`,
      '',
      'Open this link to take the invitation:',
      invitation.link,
      '',
      `It works until ${invitation.expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, once, and is for you alone.`,
      'If you did not expect it, nothing needs to be done.',
      '',
      '-- ',
      'Aideon Keys',
      '',
    ].join('\n'),
  }
}

const article: Readonly<Record<Role, string>> = {
  owner: 'an owner',
  administrator: 'an administrator',
  billing: 'a manager of its billing',
  auditor: 'an auditor',
  member: 'a member',
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
