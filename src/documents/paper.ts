import { createRequire } from 'node:module'
import Pdf from 'pdfkit'

const { resolve } = createRequire(import.meta.url)
const fontFiles = {
  plain: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf'),
  bold: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf'),
}

interface FontFace {
  hasGlyphForCodePoint(codePoint: number): boolean
}

export interface Paper {
  readonly text: (text: string, at: Placed) => number
  readonly rule: (y: number) => void
  /** Where the next thing may begin: `y`, or the top of a new page where so much does not fit. */
  readonly room: (y: number, height: number) => number
  /** Whether something could not be written in the font. */
  readonly hasGaps: () => boolean
  readonly finish: () => Promise<Buffer>
}

export interface Placed {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly size?: number
  readonly bold?: boolean
  readonly quiet?: boolean
  readonly align?: 'left' | 'right'
}

export const page = { left: 56, right: 539, top: 56, bottom: 785, width: 483 } as const

/** Stands for a character that the font does not have. */
export const gap = '\u25a1'

/**
 * A4, with the same bytes for the same content: nothing in it is of the moment or of the machine. The font has the
 * letters of Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic; of others, `gap` is written.
 */
export const newPaper = (about: {
  readonly title: string
  readonly author: string
  readonly at: Date
}): Paper => {
  const document = new Pdf({
    size: 'A4',
    margin: 0,
    font: fontFiles.plain,
    lang: 'en',
    displayTitle: true,
    info: { Title: about.title, Author: about.author, CreationDate: about.at, ModDate: about.at },
  })
  const pieces: Buffer[] = []
  document.on('data', (piece: Buffer) => pieces.push(piece))
  const ended = new Promise<void>((done, failed) => document.on('end', done).on('error', failed))
  let gaps = false

  const has = (codePoint: number): boolean => {
    // The face of the library for this is the font that it has opened.
    const inside = document as unknown as Record<'_font', { font: FontFace }>
    return inside['_font'].font.hasGlyphForCodePoint(codePoint)
  }
  const written = (text: string): string => {
    const characters = Array.from(text.normalize('NFC').replaceAll(/\p{C}+/gu, ' '), (character) => {
      if (/\s/u.test(character)) return ' '
      if (has(character.codePointAt(0) ?? 0)) return character
      gaps = true
      return gap
    })
    return inReadingOrder(characters.join(''))
  }

  return {
    text: (text, { x, y, width, size = 9.5, bold = false, quiet = false, align = 'left' }) => {
      document
        .font(bold ? fontFiles.bold : fontFiles.plain)
        .fontSize(size)
        .fillColor(quiet ? '#5b6270' : '#14171f')
      document.text(written(text), x, y, { width, align, lineGap: 2 })
      return document.y
    },
    rule: (y) => {
      document.moveTo(page.left, y).lineTo(page.right, y).lineWidth(0.6).strokeColor('#c5cad3').stroke()
    },
    room: (y, height) => {
      if (y + height <= page.bottom) return y
      document.addPage()
      return page.top
    },
    hasGaps: () => gaps,
    finish: async () => {
      document.end()
      await ended
      return Buffer.concat(pieces)
    },
  }
}

/**
 * The font's own rules put the letters of a right-to-left word in order; words are placed from left to right. A text with
 * nothing but such words is turned around; one that mixes both keeps the order it was entered in.
 */
export const inReadingOrder = (text: string): string => {
  const isRightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}]/u.test(text)
  return isRightToLeft && !/[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}]/u.test(text)
    ? text.split(' ').toReversed().join(' ')
    : text
}
