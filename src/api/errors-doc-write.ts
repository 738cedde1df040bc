// Writes docs/reference/errors.md. Run it after changing src/core/errors.ts: node src/api/errors-doc-write.ts
import { writeFile } from 'node:fs/promises'
import { renderErrorsDoc } from './errors-doc.ts'

await writeFile(new URL('../../docs/reference/errors.md', import.meta.url), renderErrorsDoc())
