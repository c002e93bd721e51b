import type { SettingField } from './service.ts'

/** Which models a server of one's own has; read by routing, so that a call for another model does not go there. */
export const customModels: SettingField = {
  id: 'models',
  label: 'Models',
  hint: 'llama3.3, qwen3-coder; empty: whatever is asked for',
  required: false,
  pattern: /^[\w./:@-]{1,120}(?: ?, ?[\w./:@-]{1,120}){0,99}$/,
  expected: 'Models are names without spaces, separated by commas.',
}
