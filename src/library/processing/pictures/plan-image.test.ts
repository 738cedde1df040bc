import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitInside, isSizeName, planImage, planSize, SIZE_NAMES } from './plan-image.ts'

test('a landscape becomes a thumbnail in 150×150, a medium in 800×600, and WebP and AVIF of at most 2560', () => {
  expect(planImage({ width: 6000, height: 4000 })).toEqual([
    { name: 'thumbnail', format: 'jpeg', quality: 85, width: 150, height: 100 },
    { name: 'medium', format: 'jpeg', quality: 85, width: 800, height: 533 },
    { name: 'webp', format: 'webp', quality: 80, width: 2560, height: 1707 },
    { name: 'avif', format: 'avif', quality: 55, width: 2560, height: 1707 },
  ])
})

test('a small picture is never enlarged', () => {
  for (const { width, height } of planImage({ width: 40, height: 30 })) expect([width, height]).toEqual([40, 30])
})

test('a line of one pixel keeps that pixel', () => {
  expect(fitInside({ width: 65_000, height: 1 }, { width: 150, height: 150 })).toEqual({ width: 150, height: 1 })
})

test('whatever its size, a rendition lies in its box and in the picture, and keeps the shape to the pixel', () => {
  const pixels = fc.integer({ min: 1, max: 65_535 })
  fc.assert(
    fc.property(pixels, pixels, (width, height) => {
      const box = { width: 800, height: 600 }
      const fit = fitInside({ width, height }, box)
      expect(fit.width).toBeLessThanOrEqual(Math.min(box.width, width))
      expect(fit.height).toBeLessThanOrEqual(Math.min(box.height, height))
      const scale = Math.min(1, box.width / width, box.height / height)
      expect(Math.abs(fit.width - Math.max(1, width * scale))).toBeLessThanOrEqual(0.5)
      expect(Math.abs(fit.height - Math.max(1, height * scale))).toBeLessThanOrEqual(0.5)
    }),
  )
})

test('further sizes are those of a list, by their longer side, and never larger than the picture', () => {
  expect(SIZE_NAMES).toHaveLength(15)
  const portrait = { width: 1000, height: 2000 }
  expect(planSize(portrait, 'fit-640-webp')).toEqual({
    ...{ name: 'fit-640-webp', format: 'webp', quality: 80, width: 320, height: 640 },
  })
  expect(planSize(portrait, 'fit-1920-avif')).toMatchObject({ width: 960, height: 1920 })
  expect(planSize({ width: 10, height: 20 }, 'fit-320-jpeg')).toMatchObject({ width: 10, height: 20 })
  for (const name of SIZE_NAMES) expect([isSizeName(name), planSize(portrait, name)?.name]).toEqual([true, name])
  for (const other of ['fit-641-webp', 'fit-640-png', 'fit-640', 'thumbnail', 'toString']) {
    expect([isSizeName(other), planSize(portrait, other)]).toEqual([false, null])
  }
})
