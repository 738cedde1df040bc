// Writes the page that manual.test.ts compares.
import { writeFileSync } from 'node:fs'
import { renderManual } from './manual.ts'

writeFileSync(new URL('../../docs/reference/hls-lint.md', import.meta.url), renderManual())
