/** The stand-in's own pages: plain, no script, nothing from elsewhere. */
export const page = (title: string, ...parts: readonly string[]): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(title)} · Stripe stand-in</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 10vh auto; padding: 0 1rem; color: #222; background: #fafafa }
      label { display: block; margin: 1rem 0 } input { font: inherit; width: 100%; padding: .5rem; box-sizing: border-box }
      button { font: inherit; padding: .6rem 1rem } [role=alert] { color: #a00 }
    </style>
  </head>
  <body>
    <main>
      <h1>${escapeHtml(title)}</h1>
      ${parts.join('\n      ')}
      <p><small>No money moves here: this stands in for Stripe.</small></p>
    </main>
  </body>
</html>
`

export const paragraph = (text: string, role?: 'alert'): string =>
  `<p${role ? ` role="${role}"` : ''}>${escapeHtml(text)}</p>`

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
