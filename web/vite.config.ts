import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const gateway = process.env.AIDEON_URL ?? 'http://127.0.0.1:8787'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Fonts and icons stay files: the content security policy has no data: for fonts.
    assetsInlineLimit: 0,
    // The polyfill would be an inline script.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Libraries change rarely, screens often: browsers keep the first over upgrades. A dashboard is one file each,
        // so that its pages open without further requests, and users never load the administrator's.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](?:react|react-dom|scheduler)[\\/]/, priority: 9 },
            { name: 'tanstack', test: /node_modules[\\/]@tanstack[\\/]/, priority: 8 },
            { name: 'mantine', test: /node_modules[\\/](?:@mantine|@floating-ui|clsx)[\\/]/, priority: 8 },
            { name: 'contract', test: /node_modules[\\/]zod[\\/]|src[\\/]contract[\\/]/, priority: 7 },
            { name: 'gallery', test: /web[\\/]ui[\\/]gallery/, priority: 5 },
            {
              name: 'user',
              test: /web[\\/](?:user|models|simulator|long-operations)[\\/]/,
              priority: 5,
            },
            // A key's page, rotation and hygiene: of both dashboards.
            {
              name: 'rotation',
              test: /web[\\/](?:rotation|hygiene)[\\/](?!centre|\w+-search)/,
              priority: 5,
            },
            // Of both dashboards.
            { name: 'usage', test: /web[\\/](?:usage|budgets|alerts)[\\/]/, priority: 5 },
            {
              name: 'admin',
              test: /web[\\/](?:admin(?:-billing)?|vault|rotation[\\/]centre)[\\/](?!sealed-banner)/,
              priority: 5,
            },
            {
              name: 'kit',
              test: /web[\\/](?:ui|data|shell|keys|limits|operations|tokens|policy)[\\/](?!gallery)|alert-bell|alert-row|use-alerts|supposition|(?:model|usage|budget|alert|rotation|hygiene)-search|usage[\\/]period\.ts|@tabler[\\/]/,
              priority: 6,
            },
          ],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['/api', '/v1', '/docs', '/healthz'].map((path) => [path, { target: gateway, changeOrigin: true }]),
    ),
  },
})
