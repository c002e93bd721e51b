/**
 * Where prompts and replies are processed, as coarsely as services say it: what calls itself “EU” is the European Union for
 * some, with the EEA and Switzerland for others.
 */
export const dataRegions = {
  europe: 'Europe (EU, EEA, Switzerland)',
  gb: 'United Kingdom',
  us: 'United States',
  ca: 'Canada',
  br: 'Brazil',
  jp: 'Japan',
  kr: 'South Korea',
  in: 'India',
  sg: 'Singapore',
  au: 'Australia',
} as const
export type DataRegion = keyof typeof dataRegions
export const dataRegionIds = Object.keys(dataRegions) as [DataRegion, ...DataRegion[]]
