// Two builds: `vite build` makes the console (dist/console, served at / by the API),
// `vite build --mode watch` the public player page (dist/watch, served by the media origin below /watch-assets/).
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig(({ mode }) => {
  const isWatch = mode === 'watch'
  return {
    root: here('.'),
    base: isWatch ? '/watch-assets/' : '/',
    plugins: isWatch ? [] : [react(), tailwindcss()],
    build: {
      outDir: here(isWatch ? 'dist/watch' : 'dist/console'),
      emptyOutDir: true,
      target: 'es2022',
      // Nothing may be inlined as a data: URL or an inline script, so that the pages run under a strict CSP.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // hls.js is one library and is loaded only where a player is.
      chunkSizeWarningLimit: 700,
      rolldownOptions: { input: here(isWatch ? 'watch.html' : 'index.html') },
    },
  }
})
