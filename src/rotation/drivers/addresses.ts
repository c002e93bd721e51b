/**
 * Where each key-management API is, and the service that it belongs to. Drivers ask for these and nothing else, so that a
 * stand-in (the simulator, tests) can be put in the place of each. They are no settings, on purpose: what manages all keys
 * of an account goes to its service alone, also where a service's own address was replaced (a caching proxy, a private
 * endpoint).
 */
export const standardAddresses: Readonly<Record<string, string>> = {
  'https://api.openai.com': 'openai',
  'https://api.anthropic.com': 'anthropic',
  'https://apikeys.googleapis.com': 'gemini',
  'https://oauth2.googleapis.com': 'gemini',
  'https://management.azure.com': 'azure_openai',
  'https://login.microsoftonline.com': 'azure_openai',
  'https://iam.amazonaws.com': 'bedrock',
  'https://iam.cn-north-1.amazonaws.com.cn': 'bedrock',
  'https://openrouter.ai/api': 'openrouter',
  'https://management-api.x.ai': 'xai',
  'https://api.elevenlabs.io': 'elevenlabs',
  'https://api.deepgram.com': 'deepgram',
  'https://api.fireworks.ai': 'fireworks',
  'https://api.perplexity.ai': 'perplexity',
}

/** `addressOf` for drivers, with the simulator in the place of every service. */
export const addressesAt =
  (simulatorUrl: string) =>
  (standard: string): string => {
    const service = standardAddresses[standard]
    if (service === undefined) throw new Error(`no key-management API is at ${standard}`)
    return `${simulatorUrl}/${service}`
  }
