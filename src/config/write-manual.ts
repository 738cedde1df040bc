// `npm run docs`: writes the texts that manual.test.ts compares.
import { writeFileSync } from 'node:fs'
import { renderExample, renderReference, renderServeHelp } from './manual.ts'

const root = new URL('../../', import.meta.url)
writeFileSync(new URL('deploy/mirror.example.yml', root), renderExample())
writeFileSync(new URL('docs/reference/configuration.md', root), renderReference())
writeFileSync(new URL('launcher/serve-help.txt', root), renderServeHelp())
