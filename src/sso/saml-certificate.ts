import { X509Certificate } from 'node:crypto'
import { type Outcome, success } from '../kit/fault.ts'
import { refused } from './person.ts'

/** PEM or its base64, with whatever line breaks somebody pasted. */
export const pemOf = (text: string): string => {
  const base64 = text.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, '')
  return `-----BEGIN CERTIFICATE-----\n${(base64.match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
}

const leastBits = 2048

/** As it is stored; its dates are not judged: providers sign with expired ones for years, trust is in having been told. */
export const readCertificate = (text: string): Outcome<string> => {
  const pem = pemOf(text)
  try {
    const { publicKey } = new X509Certificate(pem)
    if (publicKey.asymmetricKeyType !== 'rsa')
      return refused('The certificate does not hold an RSA key, the only kind that is taken.')
    if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < leastBits)
      return refused(`The key of the certificate has less than ${leastBits} bits.`)
    return success(pem)
  } catch {
    return refused(
      'This is no certificate.',
      'Paste the whole certificate as the identity provider shows it.',
    )
  }
}

/** When the last of them expires. */
export const lastDayOf = (certificates: readonly string[]): Date =>
  new Date(Math.max(...certificates.map((pem) => new X509Certificate(pem).validToDate.getTime())))
