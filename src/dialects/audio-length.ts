/** How long a recording is, as far as its bytes tell. */

/** 128 kbit/s, the most common rate of MP3. */
const usualBytesPerSecond = 16_000
/** Opus at 6 kbit/s; silence can be smaller still. */
const leastBytesPerSecond = 750

export interface Length {
  /** About right, or exact where `isExact`. */
  readonly seconds: number
  /** It is surely not longer, but for recordings of silence. */
  readonly mostSeconds: number
  readonly isExact: boolean
}

export const lengthOf = (audio: Buffer): Length => {
  const exact = wavSeconds(audio)
  if (exact !== null) return { seconds: exact, mostSeconds: exact, isExact: true }
  const rate = mp3BytesPerSecond(audio) ?? usualBytesPerSecond
  return {
    seconds: Math.ceil(audio.length / rate),
    mostSeconds: Math.ceil(audio.length / leastBytesPerSecond),
    isExact: false,
  }
}

const pcm = 1

/** Of uncompressed WAV: whoever plays it goes by the same numbers in its header. */
const wavSeconds = (audio: Buffer): number | null => {
  if (audio.length < 44 || audio.toString('latin1', 0, 4) !== 'RIFF') return null
  if (audio.toString('latin1', 8, 16) !== 'WAVEfmt ' || audio.readUInt16LE(20) !== pcm) return null
  const channels = audio.readUInt16LE(22)
  const samplesPerSecond = audio.readUInt32LE(24)
  const bytesPerSecond = (samplesPerSecond * channels * audio.readUInt16LE(34)) / 8
  // No voice is recorded slower than 4 kHz; a header that says so would make a file look endless.
  return bytesPerSecond < 4_000 ? null : Math.ceil((audio.length - 44) / bytesPerSecond)
}

/** kbit/s of MPEG 1, layer III. http://mpgedit.org/mpgedit/mpeg_format/mpeghdr.htm */
const mp3Rates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]

const mp3BytesPerSecond = (audio: Buffer): number | null => {
  const at = audio.toString('latin1', 0, 3) === 'ID3' ? afterTag(audio) : 0
  // Frame sync, MPEG 1, layer III.
  if (at + 4 > audio.length || audio[at] !== 0xff || ((audio[at + 1] as number) & 0xfe) !== 0xfa) return null
  const kilobits = mp3Rates[(audio[at + 2] as number) >> 4] ?? 0
  return kilobits === 0 ? null : kilobits * 125
}

const afterTag = (audio: Buffer): number => {
  if (audio.length < 10) return 0
  const [a, b, c, d] = [6, 7, 8, 9].map((at) => (audio[at] as number) & 0x7f) as [
    number,
    number,
    number,
    number,
  ]
  return 10 + a * 2 ** 21 + b * 2 ** 14 + c * 2 ** 7 + d
}
