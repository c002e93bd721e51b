import {
  createTheme,
  type CSSVariablesResolver,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core'
import { IconSelector } from '@tabler/icons-react'
import { createElement } from 'react'

/** One accent (petrol); everything else is grey or carries meaning (ui/tokens.css). */
const petrol: MantineColorsTuple = [
  '#eefaf8',
  '#d9f1ed',
  '#b1e2db',
  '#81cfc5',
  '#5cc4b7',
  '#2b998e',
  '#1b776e',
  '#0f655e',
  '#0b524c',
  '#083f3b',
]

/** Warm greys; Mantine's own `gray` is blueish and its steps fail 4.5:1 as text. */
const stone: MantineColorsTuple = [
  '#f7f7f5',
  '#f0f0ec',
  '#e5e4df',
  '#cfcdc6',
  '#b3b1a9',
  '#8d8b82',
  '#6b6962',
  '#55534d',
  '#33322e',
  '#1b1a18',
]

/** Mantine draws its dark surfaces from these. */
const night: MantineColorsTuple = [
  '#eeede8',
  '#b4b2aa',
  '#98958d',
  '#73716a',
  '#3a3935',
  '#2e2d2a',
  '#21211f',
  '#191917',
  '#141413',
  '#111110',
]

/** Mantine's variants in our tokens, which hold the contrast; `red` means danger. */
const variantColors: VariantColorsResolver = (input) => {
  const danger = input.color === 'red'
  const text = danger ? 'var(--bad)' : 'var(--accent)'
  const soft = danger ? 'var(--bad-soft)' : 'var(--accent-soft)'
  const clear = '1px solid transparent'
  switch (input.variant) {
    case 'filled':
      return {
        background: danger ? 'var(--bad-fill)' : 'var(--accent-fill)',
        hover: danger ? 'var(--bad-fill-hover)' : 'var(--accent-fill-hover)',
        color: 'var(--on-accent)',
        border: clear,
      }
    case 'light':
      return { background: soft, hover: soft, color: text, border: clear }
    case 'subtle':
      return input.color === 'gray'
        ? { background: 'transparent', hover: 'var(--hover)', color: 'var(--ink-2)', border: clear }
        : { background: 'transparent', hover: soft, color: text, border: clear }
    case 'outline':
      return { background: 'transparent', hover: soft, color: text, border: `1px solid ${text}` }
    default:
      return defaultVariantColorsResolver(input)
  }
}

/** Mantine's own variables, pointed at ours. The same for both schemes: the tokens switch underneath. */
const surfaces = {
  '--mantine-color-body': 'var(--surface)',
  '--mantine-color-text': 'var(--ink)',
  '--mantine-color-bright': 'var(--ink)',
  '--mantine-color-dimmed': 'var(--ink-3)',
  '--mantine-color-placeholder': 'var(--ink-3)',
  '--mantine-color-anchor': 'var(--accent)',
  '--mantine-color-error': 'var(--bad)',
  '--mantine-color-default': 'var(--surface)',
  '--mantine-color-default-hover': 'var(--hover)',
  '--mantine-color-default-color': 'var(--ink)',
  '--mantine-color-default-border': 'var(--line-control)',
  '--mantine-color-disabled': 'var(--quiet-soft)',
  '--mantine-color-disabled-color': 'var(--ink-3)',
  '--mantine-color-disabled-border': 'var(--line)',
  '--mantine-primary-color-filled': 'var(--accent-fill)',
  '--mantine-primary-color-filled-hover': 'var(--accent-fill-hover)',
  '--mantine-primary-color-light': 'var(--accent-soft)',
  '--mantine-primary-color-light-hover': 'var(--accent-soft)',
  '--mantine-primary-color-light-color': 'var(--accent)',
  '--mantine-color-red-filled': 'var(--bad-fill)',
}

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: surfaces,
  dark: surfaces,
})

/** Mantine makes it a <header>: with a dialog above a drawer the page would have several banners. */
const headOfDialog = { header: { role: 'presentation' } }

export const theme = createTheme({
  primaryColor: 'petrol',
  colors: { petrol, gray: stone, dark: night },
  primaryShade: { light: 7, dark: 6 },
  variantColorResolver: variantColors,
  fontFamily: "'Inter Variable', ui-sans-serif, system-ui, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.4' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '20px', xl: '28px' },
  radius: { xs: '4px', sm: '6px', md: '7px', lg: '10px', xl: '14px' },
  defaultRadius: 'md',
  headings: { fontWeight: '620' },
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Textarea: { defaultProps: { size: 'sm' } },
    NativeSelect: {
      defaultProps: {
        size: 'sm',
        rightSection: createElement(IconSelector, { size: 14, 'aria-hidden': true }),
      },
    },
    Switch: { defaultProps: { withThumbIndicator: false } },
    Modal: {
      defaultProps: {
        radius: 'lg',
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { transition: 'fade', duration: 120 },
        attributes: headOfDialog,
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Drawer: {
      defaultProps: {
        position: 'right',
        overlayProps: { backgroundOpacity: 0.35 },
        transitionProps: { duration: 160 },
        attributes: headOfDialog,
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: false, multiline: true, maw: 320 } },
    Menu: {
      defaultProps: {
        width: 210,
        position: 'bottom-end',
        // Its placeholder is a focusable child without a role, which a menu must not have.
        withInitialFocusPlaceholder: false,
        // Inside the page's main landmark rather than at the end of the body, where nothing names it.
        portalProps: { target: '#content' },
      },
    },
  },
})
