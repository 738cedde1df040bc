import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMirrorError } from '../../core/errors.ts'
import { cleanFileName, cleanFolder, extensionOf, refusalOf } from './asset-name.ts'

test.each([
  ['Urlaub 1.JPG', 'Urlaub 1.JPG', 'jpg'],
  ['../../etc/passwd', 'passwd', ''],
  ['C:\\fakepath\\a.tar.gz', 'a.tar.gz', 'gz'],
  ['a\u0000\u202Egpj.exe', 'agpj.exe', 'exe'],
  ['..', 'untitled', ''],
  ['', 'untitled', ''],
  ['.htaccess', '.htaccess', ''],
  ['a.b c', 'a.b c', ''],
  ['u\u0308.png', 'ü.png', 'png'],
])('%j is kept as %j, with the extension %j', (sent, name, extension) => {
  expect([cleanFileName(sent), extensionOf(cleanFileName(sent))]).toEqual([name, extension])
})

test('whatever is sent, a name is one segment of at most 200 letters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 250 }), (sent) => {
      const name = cleanFileName(sent)
      expect(name).toMatch(/^[^/\\\p{Cc}]+$/u)
      expect([...name].length).toBeLessThanOrEqual(200)
      expect(cleanFileName(name)).toBe(name)
    }),
  )
})

test('a folder is names divided by slashes', () => {
  expect([cleanFolder('/a//b c/'), cleanFolder(''), cleanFolder('/')]).toEqual(['a/b c', '', ''])
  for (const wrong of ['a/../b', '.', 'a\\b', 'a\nb', 'x'.repeat(501)]) {
    const refused = () => cleanFolder(wrong)
    expect(refused).toThrow(expect.toSatisfy((error) => isMirrorError(error) && error.code === 'invalid_request'))
  }
})

test('a name that promises another kind of content is refused, and a drawing that can run is', () => {
  expect(refusalOf('svg', { kind: 'document', contentType: 'image/svg+xml' })).toContain('never drawn')
  const page = { kind: 'document', contentType: 'text/html' } as const
  expect(refusalOf('png', page)).toBe('it is named .png, but its bytes are text/html')
  expect(refusalOf('html', page)).toBeNull()
  expect(refusalOf('', page)).toBeNull()
  expect(refusalOf('png', { kind: 'image', contentType: 'image/jpeg' })).toBeNull()
  expect(refusalOf('m4a', { kind: 'video', contentType: 'video/mp4' })).toBeNull()
  expect(refusalOf('mp4', { kind: 'image', contentType: 'image/png' })).not.toBeNull()
})
