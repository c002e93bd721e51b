import { hash, sign } from 'node:crypto'
import type { Addresses } from '../../src/sso/connection.ts'
import { providerCertificate } from './certificates.ts'

/**
 * A response whose signed texts are canonical by the standard as a person reads it (Exclusive XML Canonicalization 1.0), and
 * not by any library: what is sent differs from them in quotes, the order of attributes, spaces in tags, empty elements,
 * references, comments, and namespaces that are declared above or where they are not used.
 */
export const issuedAt = new Date('2026-01-15T09:00:00Z')
export const responseByHand = ({ acsUrl, entityId }: Addresses): string => {
  const assertion = canonicalAssertion(acsUrl, entityId)
  const digest = hash('sha256', assertion, 'base64')
  const signature = sign('sha256', Buffer.from(canonicalSignedInfo(digest)), providerCertificate.key)
  return sentResponse(acsUrl, entityId, digest, signature.toString('base64'))
}

const sentResponse = (acsUrl: string, entityId: string, digest: string, signature: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_response" Version="2.0" IssueInstant="2026-01-15T09:00:00Z" Destination="${acsUrl}" InResponseTo="_request">
  <Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">https://idp.example/saml</Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <Assertion Version='2.0'  IssueInstant='2026-01-15T09:00:00Z'
    ID = '_by-hand' xmlns='urn:oasis:names:tc:SAML:2.0:assertion'>
    <Issuer  >https://idp.example/saml</Issuer>
    <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
      <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
      <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" />
      <ds:Reference URI="#_by-hand"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces PrefixList="xs" xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>
    </ds:SignedInfo><ds:SignatureValue>${signature}</ds:SignatureValue></ds:Signature>
    <!-- no part of it -->
    <Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ada&#45;1</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData Recipient="${acsUrl}" NotOnOrAfter="2026-01-15T09:05:00Z" InResponseTo="_request"/></SubjectConfirmation></Subject>
    <Conditions NotOnOrAfter="2026-01-15T09:05:00Z" NotBefore="2026-01-15T08:59:00Z"><AudienceRestriction><Audience>${entityId}</Audience></AudienceRestriction></Conditions>
    <AuthnStatement AuthnInstant="2026-01-15T09:00:00Z"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement>
    <AttributeStatement><Attribute Name="email"><AttributeValue xsi:type="xs:string">ada@acme.example</AttributeValue></Attribute><Attribute Name="name"><AttributeValue>Ada &quot;&#x141;&quot; &amp; Co</AttributeValue></Attribute><Attribute Name="groups"><AttributeValue>staff</AttributeValue></Attribute></AttributeStatement>
  </Assertion>
</samlp:Response>`

const canonicalAssertion = (acsUrl: string, entityId: string) =>
  `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="_by-hand" IssueInstant="2026-01-15T09:00:00Z" Version="2.0">
    <Issuer>https://idp.example/saml</Issuer>
    
    
    <Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ada-1</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData InResponseTo="_request" NotOnOrAfter="2026-01-15T09:05:00Z" Recipient="${acsUrl}"></SubjectConfirmationData></SubjectConfirmation></Subject>
    <Conditions NotBefore="2026-01-15T08:59:00Z" NotOnOrAfter="2026-01-15T09:05:00Z"><AudienceRestriction><Audience>${entityId}</Audience></AudienceRestriction></Conditions>
    <AuthnStatement AuthnInstant="2026-01-15T09:00:00Z"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement>
    <AttributeStatement><Attribute Name="email"><AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">ada@acme.example</AttributeValue></Attribute><Attribute Name="name"><AttributeValue>Ada "Ł" &amp; Co</AttributeValue></Attribute><Attribute Name="groups"><AttributeValue>staff</AttributeValue></Attribute></AttributeStatement>
  </Assertion>`

const canonicalSignedInfo = (digest: string) =>
  `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
      <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod>
      <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>
      <ds:Reference URI="#_by-hand"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"></ec:InclusiveNamespaces></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>
    </ds:SignedInfo>`
