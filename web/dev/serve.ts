// `npm run dev -w web`: Vite with the mock API behind it, or with a real server: MIRROR_API=http://127.0.0.1:8080.
import { createServer } from 'vite'
import { startMockApi } from './mock-api.ts'
import { openMockMedia } from './mock-media.ts'

const real = process.env['MIRROR_API']
const target = real ?? (await startMockApi({ scenario: 'busy', media: await openMockMedia() })).url
const origin = new URL(target)

const vite = await createServer({
  configFile: new URL('../vite.config.ts', import.meta.url).pathname,
  server: {
    proxy: {
      // The server compares Origin and Host, so the proxy speaks as if it were the console itself.
      '/api': { target, changeOrigin: true, ws: true, headers: { origin: origin.origin } },
      '/stream': { target },
    },
  },
})
await vite.listen()
vite.printUrls()
