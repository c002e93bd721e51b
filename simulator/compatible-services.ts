import { hosts } from './compatible-hosts.ts'
import { makers } from './compatible-makers.ts'
import type { CompatibleService } from './compatible-service.ts'

/** Services that speak OpenAI's chat completions in their own way. */
export const compatibleServices: readonly CompatibleService[] = [...makers, ...hosts]
